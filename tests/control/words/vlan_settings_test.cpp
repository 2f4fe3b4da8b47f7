// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/vlan_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rb {
namespace {

using ::testing::HasSubstr;

VidSet vids(std::initializer_list<int> list) {
  VidSet set;
  for (const int vid : list) set.set(static_cast<Vid>(vid));
  return set;
}

/// Returns the message with which something is refused, or an empty string if it is not refused.
template <typename T>
std::string refusal(const Result<T>& result) {
  return result ? std::string() : result.error().message;
}

TEST(VidRanges, AreReadAsTheyAreWritten) {
  const auto read = [](const char* text) {
    const Result<VidRange> range = parse_vid_range(text);
    return range ? std::pair<int, int>(range->first, range->last) : std::pair(-1, -1);
  };
  EXPECT_EQ(read("10"), std::pair(10, 10));
  EXPECT_EQ(read("1-4094"), std::pair(1, 4094));
  EXPECT_EQ(read("7-7"), std::pair(7, 7));
  for (const char* text :
       {"", "-", "10-", "10x", "x10", "1-2-3", "10 ", " 10", "+10", "0x10", "1e3", "99999999999999999999"}) {
    EXPECT_EQ(parse_vid_range(text).error().code, ErrorCode::kInvalidArgument) << text;
    EXPECT_THAT(refusal(parse_vid_range(text)), HasSubstr("no VLAN and no range of VLANs")) << text;
  }
}

TEST(VidRanges, SayWhatIsOutOfRangeAndWhy) {
  EXPECT_THAT(refusal(parse_vid_range("0")), HasSubstr("VLAN 0 is out of range; it can be 1 to 4094 (0 means"));
  EXPECT_THAT(refusal(parse_vid_range("4095")), HasSubstr("4095 is reserved"));
  EXPECT_THAT(refusal(parse_vid_range("10-5000")), HasSubstr("VLAN 5000 is out of range"));
  EXPECT_THAT(refusal(parse_vid_range("20-10")), HasSubstr("20-10 runs backwards; say 10-20"));
  EXPECT_THAT(refusal(make_vid_range(-3, 5)), HasSubstr("VLAN -3 is out of range"));
  EXPECT_THAT(refusal(parse_vid_range("-10")), HasSubstr("VLAN -10 is out of range"));
}

TEST(PortVlanSettings, AddAndDeleteDoWhatBridgeVlanDoes) {
  PortVlanSettings port = default_port_vlans(1);
  EXPECT_TRUE(add_vlans(port, {10, 10}, {.pvid = true, .untagged = true}).has_value());
  EXPECT_EQ(port.pvid, 10);
  EXPECT_EQ(port.members, vids({1, 10}));
  EXPECT_EQ(port.untagged, vids({1, 10})) << "the former PVID stays an untagged member";
  EXPECT_TRUE(add_vlans(port, {9, 11}, {}).has_value());
  EXPECT_EQ(port.pvid, kNoVid) << "adding without the flag removes the flag";
  EXPECT_EQ(port.untagged, vids({1}));
  EXPECT_THAT(refusal(add_vlans(port, {20, 21}, {.pvid = true})), HasSubstr("VLANs 20-21 cannot all be the PVID"));
  EXPECT_EQ(port.members, vids({1, 9, 10, 11})) << "and nothing has changed";
  ASSERT_TRUE(add_vlans(port, {11, 11}, {.pvid = true}).has_value());
  delete_vlans(port, {10, 4094});
  EXPECT_EQ(port.members, vids({1, 9}));
  EXPECT_EQ(port.pvid, kNoVid);
}

TEST(PortVlanSettings, TheDefaultPvidFollowsThoseWhoStillHaveIt) {
  PortVlanSettings port = default_port_vlans(1);
  change_default_pvid(port, 1, 30);
  EXPECT_EQ(port, default_port_vlans(30));
  change_default_pvid(port, 30, kNoVid);
  EXPECT_EQ(port, PortVlanSettings{});
  change_default_pvid(port, kNoVid, 5);
  EXPECT_EQ(port, default_port_vlans(5));
  ASSERT_TRUE(add_vlans(port, {10, 10}, {.pvid = true, .untagged = true}).has_value());
  const PortVlanSettings own = port;
  change_default_pvid(port, 5, 6);
  EXPECT_EQ(port, own) << "the port has a PVID of its own";
  PortVlanSettings trunk;
  ASSERT_TRUE(add_vlans(trunk, {10, 10}, {}).has_value());
  const PortVlanSettings before = trunk;
  change_default_pvid(trunk, kNoVid, 10);
  EXPECT_EQ(trunk, before) << "the port is in that VLAN already, with its own settings";
  change_default_pvid(trunk, kNoVid, 7);
  EXPECT_EQ(trunk.members, vids({7, 10}));
  EXPECT_EQ(trunk.pvid, 7);
}

TEST(PortModes, AreTheWordsOfASwitchsConsole) {
  const PortVlanSettings access = vlans_of_mode({.name = "access", .vid = 20, .vids = {}}).value();
  EXPECT_EQ(access.members, vids({20}));
  EXPECT_EQ(access.untagged, vids({20}));
  EXPECT_EQ(access.pvid, 20);
  EXPECT_EQ(access.admit, AdmitFrames::kUntaggedOnly);

  const PortVlanSettings trunk = vlans_of_mode({.name = "trunk", .vids = {{10, 11}, {20, 20}}}).value();
  EXPECT_EQ(trunk.members, vids({10, 11, 20}));
  EXPECT_TRUE(trunk.untagged.empty());
  EXPECT_EQ(trunk.pvid, kNoVid);
  EXPECT_EQ(trunk.admit, AdmitFrames::kTaggedOnly);

  for (const char* name : {"trunk", "native-untagged", "native-tagged"}) {
    const PortVlanSettings native = vlans_of_mode({.name = name, .native = 1, .vids = {{10, 10}}}).value();
    EXPECT_EQ(native.members, vids({1, 10})) << name;
    EXPECT_EQ(native.pvid, 1) << name;
    EXPECT_EQ(native.admit, AdmitFrames::kAll) << name;
    EXPECT_EQ(native.untagged.test(1), std::string(name) != "native-tagged") << name;
  }

  const PortVlanSettings tunnel = vlans_of_mode({.name = "dot1q-tunnel", .vid = 7, .vids = {}}).value();
  EXPECT_TRUE(tunnel.tunnel);
  EXPECT_EQ(tunnel.pvid, 7);
  EXPECT_EQ(tunnel.untagged, vids({7}));
}

TEST(PortModes, RefuseWhatTheyHaveNoUseFor) {
  EXPECT_THAT(refusal(vlans_of_mode({.name = "access", .vids = {}})), HasSubstr("access needs 'vid'"));
  EXPECT_THAT(refusal(vlans_of_mode({.name = "access", .vid = 1, .vids = {{1, 2}}})), HasSubstr("has no 'vids'"));
  EXPECT_THAT(refusal(vlans_of_mode({.name = "dot1q-tunnel", .vid = 1, .native = 2, .vids = {}})),
              HasSubstr("has no 'native'"));
  EXPECT_THAT(refusal(vlans_of_mode({.name = "trunk", .vids = {}})), HasSubstr("trunk needs 'vids'"));
  EXPECT_THAT(refusal(vlans_of_mode({.name = "trunk", .vid = 3, .vids = {{1, 1}}})), HasSubstr("has no 'vid'"));
  EXPECT_THAT(refusal(vlans_of_mode({.name = "native-tagged", .vids = {{1, 1}}})), HasSubstr("needs 'native'"));
  EXPECT_THAT(refusal(vlans_of_mode({.name = "hybrid", .vids = {}})), HasSubstr("'hybrid' is no mode of a port"));
}

TEST(Translation, TurnsOneVidIntoAnotherAndBack) {
  PortVlanSettings port;
  ASSERT_TRUE(add_vlans(port, {100, 110}, {}).has_value());
  ASSERT_TRUE(add_translation(port, 10, 110).has_value());
  EXPECT_THAT(refusal(add_translation(port, 11, 110)), HasSubstr("VLAN 110 is VID 10 on the wire already"));
  const PortVlans vlans = relay_vlans(port, {}, port.members);
  ASSERT_EQ(vlans.translation.size(), 1U);
  EXPECT_EQ(vlans.translation[0].to_bridge[10], 110);
  EXPECT_EQ(vlans.translation[0].to_wire[110], 10);
  EXPECT_EQ(vlans.translation[0].to_bridge[110], kNoVid) << "this VID has no meaning on the wire now";
  EXPECT_EQ(vlans.translation[0].to_bridge[105], 105);
}

TEST(Translation, CanSwapTwoVlans) {
  PortVlanSettings port;
  ASSERT_TRUE(add_vlans(port, {10, 20}, {}).has_value());
  ASSERT_TRUE(add_translation(port, 10, 20).has_value());
  ASSERT_TRUE(add_translation(port, 20, 10).has_value());
  const PortVlans vlans = relay_vlans(port, {}, port.members);
  EXPECT_EQ(vlans.translation[0].to_bridge[10], 20);
  EXPECT_EQ(vlans.translation[0].to_bridge[20], 10);
  EXPECT_EQ(vlans.egress, port.members);
}

class PrivateVlans : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(set_private_vlan(bridge, 100, {PrivateVlan::Kind::kPrimary, kNoVid}).has_value());
    ASSERT_TRUE(set_private_vlan(bridge, 101, {PrivateVlan::Kind::kIsolated, 100}).has_value());
    ASSERT_TRUE(set_private_vlan(bridge, 102, {PrivateVlan::Kind::kCommunity, 100}).has_value());
  }
  /// A port that sends and receives untagged frames.
  PortVlans port_in(Vid vid) const { return relay_vlans(default_port_vlans(vid), bridge, vids({100, 101, 102})); }
  BridgeVlanSettings bridge;
};

