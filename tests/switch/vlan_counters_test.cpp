// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/vlan_counters.hpp"

#include <gtest/gtest.h>

namespace rb {
namespace {

VidSet vids(std::initializer_list<Vid> list) {
  VidSet set;
  for (const Vid vid : list) set.set(vid);
  return set;
}

TEST(VlanCounterTable, CountsWhereItWasAskedTo) {
  VlanCounterTable table;
  EXPECT_EQ(table.find(3, 10), nullptr);
  table.make(3, vids({10, 4094}));
  ASSERT_NE(table.find(3, 10), nullptr);
  EXPECT_EQ(table.find(4, 10), nullptr);
  table.find(3, 10)->rx_frames.add(2);
  table.find(3, 4094)->tx_bytes.add(60);
  table.make(3, vids({10, 11}));
  VlanTotals ten, last;
  table.add_to(ten, 3, 10);
  table.add_to(last, 3, 4094);
  EXPECT_EQ(ten.rx_frames, 2U) << "existing counters stay";
  EXPECT_EQ(last.tx_bytes, 60U);
}

TEST(VlanCounterTable, BeginsAnewWhileItIsWrittenTo) {
  VlanCounterTable table;
  table.make(3, vids({10}));
  VlanCounters* before = table.find(3, 10);
  before->drops.add(1);
  table.clear(3);
  before->drops.add(1);  // as a worker does that has looked the counters up before
  ASSERT_NE(table.find(3, 10), nullptr);
  VlanTotals totals;
  table.add_to(totals, 3, 10);
  EXPECT_EQ(totals.drops, 0U);
  table.forget();
}

}  // namespace
}  // namespace rb
