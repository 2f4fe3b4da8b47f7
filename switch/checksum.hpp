// SPDX-License-Identifier: GPL-2.0-or-later
// The Internet checksum (RFC 1071): the ones' complement sum over a scatter list, and its parts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rb {

/// The ones' complement sum of `octets` read as 16-bit words in memory order, with an odd last octet padded with zero,
/// folded to 16 bits. The sum is 0 only if all octets are 0. Store the result unchanged (std::memcpy): the sum does not
/// depend on byte order as long as words are read and written alike (RFC 1071 2.B).
[[nodiscard]] std::uint16_t internet_sum(std::span<const std::byte> octets) noexcept;

/// a + b with end-around carry.
[[nodiscard]] constexpr std::uint16_t add_ones_complement(std::uint16_t a, std::uint16_t b) noexcept {
  const std::uint32_t sum = std::uint32_t{a} + b;
  return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

/// Sums octets that come in several parts. Any part may have an odd length.
class ChecksumSum {
 public:
  /// Adds the octets that follow the octets added before.
  void add(std::span<const std::byte> octets) noexcept;
  /// Adds a 16-bit word of a header, in host order, e.g. a protocol number of a pseudo-header.
  void add_word(std::uint16_t word) noexcept;
  /// The checksum for a header: the complement of the sum, in memory order of its two octets.
  [[nodiscard]] std::uint16_t finish() const noexcept { return static_cast<std::uint16_t>(~sum_); }

 private:
  void add_part(std::uint16_t sum) noexcept;

  std::uint16_t sum_ = 0;  // folded, of words in memory order
  bool odd_ = false;       // an odd number of octets so far: the next one is the second half of its word
};

}  // namespace rb
