// SPDX-License-Identifier: GPL-2.0-or-later
// DirtyLog is the bit map in which a back end marks the pages of a guest that it writes, while the guest migrates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "ports/vhost/guarded_mapping.hpp"

namespace rb {

/// vhost-user, "Migration": one bit a page of 4,096 octets, of guest addresses from 0 on. Any worker may mark.
class DirtyLog {
 public:
  DirtyLog(GuardedMapping mapping, std::uint64_t size) noexcept : mapping_(std::move(mapping)), size_(size) {}

  /// Pages beyond the end of the log are not marked: the front end does not want them.
  void mark(std::uint64_t guest_address, std::uint64_t size) const noexcept {
    if (size == 0) return;
    const std::uint64_t last = (guest_address + size - 1) / kPageSize;
    for (std::uint64_t page = guest_address / kPageSize; page <= last && page / 8 < size_; ++page) {
      auto* octet = reinterpret_cast<std::uint8_t*>(mapping_.data() + page / 8);
      __atomic_fetch_or(octet, static_cast<std::uint8_t>(1U << page % 8), __ATOMIC_RELEASE);
    }
  }
  [[nodiscard]] bool broken() const noexcept { return mapping_.broken(); }

 private:
  static constexpr std::uint64_t kPageSize = 4096;
  GuardedMapping mapping_;
  std::uint64_t size_;  // octets
};

}  // namespace rb
