// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/fid_table.hpp"

#include <gtest/gtest.h>

#include <set>

namespace rb {
namespace {

TEST(FidTable, GivesEachFidOnceUntilItIsGivenBack) {
  FidTable table(4);
  std::set<Fid> taken;
  for (BridgeIndex bridge = 0; bridge < 4; ++bridge) {
    taken.insert(FidTable::of_bridge(bridge));
    EXPECT_EQ(table.owner(FidTable::of_bridge(bridge)).bridge, bridge);
    EXPECT_EQ(table.owner(FidTable::of_bridge(bridge)).vid, kNoVid);
  }
  const std::size_t free = table.free_count();
  EXPECT_EQ(free, 65536U - 1 - 4) << "no VLAN owns FID 0";
  std::optional<Fid> last;
  for (std::size_t i = 0; i < free; ++i) {
    const std::optional<Fid> fid = table.take({2, static_cast<Vid>(1 + i % kMaxVid)});
    ASSERT_TRUE(fid.has_value());
    EXPECT_NE(*fid, 0);
    EXPECT_TRUE(taken.insert(*fid).second) << *fid;
    last = fid;
  }
  EXPECT_FALSE(table.take({1, 1}).has_value());
  table.give_back(*last);
  EXPECT_EQ(table.owner(*last).bridge, kNoBridge);
  EXPECT_EQ(table.take({3, 77}), last);
  EXPECT_EQ(table.owner(*last).bridge, 3);
  EXPECT_EQ(table.owner(*last).vid, 77);
}

}  // namespace
}  // namespace rb
