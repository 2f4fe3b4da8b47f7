// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/vlan_text.hpp"

#include <gtest/gtest.h>

#include "tests/control/golden.hpp"

namespace rb {
namespace {

using nlohmann::json;

std::string golden(const std::string& command, int occurrence = 0) {
  return test::golden_step("bridge-vlan-transcript.txt", command, occurrence).output;
}

/// The contents of the golden transcript as an answer of vlan.list.
json golden_list() {
  return json::parse(R"({"ports":[
    {"name":"br0","bridge":"br0","map":[],"tunnel":false,"vlans":[{"vid":1,"pvid":true,"untagged":true},
                                                                 {"vid":10,"pvid":false,"untagged":false}]},
    {"name":"tap0","bridge":"br0","map":[],"tunnel":false,"vlans":[{"vid":1,"pvid":false,"untagged":true},
                                                                  {"vid":10,"pvid":true,"untagged":true}]},
    {"name":"tap1","bridge":"br0","map":[],"tunnel":false,"vlans":[{"vid":1,"pvid":true,"untagged":true},
                                                                  {"vid":10,"pvid":false,"untagged":false},
                                                                  {"vid":100,"vid_end":103,"pvid":false,"untagged":false}]},
    {"name":"tap2","bridge":"br0","map":[],"tunnel":false,"vlans":[]}]})");
}

TEST(VlanText, IsWhatIproute2Prints) {
  EXPECT_EQ(vlan_text(golden_list(), {}), golden("bridge vlan show", 2));
  EXPECT_EQ(json_text(vlan_json(golden_list(), {}), JsonLayout::kLine), golden("bridge -j vlan show"));
  EXPECT_EQ(json_text(vlan_json(golden_list(), {}), JsonLayout::kPretty), golden("bridge -j -p vlan show"));
}

TEST(VlanText, KeepsRangesWhereTheyAreAskedFor) {
  const BridgeTextOptions compress{.compress = true};
  EXPECT_TRUE(vlan_text(golden_list(), compress)
                  .ends_with("                  10\n                  100-103\n"
                             "br0               1 PVID Egress Untagged\n"
                             "                  10\n"));
  EXPECT_EQ(vlan_json(golden_list(), compress)[1]["vlans"][2].dump(), R"({"vlan":100,"vlanEnd":103})");
}

TEST(VlanText, CountsByVlanAndSaysWhatWasLostOnlyWhereSomethingWas) {
  json list = json::parse(R"({"ports":[{"name":"tap1","bridge":"br0","map":[],"tunnel":false,"vlans":[
    {"vid":10,"pvid":false,"untagged":false,"rx_bytes":0,"rx_packets":0,"tx_bytes":0,"tx_packets":0,"drops":0}]}]})");
  EXPECT_EQ(vlan_text(list, {.statistics = true}), golden("bridge -s vlan show dev tap1 vid 10"));
  list["ports"][0]["vlans"][0].update({{"rx_bytes", 18446744073709551615U}, {"tx_packets", 7}, {"drops", 3}});
  EXPECT_EQ(vlan_text(list, {.statistics = true}),
            "port              vlan-id\n"
            "tap1              10\n"
            "                    RX: 18446744073709551615 bytes 0 packets\n"
            "                    TX: 0 bytes 7 packets\n"
            "                    dropped: 3 packets\n");
}

TEST(VlanText, ShowsTranslationsAndPrivateVlans) {
  json list = golden_list();
  list["ports"][2]["map"] = json::parse(R"([{"vid":10,"to":110},{"vid":11,"to":111}])");
  EXPECT_EQ(vlan_map_text(list, {}), "tap1 vid 10 to 110\ntap1 vid 11 to 111\n");
  EXPECT_EQ(vlan_map_json(list, {})[0].dump(), R"({"ifname":"tap1","vid":10,"to":110})");
  const json vlans = json::parse(R"({"vlans":[{"bridge":"br0","vid":100,"kind":"primary"},
                                              {"bridge":"br0","vid":101,"kind":"isolated","primary":100}]})");
  EXPECT_EQ(private_vlan_text(vlans, {}), "br0 vid 100 primary\nbr0 vid 101 isolated of 100\n");
  EXPECT_EQ(private_vlan_json(vlans, {}).size(), 2U);
}

}  // namespace
}  // namespace rb
