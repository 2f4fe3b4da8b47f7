// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/copy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace rb {
namespace {

constexpr std::size_t kMaxSize = 600, kAlignments = 64, kGuard = 64;  // octets
constexpr std::byte kUntouched{0xee};

/// Returns octets that differ from their neighbours and from kUntouched.
std::vector<std::byte> some_octets(std::size_t size) {
  std::vector<std::byte> octets(size);
  for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<std::byte>(i * 7 % 199);
  return octets;
}

/// Copies between two alignments. True if the copy is equal to the source and nothing around it has changed.
bool copies(const std::vector<std::byte>& source, std::size_t from, std::size_t to, std::size_t size) {
  alignas(kAlignments) static std::byte room[kGuard + kAlignments + kMaxSize + kGuard];
  std::fill(std::begin(room), std::end(room), kUntouched);
  std::byte* const start = room + kGuard + to;
  copy_octets(start, source.data() + from, size);
  return std::equal(start, start + size, source.data() + from) &&
         std::all_of(room, start, [](std::byte octet) { return octet == kUntouched; }) &&
         std::all_of(start + size, room + sizeof room, [](std::byte octet) { return octet == kUntouched; });
}

TEST(CopyOctets, CopiesEverySizeFromAndToEveryAlignment) {
  const std::vector<std::byte> source = some_octets(kAlignments + kMaxSize);
  for (std::size_t size = 0; size <= kMaxSize; ++size) {
    for (std::size_t alignment = 0; alignment < kAlignments; ++alignment) {
      ASSERT_TRUE(copies(source, alignment, 0, size)) << size << " octets from " << alignment;
      ASSERT_TRUE(copies(source, 0, alignment, size)) << size << " octets to " << alignment;
      ASSERT_TRUE(copies(source, alignment, (alignment * 13 + 5) % kAlignments, size)) << size << ' ' << alignment;
    }
  }
}

// The memory has exactly this size, so that AddressSanitizer sees a read or write beside it.
TEST(CopyOctets, ReadsAndWritesNothingBeside) {
  for (std::size_t size = 1; size <= kMaxSize; ++size) {
    const std::vector<std::byte> source = some_octets(size);
    std::vector<std::byte> copy(size, kUntouched);
    copy_octets(copy.data(), source.data(), size);
    ASSERT_EQ(copy, source);
  }
}

}  // namespace
}  // namespace rb
