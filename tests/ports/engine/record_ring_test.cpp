// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/record_ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <vector>

namespace rb {
namespace {

struct Header {
  std::uint32_t number = 0;
};
using Ring = RecordRing<Header, 4096>;

/// A frame of three pieces; its octets begin with `number` and count up.
struct NumberedFrame {
  explicit NumberedFrame(std::uint32_t number, std::uint32_t size) : octets(octets_of(number, size)) {
    const std::uint32_t first = size / 4, second = size / 2;
    pieces = {
        {{octets.data(), first}, {octets.data() + first, second - first}, {octets.data() + second, size - second}}};
    view = {&vnet, pieces.data(), size, 3, 0};
  }
  static std::vector<std::byte> octets_of(std::uint32_t number, std::uint32_t size) {
    std::vector<std::byte> octets(size);
    for (std::byte& octet : octets) octet = std::byte{static_cast<std::uint8_t>(number++)};
    return octets;
  }
  std::vector<std::byte> octets;
  std::array<Piece, 3> pieces;
  VnetHeader vnet;
  Frame view;
};

TEST(RecordRing, GivesTheFirstOctetsOfEachFrame) {
  Ring ring;
  EXPECT_TRUE(ring.push({1}, NumberedFrame(10, 100).view, 100));
  EXPECT_TRUE(ring.push({2}, NumberedFrame(20, 100).view, 60));
  EXPECT_TRUE(ring.push({3}, NumberedFrame(30, 100).view, 25));
  EXPECT_TRUE(ring.push({4}, NumberedFrame(40, 100).view, 0));
  std::vector<std::pair<std::uint32_t, std::size_t>> got;
  EXPECT_EQ(ring.drain([&](const Header& header, std::span<const std::byte> octets) {
    got.emplace_back(header.number, octets.size());
    EXPECT_TRUE(std::ranges::equal(
        octets, NumberedFrame::octets_of(10 * header.number, static_cast<std::uint32_t>(octets.size()))));
  }),
            4U);
  EXPECT_EQ(got, (std::vector<std::pair<std::uint32_t, std::size_t>>{{1, 100}, {2, 60}, {3, 25}, {4, 0}}));
  EXPECT_EQ(ring.drain([](const Header&, std::span<const std::byte>) {}), 0U);
}

TEST(RecordRing, IsFullToTheLastByteAndNoFurther) {
  Ring ring;
  constexpr std::uint32_t kOctets = 48;  // a record of 64 bytes
  static_assert(Ring::record_size(kOctets) == 64 && Ring::record_size(kOctets + 1) == 72);
  const NumberedFrame frame(0, kOctets);
  for (std::size_t i = 0; i < 4096 / 64 - 1; ++i) ASSERT_TRUE(ring.push({}, frame.view, kOctets)) << i;
  EXPECT_FALSE(ring.push({}, frame.view, kOctets, 1)) << "a byte is to stay free";
  EXPECT_TRUE(ring.push({}, frame.view, kOctets, 0));
  EXPECT_FALSE(ring.push({}, frame.view, 0));
  EXPECT_EQ(ring.drain([](const Header&, std::span<const std::byte>) {}, 1), 1U);
  EXPECT_FALSE(ring.push({}, NumberedFrame(0, kOctets + 1).view, kOctets + 1)) << "a record more than has become free";
  EXPECT_TRUE(ring.push({}, frame.view, kOctets));
}

TEST(RecordRing, RefusesAFrameLargerThanItself) {
  Ring ring;
  EXPECT_FALSE(ring.push({}, NumberedFrame(0, 5000).view, 5000));
  EXPECT_TRUE(ring.push({}, NumberedFrame(0, 5000).view, 4096 - 16)) << "but not the first octets of it";
}

/// Beside a queue without bounds: whatever the sizes, what was taken in comes out whole and in order.
TEST(RecordRing, BehavesAsAQueueHoweverRecordsLie) {
  std::mt19937 random(1);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  Ring ring;
  std::deque<std::pair<std::uint32_t, std::uint32_t>> expected;  // numbers, octets
  std::uint32_t next = 0;
  std::size_t refused = 0;
  for (int round = 0; round < 20000; ++round) {
    if (below(2) == 0) {
      const std::uint32_t size = below(3) == 0 ? below(3000) : below(90);
      const std::uint32_t octets = below(size + 1);
      if (ring.push({next}, NumberedFrame(next, size).view, octets)) {
        expected.emplace_back(next, octets);
      } else {
        ++refused;
        ASSERT_TRUE(!expected.empty() || Ring::record_size(octets) > 2048) << "half of an empty ring is in one piece";
      }
      ++next;
      continue;
    }
    const std::size_t wanted = below(4);
    const std::size_t there = std::min(wanted, expected.size());
    ASSERT_EQ(
        ring.drain(
            [&](const Header& header, std::span<const std::byte> octets) {
              ASSERT_EQ(header.number, expected.front().first);
              ASSERT_TRUE(std::ranges::equal(octets, NumberedFrame::octets_of(header.number, expected.front().second)));
              expected.pop_front();
            },
            wanted),
        there);
  }
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace rb
