// The Internet checksum (RFC 1071), over scattered octets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rb {

/// Sums 16-bit words in the order of the octets on the wire; a part may begin at an odd octet.
class ChecksumSum {
 public:
  void add(std::span<const std::byte> octets) noexcept;
  /// A 16-bit word of a header, in host order, e.g. a protocol number of a pseudo header.
  void add_word(std::uint16_t word) noexcept;
  /// The checksum as it stands in a header: memory order of its two octets.
  [[nodiscard]] std::uint16_t finish() const noexcept;

 private:
  std::uint64_t sum_ = 0;  // of words as they lie in memory; folded by finish()
  bool odd_ = false;       // an odd number of octets has been added
};

}  // namespace rb
