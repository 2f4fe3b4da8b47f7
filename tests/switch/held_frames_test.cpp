// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/held_frames.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <random>
#include <vector>

namespace rb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A frame of two pieces whose octets all are the low ones of `number`.
struct NumberedFrame {
  explicit NumberedFrame(std::uint32_t number, std::uint32_t size = 64)
      : octets(size, std::byte{static_cast<std::uint8_t>(number)}),
        pieces{{{octets.data(), size / 3}, {octets.data() + size / 3, size - size / 3}}},
        view{&vnet, pieces.data(), size, 2, 0} {
    vnet.hdr_len = static_cast<std::uint16_t>(number);
  }
  std::vector<std::byte> octets;
  std::array<Piece, 2> pieces;
  VnetHeader vnet;
  Frame view;
};

class HeldFramesTest : public ::testing::Test {
 protected:
  bool hold(std::uint32_t number, std::int64_t until_ns, PortIndex port = 3, std::uint32_t size = 64) {
    return held.hold(NumberedFrame(number, size).view, {.port = port, .stage = StageId{5}}, until_ns);
  }
  /// Takes what is due, checks that each frame is whole, and gives their numbers.
  std::vector<std::uint32_t> take(std::int64_t now_ns, std::size_t most = 256) {
    std::vector<std::uint32_t> numbers;
    std::vector<Frame> frames(most);
    std::vector<HeldAt> at(most);
    const std::size_t count = held.take_due(now_ns, frames, at);
    for (std::size_t i = 0; i < count; ++i) {
      const Frame& frame = frames[i];
      numbers.push_back(frame.vnet->hdr_len);
      EXPECT_EQ(frame.ingress, at[i].port);
      EXPECT_EQ(at[i].stage, StageId{5});
      EXPECT_EQ(reinterpret_cast<std::byte*>(frame.vnet + 1), frame.pieces[0].data) << "written in one go";
      EXPECT_EQ(frame.pieces[0].size, frame.size);
      const NumberedFrame expected(frame.vnet->hdr_len, frame.size);
      EXPECT_EQ(std::memcmp(frame.pieces[0].data, expected.octets.data(), frame.size), 0);
    }
    held.release_taken();
    return numbers;
  }
  HeldFrames held;
};

TEST_F(HeldFramesTest, GoOnInTheOrderOfTheirTimesAndNotBefore) {
  EXPECT_EQ(held.next_due(), std::nullopt);
  EXPECT_TRUE(hold(1, 300));
  EXPECT_TRUE(hold(2, 100));
  EXPECT_TRUE(hold(3, 200));
  EXPECT_TRUE(hold(4, 100));
  EXPECT_EQ(held.next_due(), 100);
  EXPECT_THAT(take(99), IsEmpty());
  EXPECT_THAT(take(200), ElementsAre(2, 4, 3));
  EXPECT_EQ(held.next_due(), 300);
  EXPECT_THAT(take(1000), ElementsAre(1));
  EXPECT_EQ(held.next_due(), std::nullopt);
  EXPECT_EQ(held.count(), 0U);
}

TEST_F(HeldFramesTest, AreTakenNoMoreThanAskedFor) {
  for (std::uint32_t i = 0; i < 10; ++i) EXPECT_TRUE(hold(i, 0));
  EXPECT_THAT(take(0, 3), ElementsAre(0, 1, 2));
  EXPECT_THAT(take(0, 100), ElementsAre(3, 4, 5, 6, 7, 8, 9));
}

TEST_F(HeldFramesTest, OfAPortAreBoundedInFramesAndInBytes) {
  for (std::size_t i = 0; i < HeldFrames::kMaxPortFrames; ++i) ASSERT_TRUE(hold(1, 5)) << i;
  EXPECT_FALSE(hold(1, 5));
  EXPECT_TRUE(hold(1, 5, 4)) << "another port has its own share";
  std::size_t large = 0;
  while (hold(1, 5, 7, 60000)) ++large;
  EXPECT_EQ(large, HeldFrames::kMaxPortBytes / 60056);
  EXPECT_EQ(take(5, 100000).size(), HeldFrames::kMaxPortFrames + 1 + large);
  EXPECT_TRUE(hold(1, 5)) << "there is room again";
}

TEST_F(HeldFramesTest, OfAllPortsAreBoundedInFramesAndInBytes) {
  std::size_t frames = 0;
  for (PortIndex port = 0; port < 5; ++port) {
    while (hold(1, 5, port)) ++frames;
  }
  EXPECT_EQ(frames, HeldFrames::kMaxFrames);
  EXPECT_EQ(take(5, frames).size(), frames);
  std::size_t large = 0;
  for (PortIndex port = 0; port < 5; ++port) {
    while (hold(1, 5, port, 60000)) ++large;
  }
  EXPECT_LE(large, HeldFrames::kMaxBytes / 60056);
  EXPECT_GE(large, HeldFrames::kMaxBytes / 60056 - 1);
  EXPECT_EQ(take(5, large).size(), large);
}

TEST_F(HeldFramesTest, OfAPortThatIsRemovedAreForgotten) {
  EXPECT_TRUE(hold(1, 30, 1));
  EXPECT_TRUE(hold(2, 10, 2));
  EXPECT_TRUE(hold(3, 20, 1));
  EXPECT_TRUE(hold(4, 40, 2));
  held.forget(1);
  EXPECT_EQ(held.count(), 2U);
  EXPECT_THAT(take(100), ElementsAre(2, 4));
  for (std::size_t i = 0; i < HeldFrames::kMaxPortFrames; ++i) ASSERT_TRUE(hold(1, 5, 1)) << "its share is whole again";
}

/// Beside an ordered map: whatever the sizes and times, over many turns of the ring.
TEST_F(HeldFramesTest, BehaveAsAnOrderedMap) {
  std::mt19937 random(3);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  std::multimap<std::int64_t, std::uint32_t> expected;
  std::uint32_t number = 0;
  std::size_t refused = 0;
  for (std::int64_t now = 0; now < 3000; ++now) {
    for (unsigned i = below(12); i > 0; --i) {
      const std::int64_t until = now + below(100) * (below(50) == 0 ? 10 : 1);
      ++number;
      if (hold(number & 0xffff, until, static_cast<PortIndex>(below(40)),
               below(4) == 0 ? 1 + below(65000) : 60 + below(1500)))
        expected.emplace(until, number & 0xffff);
      else
        ++refused;
    }
    std::vector<std::uint32_t> due;
    while (!expected.empty() && expected.begin()->first <= now) {
      due.push_back(expected.begin()->second);
      expected.erase(expected.begin());
    }
    ASSERT_EQ(take(now, 1000), due) << now;
  }
  EXPECT_GT(refused, 0U);
  EXPECT_EQ(held.count(), expected.size());
}

}  // namespace
}  // namespace rb
