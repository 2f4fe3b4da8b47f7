// SPDX-License-Identifier: GPL-2.0-or-later
// RingBuffers: where the frames of a ring are. Buffer i belongs to descriptor i for good.
#pragma once

#include <cstddef>
#include <cstdint>

#include "switch/vnet_header.hpp"

namespace bench {

inline constexpr std::size_t kCacheLine = 64;  // octets

struct RingBuffers {
  std::byte* first = nullptr;       // the header in front of the frame in buffer 0
  std::uint64_t guest_address = 0;  // of the same, as descriptors have it
  std::size_t stride = 0;           // octets from one buffer to the next
  std::uint32_t size = 0;           // octets of a buffer with its header

  /// Octets from one buffer to the next. A frame begins a cache line, and its header ends the one before, so that
  /// sending a frame of 64 octets touches one line: the header stays as it is. An odd number of lines, as with an even
  /// one the buffers' first lines, which are all that is touched of short frames, would crowd in a part of the cache.
  [[nodiscard]] static constexpr std::size_t stride_of(std::size_t most_octets) {
    return ((most_octets + kCacheLine - 1) / kCacheLine + 1) / 2 * 2 * kCacheLine + kCacheLine;
  }
  /// Octets of memory, aligned to a cache line, that `count` buffers take.
  [[nodiscard]] static constexpr std::size_t octets(std::size_t count, std::size_t most_octets) {
    return kCacheLine + count * stride_of(most_octets);
  }
  [[nodiscard]] static RingBuffers at(std::byte* memory, std::uint64_t guest_address, std::size_t most_octets) {
    constexpr std::size_t kLead = kCacheLine - sizeof(rb::VnetHeader);
    return {.first = memory + kLead,
            .guest_address = guest_address + kLead,
            .stride = stride_of(most_octets),
            .size = static_cast<std::uint32_t>(sizeof(rb::VnetHeader) + most_octets)};
  }

  [[nodiscard]] std::byte* header(std::size_t slot) const { return first + slot * stride; }
  [[nodiscard]] std::byte* frame(std::size_t slot) const { return header(slot) + sizeof(rb::VnetHeader); }
  [[nodiscard]] std::uint64_t address(std::size_t slot) const { return guest_address + slot * stride; }
};

}  // namespace bench
