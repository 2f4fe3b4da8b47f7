// SPDX-License-Identifier: GPL-2.0-or-later
// GuardedMapping is a shared mapping of another process's file. The file may shrink without ending this process.
//
// How it works. A process that has a file may truncate it, and an access to a page that is gone raises SIGBUS. A
// handler of this signal looks for the address among all guarded mappings, replaces the whole mapping by zero pages,
// and marks it broken. The reader or writer goes on, and the owner of the mapping finds the mark. The handler reads a
// table of fixed places, which are filled and cleared by atomic stores. Any other SIGBUS ends the process as usual. A
// file that is sealed against shrinking (F_SEAL_SHRINK) never raises the signal.
#pragma once

#include <cstddef>
#include <cstdint>

#include "switch/result.hpp"

namespace rb {

class GuardedMapping {
 public:
  /// The maximum over all ports: each may have 64 regions of memory.
  static constexpr std::size_t kMaxMappings = 16384;
  /// The maximum size of all of them in octets: half of a process's addresses.
  static constexpr std::uint64_t kMaxSize = std::uint64_t{64} << 40;

  GuardedMapping() = default;
  /// Maps `size` octets of a file from `offset` on, for reading and writing. The descriptor is not kept. Only files in
  /// memory are accepted (tmpfs, memfd, hugetlbfs): another file system could make a reader wait for ever. Errors:
  /// kInvalidArgument (another kind of file, or a shorter one), kTableFull, kSystem.
  [[nodiscard]] static Result<GuardedMapping> map(int fd, std::uint64_t offset, std::uint64_t size);
  GuardedMapping(GuardedMapping&& other) noexcept;
  GuardedMapping& operator=(GuardedMapping&& other) noexcept;
  GuardedMapping(const GuardedMapping&) = delete;
  GuardedMapping& operator=(const GuardedMapping&) = delete;
  ~GuardedMapping();

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  /// True if the file has shrunk, and the mapping has zeros. Any thread.
  [[nodiscard]] bool broken() const noexcept;
  /// The number of mappings that have broken since the start. If it has not changed, no mapping need be checked. Any
  /// thread.
  [[nodiscard]] static std::uint64_t broken_count() noexcept;

 private:
  void release() noexcept;

  std::byte* data_ = nullptr;
  std::byte* start_ = nullptr;  // at a page boundary
  std::uint64_t length_ = 0;
  std::size_t place_ = 0;
};

}  // namespace rb
