// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/guest_memory.hpp"

#include <fmt/core.h>

#include <utility>

namespace rb {
namespace {

/// True if two ranges overlap. Neither may wrap around.
bool overlap(std::uint64_t one, std::uint64_t one_size, std::uint64_t other, std::uint64_t other_size) noexcept {
  return one < other + other_size && other < one + one_size;
}

}  // namespace

Result<> GuestMemory::add(const Region& region, int fd) {
  if (count_ == kMaxRegions) {
    return fail(ErrorCode::kTableFull, fmt::format("a guest's memory may have {} regions", kMaxRegions));
  }
  if (region.size == 0 || region.guest_address + region.size < region.size ||
      region.user_address + region.size < region.size || region.file_offset + region.size < region.size) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("a region of {} octets cannot begin at {:#x}", region.size, region.guest_address));
  }
  std::uint64_t size = region.size;
  for (std::size_t i = 0; i < count_; ++i) size += regions_[i].region.size;
  if (region.size > kMaxSize || size > kMaxSize) {
    return fail(ErrorCode::kTableFull, fmt::format("a guest's memory may have {} TiB", kMaxSize >> 40));
  }
  for (std::size_t i = 0; i < count_; ++i) {
    const Region& other = regions_[i].region;
    if (overlap(region.guest_address, region.size, other.guest_address, other.size) ||
        overlap(region.user_address, region.size, other.user_address, other.size)) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("the regions at {:#x} and {:#x} of the guest overlap",
                                                           other.guest_address, region.guest_address));
    }
  }
  Result<GuardedMapping> mapping = GuardedMapping::map(fd, region.file_offset, region.size);
  if (!mapping) return std::unexpected(mapping.error());
  Mapped& added = regions_[count_++];
  added.region = region;
  added.data = mapping->data();
  added.mapping = std::make_shared<const GuardedMapping>(std::move(*mapping));
  return {};
}

Result<> GuestMemory::remove(const Region& region) {
  for (std::size_t i = 0; i < count_; ++i) {
    const Region& other = regions_[i].region;
    if (other.guest_address != region.guest_address || other.user_address != region.user_address ||
        other.size != region.size)
      continue;
    std::swap(regions_[i], regions_[--count_]);
    regions_[count_] = {};
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("there is no region of {} octets at {:#x} of the guest", region.size, region.guest_address));
}

Piece GuestMemory::at_elsewhere(std::uint64_t guest_address, std::uint32_t size, std::size_t& hint) const noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    const std::uint64_t offset = guest_address - regions_[i].region.guest_address;
    if (offset >= regions_[i].region.size) continue;
    hint = i;
    return {regions_[i].data + offset,
            static_cast<std::uint32_t>(std::min<std::uint64_t>(size, regions_[i].region.size - offset))};
  }
  return {};
}

std::byte* GuestMemory::at_user_address(std::uint64_t user_address, std::uint64_t size) const noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    const std::uint64_t offset = user_address - regions_[i].region.user_address;
    if (offset < regions_[i].region.size)
      return size <= regions_[i].region.size - offset ? regions_[i].data + offset : nullptr;
  }
  return nullptr;
}

std::uint64_t GuestMemory::guest_address_of(std::uint64_t user_address) const noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    const std::uint64_t offset = user_address - regions_[i].region.user_address;
    if (offset < regions_[i].region.size) return regions_[i].region.guest_address + offset;
  }
  return 0;
}

bool GuestMemory::broken() const noexcept {
  return std::any_of(regions_.begin(), regions_.begin() + static_cast<std::ptrdiff_t>(count_),
                     [](const Mapped& region) { return region.mapping->broken(); });
}

}  // namespace rb
