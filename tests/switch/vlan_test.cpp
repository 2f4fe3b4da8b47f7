// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/vlan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Vid> list(const VidSet& set) {
  std::vector<Vid> vids;
  set.for_each([&](Vid vid) { vids.push_back(vid); });
  return vids;
}

TEST(VidSet, HoldsEveryVid) {
  VidSet set;
  EXPECT_TRUE(set.empty());
  for (const Vid vid : {kMaxVid, Vid{1}, Vid{64}, Vid{63}}) set.set(vid);
  EXPECT_THAT(list(set), ElementsAre(1, 63, 64, 4094));
  EXPECT_EQ(set.size(), 4U);
  set.reset(64);
  EXPECT_FALSE(set.test(64));
  EXPECT_TRUE(set.test(63));
}

TEST(VidSet, AddsAndTakesAway) {
  VidSet one, other;
  one.set(10);
  one.set(20);
  other.set(20);
  other.set(4000);
  VidSet both = one;
  both |= other;
  EXPECT_THAT(list(both), ElementsAre(10, 20, 4000));
  one -= other;
  EXPECT_THAT(list(one), ElementsAre(10));
}

TEST(VlanTag, IsTpidAboveTci) {
  const VlanTag tag = make_tag(kTpidService, 0xb00a);
  EXPECT_EQ(tag, 0x88a8b00aU);
  EXPECT_EQ(vid_of(tag), 10);
  EXPECT_EQ(priority_bits(tag), 0xb000);
}

TEST(BridgeVlans, ListsTheMembersOfEachVlanInPortOrder) {
  PortVlans access, trunk;
  access.egress.set(10);
  for (const Vid vid : {Vid{1}, Vid{10}, kMaxVid}) trunk.egress.set(vid);
  std::array<Fid, kVidCount> fids{};
  fids[10] = 77;
  const std::array<BridgeVlans::Member, 3> members = {{{2, &access}, {5, &trunk}, {9, &access}}};
  const BridgeVlans vlans(kTpidCustomer, fids, members);
  EXPECT_EQ(vlans.tpid(), kTpidCustomer);
  EXPECT_EQ(vlans.fid(10), 77);
  EXPECT_THAT(vlans.members(10), ElementsAre(2, 5, 9));
  EXPECT_THAT(vlans.members(1), ElementsAre(5));
  EXPECT_THAT(vlans.members(kMaxVid), ElementsAre(5));
  EXPECT_THAT(vlans.members(11), IsEmpty());
  EXPECT_THAT(vlans.members(4095), IsEmpty());
}

}  // namespace
}  // namespace rb
