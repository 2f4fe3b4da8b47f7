// SPDX-License-Identifier: GPL-2.0-or-later
// FileTable: the files that the requests of one ring name, registered with the ring or not.
#pragma once

#include <liburing.h>

#include <optional>
#include <vector>

#include "ports/engine/ring.hpp"

namespace rb {

/// How requests name files.
enum class FileNames : std::uint8_t {
  kRegistered,   // by their place in the ring's table: the kernel need not look the descriptor up for each request
  kDescriptors,  // by the descriptor itself
};

/// One worker's.
class FileTable {
 public:
  /// `place_count`: places in the table of the ring that the functions below are given.
  FileTable(FileNames names, unsigned place_count);

  /// Gives the name of a file for requests, which carry flag() besides; nothing when the table is full. The caller
  /// keeps the descriptor.
  [[nodiscard]] std::optional<unsigned> add(Ring& ring, int fd);
  /// Takes back what add() gave.
  void remove(Ring& ring, unsigned file) noexcept;
  /// Flags of each request that names a file of the table.
  [[nodiscard]] unsigned flag() const noexcept { return registers_ ? IOSQE_FIXED_FILE : 0; }

 private:
  bool registers_;
  std::vector<unsigned> free_places_;
};

}  // namespace rb
