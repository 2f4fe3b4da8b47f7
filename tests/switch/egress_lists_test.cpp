// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/egress_lists.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace rb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr PortIndex kFirst = 0, kLast = 9;

TEST(EgressLists, KeepFramesByPortInTheOrderInWhichTheyCame) {
  EgressLists lists(kLast + 1);
  EXPECT_THAT(lists.ports(), IsEmpty());
  EXPECT_THAT(lists.frames(kFirst), IsEmpty());
  for (const FrameIndex frame : {FrameIndex{3}, FrameIndex{1}, FrameIndex{kMaxBatch}}) {
    lists.add(kLast, frame);
    if (frame != 1) lists.add(kFirst, frame);
  }
  EXPECT_THAT(lists.ports(), ElementsAre(kLast, kFirst));
  EXPECT_THAT(lists.frames(kLast), ElementsAre(3, 1, kMaxBatch));
  EXPECT_THAT(lists.frames(kFirst), ElementsAre(3, kMaxBatch));
  lists.clear();
  EXPECT_THAT(lists.ports(), IsEmpty());
  EXPECT_THAT(lists.frames(kLast), IsEmpty());
  lists.add(kLast, 5);
  EXPECT_THAT(lists.frames(kLast), ElementsAre(5));
}

/// The ports whose lists have refused frames, and how many.
std::map<PortIndex, std::uint32_t> refused(EgressLists& lists) {
  std::map<PortIndex, std::uint32_t> all;
  lists.take_refused([&](PortIndex port, std::uint32_t count) { EXPECT_TRUE(all.emplace(port, count).second); });
  return all;
}

TEST(EgressLists, HoldAWholeBatchTwiceForAPortAndRefuseMore) {
  EgressLists lists(kLast + 1);
  lists.add(kFirst, 1);
  for (std::size_t i = 0; i < 2 * kMaxBatch; ++i) {
    EXPECT_FALSE(lists.is_full(kLast));
    lists.add(kLast, static_cast<FrameIndex>(i / 2));
    lists.add(4, static_cast<FrameIndex>(i));
  }
  EXPECT_TRUE(lists.is_full(kLast));
  EXPECT_THAT(refused(lists), IsEmpty());
  for (int i = 0; i < 3; ++i) lists.add(kLast, 7);
  lists.add(4, 7);  // its list ends where that of the next port begins
  lists.add(5, 8);
  EXPECT_THAT(refused(lists), ElementsAre(std::pair(4, 1), std::pair(kLast, 3)));
  EXPECT_THAT(refused(lists), IsEmpty()) << "they are told once";
  ASSERT_EQ(lists.frames(kLast).size(), 2 * kMaxBatch);
  for (std::size_t i = 0; i < 2 * kMaxBatch; ++i) {
    EXPECT_EQ(lists.frames(kLast)[i], i / 2);
    EXPECT_EQ(lists.frames(4)[i], i);
  }
  EXPECT_THAT(lists.frames(kFirst), ElementsAre(1));
  EXPECT_THAT(lists.frames(5), ElementsAre(8));
  EXPECT_THAT(lists.ports(), ElementsAre(kFirst, kLast, 4, 5));
  lists.clear();
  EXPECT_FALSE(lists.is_full(kLast));
  EXPECT_THAT(lists.frames(kLast), IsEmpty());
  lists.add(kLast, 1);
  EXPECT_THAT(lists.frames(kLast), ElementsAre(1));
}

}  // namespace
}  // namespace rb
