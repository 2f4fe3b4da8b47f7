// SPDX-License-Identifier: GPL-2.0-or-later
// GuestMemory: where a guest's memory lies in ours; the one border for addresses that a guest gives.
//
// Every address comes with its length, and what comes back lies in a mapping as a whole: nothing of a guest's is ever
// followed by its start alone. One table never changes while workers use it: a new one takes its place (VhostBackend).
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
  /// Octets of all of them: addresses are ours, and cost a guest nothing.
  static constexpr std::uint64_t kMaxSize = std::uint64_t{4} << 40;

  /// As the front end describes it (vhost-user, "Memory region description").
  struct Region {
    std::uint64_t guest_address = 0;  // what descriptors hold
    std::uint64_t size = 0;           // octets
    std::uint64_t user_address = 0;   // where the front end has it: what ring addresses are given in
    std::uint64_t file_offset = 0;
  };

  /// Adds a region. kInvalidArgument when it overlaps another, wraps around, or is no memory (GuardedMapping::map());
  /// kTableFull.
  [[nodiscard]] Result<> add(const Region& region, int fd);
  /// Takes a region out; kInvalidArgument when there is none with these addresses and this size.
  [[nodiscard]] Result<> remove(const Region& region);
  [[nodiscard]] std::size_t region_count() const noexcept { return count_; }

  /// What lies at a guest's address: at least one octet and at most `size`, since a buffer may go on in the next
  /// region; none, when the address lies outside. `hint`: the region where the caller's last address was.
  [[nodiscard]] Piece at(std::uint64_t guest_address, std::uint32_t size, std::size_t& hint) const noexcept {
    const std::uint64_t offset = guest_address - regions_[hint].region.guest_address;
    if (offset < regions_[hint].region.size) [[likely]] {
      return {regions_[hint].data + offset,
              static_cast<std::uint32_t>(std::min<std::uint64_t>(size, regions_[hint].region.size - offset))};
    }
    return at_elsewhere(guest_address, size, hint);
  }
  /// All of `size` octets at an address of the front end's own; null when they do not lie in one region.
  [[nodiscard]] std::byte* at_user_address(std::uint64_t user_address, std::uint64_t size) const noexcept;
  /// The guest's own address of what at_user_address() found.
  [[nodiscard]] std::uint64_t guest_address_of(std::uint64_t user_address) const noexcept;
  /// Whether a region's file has been truncated.
  [[nodiscard]] bool broken() const noexcept;

 private:
  struct Mapped {
    Region region;
    std::byte* data = nullptr;
    std::shared_ptr<const GuardedMapping> mapping;  // shared with the table that this one was made from
  };
  [[nodiscard]] Piece at_elsewhere(std::uint64_t guest_address, std::uint32_t size, std::size_t& hint) const noexcept;

  std::array<Mapped, kMaxRegions> regions_;  // those behind count_ are of size 0
  std::size_t count_ = 0;
};

}  // namespace rb
