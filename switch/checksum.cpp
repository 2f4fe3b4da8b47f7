// SPDX-License-Identifier: GPL-2.0-or-later
// How it works
//
// 2^16 = 1 (mod 2^16 - 1), so a 64-bit word can be added as two 32-bit halves into two 64-bit accumulators, and all
// the carries are folded once at the end (RFC 1071 2.C). Halves instead of an add-with-carry chain, because the loop
// then has no dependency but the additions and compilers turn it into vector code by themselves. An accumulator
// takes 2^32 additions before it could overflow; a frame has fewer than 2^14 words.
#include "switch/checksum.hpp"

#include <cstring>

namespace rb {
namespace {

std::uint16_t fold(std::uint64_t sum) noexcept {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// Returns the last 0 to 7 octets as a word padded with zeros.
std::uint64_t load_tail(const std::byte* data, std::size_t size) noexcept {
  std::uint64_t word = 0;
  if (size != 0) std::memcpy(&word, data, size);
  return word;
}

std::uint16_t swap_halves(std::uint16_t word) noexcept {
  return static_cast<std::uint16_t>(word << 8 | word >> 8);
}

}  // namespace

std::uint16_t internet_sum(std::span<const std::byte> octets) noexcept {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const std::byte* const data = octets.data();
  const std::size_t whole = octets.size() / kWord * kWord;
  const std::uint64_t tail = load_tail(data + whole, octets.size() - whole);
  std::uint64_t low = tail & 0xffffffff;
  std::uint64_t high = tail >> 32;
  for (std::size_t at = 0; at != whole; at += kWord) {
    std::uint64_t word = 0;
    std::memcpy(&word, data + at, kWord);
    low += word & 0xffffffff;
    high += word >> 32;
  }
  return fold((low & 0xffffffff) + (low >> 32) + (high & 0xffffffff) + (high >> 32));
}

void ChecksumSum::add(std::span<const std::byte> octets) noexcept {
  add_part(internet_sum(octets));
  odd_ ^= octets.size() % 2 != 0;
}

void ChecksumSum::add_word(std::uint16_t word) noexcept {
  add_part(swap_halves(word));  // little-endian memory order (switch/vnet_header.hpp)
}

void ChecksumSum::add_part(std::uint16_t sum) noexcept {
  // A shift of all octets by one place swaps the halves of every word, and so those of the sum (RFC 1071 2.B).
  sum_ = add_ones_complement(sum_, odd_ ? swap_halves(sum) : sum);
}

}  // namespace rb