TEST_F(PrivateVlans, ReachAsRfc5517Says) {
  const PortVlans promiscuous = port_in(100), isolated = port_in(101), community = port_in(102);
  EXPECT_EQ(promiscuous.egress, vids({100, 101, 102}));
  EXPECT_EQ(isolated.egress, vids({100})) << "an isolated port does not send frames of other isolated hosts";
  EXPECT_EQ(community.egress, vids({100, 102}));
  for (const PortVlans* port : {&promiscuous, &isolated, &community}) {
    VidSet tagged = port->egress;
    tagged -= port->untagged;
    EXPECT_TRUE(tagged.empty());
  }
  // All VLANs of the domain learn and look up in the primary VLAN.
  for (Vid vid = 100; vid <= 102; ++vid) EXPECT_EQ(learning_vid(bridge, vid), 100);
  EXPECT_EQ(learning_vid(bridge, 7), 7);
}

TEST_F(PrivateVlans, CrossATrunkWithTheirOwnTags) {
  PortVlanSettings trunk;
  ASSERT_TRUE(add_vlans(trunk, {100, 102}, {}).has_value());
  const PortVlans vlans = relay_vlans(trunk, bridge, trunk.members);
  EXPECT_EQ(vlans.egress, vids({100, 101, 102}));
  EXPECT_TRUE(vlans.untagged.empty());
}

TEST_F(PrivateVlans, AreRefusedWhereTheyMakeNoSense) {
  using Kind = PrivateVlan::Kind;
  EXPECT_THAT(refusal(set_private_vlan(bridge, 103, {Kind::kIsolated, 100})), HasSubstr("101 is the isolated VLAN"));
  EXPECT_THAT(refusal(set_private_vlan(bridge, 103, {Kind::kCommunity, 50})), HasSubstr("50 is no primary VLAN"));
  EXPECT_THAT(refusal(set_private_vlan(bridge, 103, {Kind::kCommunity, 102})), HasSubstr("102 is no primary VLAN"));
  EXPECT_THAT(refusal(set_private_vlan(bridge, 100, {Kind::kCommunity, 100})), HasSubstr("its own primary"));
  EXPECT_THAT(refusal(unset_private_vlan(bridge, 100)), HasSubstr("100 is the primary of VLAN 101"));
  EXPECT_EQ(bridge.private_vlans.size(), 3U);
  EXPECT_TRUE(unset_private_vlan(bridge, 101).has_value());
  EXPECT_TRUE(set_private_vlan(bridge, 103, {Kind::kIsolated, 100}).has_value());
}

}  // namespace
}  // namespace rb
