// SPDX-License-Identifier: GPL-2.0-or-later
// RingBuffers are the buffers of a ring's frames. Buffer i always belongs to descriptor i.
#pragma once

#include <cstddef>
#include <cstdint>

#include "switch/vnet_header.hpp"

namespace bench {

inline constexpr std::size_t kCacheLine = 64;  // octets

struct RingBuffers {
  std::byte* first = nullptr;       // the header before the frame in buffer 0
  std::uint64_t guest_address = 0;  // the same place as an address in descriptors
  std::size_t stride = 0;           // octets from one buffer to the next
  std::uint32_t size = 0;           // size of a buffer in octets, with its header

  /// Octets from one buffer to the next. A frame begins at a cache line, and its header is at the end of the line
  /// before, so that sending a frame of 64 octets touches one line: the header stays as it is. The number of lines is
  /// odd. With an even number, the first lines of the buffers, which are the only lines used by short frames, would
  /// share a part of the cache.
  [[nodiscard]] static constexpr std::size_t stride_of(std::size_t most_octets) {
    return ((most_octets + kCacheLine - 1) / kCacheLine + 1) / 2 * 2 * kCacheLine + kCacheLine;
  }
  /// The memory for `count` buffers in octets. It must be aligned to a cache line.
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
