// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/spanning_tree_text.hpp"

#include <gtest/gtest.h>

#include "tests/control/model_fixture.hpp"

namespace rb {
namespace {

using nlohmann::json;

class SpanningTreeTextTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fake.call("bridge.add", {{"name", "br0"}});
    for (const char* name : {"tap0", "tap1"}) fake.call("port.add", {{"bridge", "br0"}, {"port", {{"name", name}}}});
  }
  json tree() { return fake.call("spanning_tree.list", {{"bridge", "br0"}})["bridges"][0]; }
  testing::FakeSwitch fake;
};

TEST_F(SpanningTreeTextTest, SaysWhenThereIsNone) {
  EXPECT_EQ(spanning_tree_text(tree()), "br0: no spanning tree\n");
}

TEST_F(SpanningTreeTextTest, IsATableOfThePorts) {
  fake.call("port.set", {{"name", "tap1"}, {"root_block", true}, {"cost", 1234}, {"priority", 8}});
  fake.call("bridge.set", {{"name", "br0"}, {"stp", "rstp"}});
  json shown = tree();
  shown["id"] = "8000.020000000010";
  shown["ports"][1]["malformed"]["stale"] = 3;
  shown["ports"][1]["self_looped"] = true;
  EXPECT_EQ(
      spanning_tree_text(shown),
      "br0: rstp id 8000.020000000010 is the root\n"
      "  max age 20 hello 2 forward delay 15 path cost short\n"
      "  topology changes 0\n"
      "  port            role       state           cost      id edge p2p  speaks received     sent  tc in tc out "
      "ignored\n"
      "  tap0            designated listening          2    32.1 no   yes  rstp          0        1      0      0 "
      "      0  proposing\n"
      "  tap1            designated listening       1234     8.2 no   yes  rstp          0        1      0      0 "
      "      0  hears itself, proposing, root_block, 3 stale\n");
}

TEST_F(SpanningTreeTextTest, SaysWhichWayTheRootIsAndWhatHasChanged) {
  fake.call("bridge.set", {{"name", "br0"}, {"stp", "on"}, {"path_cost", "long"}});
  json shown = tree();
  shown.update({{"id", "8000.020000000010"},
                {"root_id", "1000.020000000020"},
                {"root_port", "tap1"},
                {"root_path_cost", 2000},
                {"topology_changes", 5},
                {"since_topology_change_s", 12.3},
                {"topology_change", true},
                {"ports", json::array()}});
  EXPECT_EQ(spanning_tree_text(shown),
            "br0: stp id 8000.020000000010 root 1000.020000000020 by tap1 cost 2000\n"
            "  max age 20 hello 2 forward delay 15 path cost long\n"
            "  topology changes 5, the last 12 s ago, one is going around\n");
}

}  // namespace
}  // namespace rb
