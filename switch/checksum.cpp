#include "switch/checksum.hpp"

#include <bit>
#include <cstring>

namespace rb {
namespace {

std::uint16_t fold(std::uint64_t sum) noexcept {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

/// Words are summed as the machine reads them: the sum is the same but for the order of its octets (RFC 1071 2 B),
/// which is that of memory. Four octets at a time; a 64-bit sum of 32-bit halves cannot overflow below 16 GiB.
std::uint64_t sum_of(std::span<const std::byte> octets) noexcept {
  std::uint64_t sum = 0;
  const std::byte* at = octets.data();
  std::size_t left = octets.size();
  for (; left >= 32; at += 32, left -= 32) {
    std::uint32_t words[8];
    std::memcpy(words, at, sizeof words);
    for (const std::uint32_t word : words) sum += word;
  }
  for (; left >= 2; at += 2, left -= 2) {
    std::uint16_t word;
    std::memcpy(&word, at, sizeof word);
    sum += word;
  }
  if (left == 1) sum += std::to_integer<std::uint8_t>(*at);
  return sum;
}

}  // namespace

void ChecksumSum::add(std::span<const std::byte> octets) noexcept {
  const std::uint16_t part = fold(sum_of(octets));
  // A part that begins at an odd octet has its words shifted by one: swapping the octets of its sum makes up for it.
  sum_ += odd_ ? std::byteswap(part) : part;
  odd_ = odd_ != (octets.size() % 2 == 1);
}

void ChecksumSum::add_word(std::uint16_t word) noexcept {
  const std::uint16_t in_memory = std::byteswap(word);
  sum_ += odd_ ? std::byteswap(in_memory) : in_memory;
}

std::uint16_t ChecksumSum::finish() const noexcept {
  return static_cast<std::uint16_t>(~fold(sum_));
}

}  // namespace rb
