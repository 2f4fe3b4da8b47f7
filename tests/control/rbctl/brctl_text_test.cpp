// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/brctl_text.hpp"

#include <gtest/gtest.h>

#include "tests/control/golden.hpp"
#include "tests/control/objects.hpp"

namespace rb {
namespace {

using nlohmann::json;
using test::bridge_object;
using test::fdb_entry;
using test::golden_brctl;
using test::port_object;

json two_ports() {
  return json::array({port_object("tap0", 1), port_object("tap1", 2)});
}

TEST(BrctlText, HelpIsThatOfBridgeUtils) {
  EXPECT_EQ(brctl_help(), golden_brctl("brctl --help").output);
}

TEST(BrctlText, ShowsBridgesWithTheirPortsBelowEachOther) {
  const std::string text = std::string(show_heading()) + show_bridge(bridge_object("br0", two_ports())) +
                           show_bridge(bridge_object("br1", json::array())) +
                           show_bridge(bridge_object("thisnameiswayto", json::array()));
  EXPECT_EQ(text, golden_brctl("brctl show", 1).output);  // the first run shows that no bridge prints nothing
}

TEST(BrctlText, ShowsTheMacTableByAddress) {
  const json entries = json::array(
      {fdb_entry("02:00:00:00:00:11", "tap1", 2, "local"), fdb_entry("02:00:00:00:00:10", "tap0", 1, "local")});
  EXPECT_EQ(show_macs(entries), golden_brctl("brctl showmacs br0").output);
}

TEST(BrctlText, ShowsSecondsAndForeignStationsInTheMacTable) {
  EXPECT_EQ(show_macs(json::array({fdb_entry("02:00:00:00:00:01", "tap0", 112, "dynamic", 12345)})),
            "port no\tmac addr\t\tis local?\tageing timer\n112\t02:00:00:00:00:01\tno\t\t12345.00\n");
}

TEST(BrctlText, ShowsNoTimeForEntriesThatDoNotAge) {
  EXPECT_EQ(show_macs(json::array({fdb_entry("02:00:00:00:00:01", "tap0", 1, "static", 5)})),
            "port no\tmac addr\t\tis local?\tageing timer\n  1\t02:00:00:00:00:01\tno\t\t   0.00\n");
}

TEST(BrctlText, ShowsSpanningTreeValuesOfAFreshBridge) {
  EXPECT_EQ(show_stp(bridge_object("br0", two_ports())), golden_brctl("brctl showstp br0").output);
}

TEST(BrctlText, ShowsSpanningTreeValuesThatWereSet) {
  json bridge = bridge_object("br0", two_ports());
  bridge.update({{"id", "1170.020000000010"},
                 {"root_id", "1170.020000000010"},
                 {"max_age_s", 6},
                 {"bridge_max_age_s", 6},
                 {"hello_s", 1},
                 {"bridge_hello_s", 1},
                 {"forward_delay_s", 4},
                 {"bridge_forward_delay_s", 4},
                 {"ageing_now_s", 100},
                 {"gc_timer_s", 99.98}});
  bridge["ports"][0].update({{"port_id", 0x4001}, {"cost", 50}, {"hairpin", true}});
  EXPECT_EQ(show_stp(bridge), golden_brctl("brctl showstp br0", 1).output);
}

TEST(BrctlText, ShowsFlagsWhenTheyAreSet) {
  json bridge = bridge_object("br0", json::array({port_object("tap0", 1)}));
  bridge["topology_change"] = true;
  bridge["topology_change_detected"] = true;
  bridge["ports"][0]["config_pending"] = true;
  bridge["ports"][0]["topology_change_ack"] = true;
  const std::string text = show_stp(bridge);
  EXPECT_NE(text.find(" flags\t\t\tTOPOLOGY_CHANGE TOPOLOGY_CHANGE_DETECTED \n"), std::string::npos) << text;
  EXPECT_NE(text.find(" flags\t\t\tCONFIG_PENDING TOPOLOGY_CHANGE_ACK \n"), std::string::npos) << text;
}

}  // namespace
}  // namespace rb
