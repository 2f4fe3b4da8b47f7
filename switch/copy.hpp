// SPDX-License-Identifier: GPL-2.0-or-later
// Copying of what is mostly short: inline, without a call for a frame of 64 octets.
#pragma once

#include <cstddef>
#include <cstring>

namespace rb {

/// As memcpy. The last octets may be read twice; what comes of it is whole all the same.
inline void copy_octets(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  constexpr std::size_t kBlock = 32, kLong = 256;
  if (size < kBlock || size > kLong) {
    std::memcpy(to, from, size);
    return;
  }
  for (std::size_t at = 0; at + kBlock < size; at += kBlock) std::memcpy(to + at, from + at, kBlock);
  std::memcpy(to + size - kBlock, from + size - kBlock, kBlock);
}

}  // namespace rb
