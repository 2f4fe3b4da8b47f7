// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and writes numbers of headers: network order, at any alignment. The caller has checked that the octets exist.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rb {

[[nodiscard]] inline std::uint8_t load8(const std::byte* at) noexcept {
  return std::to_integer<std::uint8_t>(*at);
}
[[nodiscard]] inline std::uint16_t load16(const std::byte* at) noexcept {
  return static_cast<std::uint16_t>(load8(at) << 8 | load8(at + 1));
}
[[nodiscard]] inline std::uint32_t load32(const std::byte* at) noexcept {
  return std::uint32_t{load16(at)} << 16 | load16(at + 2);
}

[[nodiscard]] inline std::uint64_t load64(const std::byte* at) noexcept {
  return std::uint64_t{load32(at)} << 32 | load32(at + 4);
}

/// Stores the low 16 bits of `value`: header arithmetic is modulo the field's size.
inline void store16(std::byte* at, std::uint32_t value) noexcept {
  at[0] = static_cast<std::byte>(value >> 8 & 0xff);
  at[1] = static_cast<std::byte>(value & 0xff);
}
inline void store32(std::byte* at, std::uint32_t value) noexcept {
  store16(at, value >> 16);
  store16(at + 2, value);
}
inline void store64(std::byte* at, std::uint64_t value) noexcept {
  store32(at, static_cast<std::uint32_t>(value >> 32));
  store32(at + 4, static_cast<std::uint32_t>(value & 0xffffffff));
}

}  // namespace rb
