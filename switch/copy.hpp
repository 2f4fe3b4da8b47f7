// SPDX-License-Identifier: GPL-2.0-or-later
// Copies octets inline. Most copies are short, and a frame of 64 octets needs no call.
#pragma once

#include <cstddef>
#include <cstring>

namespace rb {

/// Like memcpy. The last octets may be read twice, which does not change the result.
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
