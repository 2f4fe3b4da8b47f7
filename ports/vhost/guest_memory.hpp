// SPDX-License-Identifier: GPL-2.0-or-later
// GuestMemory translates a guest's addresses into ours. It is the only border for addresses that a guest gives.
//
// Every address comes with its length, and the result is in one mapping as a whole: no address of a guest is used by
// its start alone. A table never changes while workers use it: a new table replaces it (VhostBackend).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "ports/base/unique_fd.hpp"
#include "ports/vhost/guarded_mapping.hpp"
#include "switch/frame.hpp"

namespace rb {

class GuestMemory {
 public:
  /// VHOST_USER_GET_MAX_MEM_SLOTS.
  static constexpr std::size_t kMaxRegions = 64;
  /// The size of all regions in octets. They cost only our addresses, and the guest nothing.
  static constexpr std::uint64_t kMaxSize = std::uint64_t{4} << 40;

  /// A region as the front end describes it (vhost-user, "Memory region description").
  struct Region {
    std::uint64_t guest_address = 0;  // the addresses in descriptors
    std::uint64_t size = 0;           // octets
    std::uint64_t user_address = 0;   // the front end's own address, as in ring addresses
    std::uint64_t file_offset = 0;
  };

  /// Adds a region. kInvalidArgument if it overlaps another, wraps around, or is not memory (GuardedMapping::map());
  /// kTableFull.
  [[nodiscard]] Result<> add(const Region& region, int fd);
  /// Removes a region. kInvalidArgument if there is none with these addresses and this size.
  [[nodiscard]] Result<> remove(const Region& region);
  [[nodiscard]] std::size_t region_count() const noexcept { return count_; }

  /// Returns the octets at a guest's address: at least one and at most `size`, because a buffer may continue in the
  /// next region; none if the address is outside. `hint` is the region of the caller's last address.
  [[nodiscard]] Piece at(std::uint64_t guest_address, std::uint32_t size, std::size_t& hint) const noexcept {
    const std::uint64_t offset = guest_address - regions_[hint].region.guest_address;
    if (offset < regions_[hint].region.size) [[likely]] {
      return {regions_[hint].data + offset,
              static_cast<std::uint32_t>(std::min<std::uint64_t>(size, regions_[hint].region.size - offset))};
    }
    return at_elsewhere(guest_address, size, hint);
  }
  /// Returns `size` octets at an address of the front end's own, or null if they are not all in one region.
  [[nodiscard]] std::byte* at_user_address(std::uint64_t user_address, std::uint64_t size) const noexcept;
  /// Returns the guest's address for an address that at_user_address() found.
  [[nodiscard]] std::uint64_t guest_address_of(std::uint64_t user_address) const noexcept;
  /// True if a region's file has been truncated.
  [[nodiscard]] bool broken() const noexcept;

 private:
  struct Mapped {
    Region region;
    std::byte* data = nullptr;
    std::shared_ptr<const GuardedMapping> mapping;  // shared with the table from which this one was made
  };
  [[nodiscard]] Piece at_elsewhere(std::uint64_t guest_address, std::uint32_t size, std::size_t& hint) const noexcept;

  std::array<Mapped, kMaxRegions> regions_;  // regions from count_ on have size 0
  std::size_t count_ = 0;
};

}  // namespace rb
