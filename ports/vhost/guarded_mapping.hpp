// SPDX-License-Identifier: GPL-2.0-or-later
// GuardedMapping: a shared mapping of another process's file, which may shrink under us without ending this process.
//
// How it works. Whoever has a file may truncate it, and touching a page that it has lost raises SIGBUS. A handler of
// that signal looks the address up among all guarded mappings, puts zero pages in the place of the whole mapping, and
// marks it broken; the reader or writer goes on as if nothing had happened, and its user finds the mark. The handler
// reads a table of fixed places, which are filled and cleared by atomic stores; any other SIGBUS ends the process as
// ever. A file that is sealed against shrinking (F_SEAL_SHRINK) never gets there.
#pragma once

#include <cstddef>
#include <cstdint>

#include "switch/result.hpp"

namespace rb {

class GuardedMapping {
 public:
  /// Over all ports: each may have 64 regions of memory.
  static constexpr std::size_t kMaxMappings = 16384;
  /// Octets of all of them, half of the addresses that a process has.
  static constexpr std::uint64_t kMaxSize = std::uint64_t{64} << 40;

  GuardedMapping() = default;
  /// Maps `size` octets of a file from `offset` on, to be read and written. The descriptor is not kept. Only files that
  /// live in memory are taken (tmpfs, memfd, hugetlbfs): another file system could make its reader wait for ever.
  /// kInvalidArgument: another kind of file, or one that is shorter; kTableFull; kSystem.
  [[nodiscard]] static Result<GuardedMapping> map(int fd, std::uint64_t offset, std::uint64_t size);
  GuardedMapping(GuardedMapping&& other) noexcept;
  GuardedMapping& operator=(GuardedMapping&& other) noexcept;
  GuardedMapping(const GuardedMapping&) = delete;
  GuardedMapping& operator=(const GuardedMapping&) = delete;
  ~GuardedMapping();

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  /// Whether the file has shrunk, and zeros stand here. Any thread.
  [[nodiscard]] bool broken() const noexcept;
  /// How many mappings have broken since the start; when it has not changed, none need be asked. Any thread.
  [[nodiscard]] static std::uint64_t broken_count() noexcept;

 private:
  void release() noexcept;

  std::byte* data_ = nullptr;
  std::byte* start_ = nullptr;  // of whole pages
  std::uint64_t length_ = 0;
  std::size_t place_ = 0;
};

}  // namespace rb
