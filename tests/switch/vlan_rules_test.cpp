// SPDX-License-Identifier: GPL-2.0-or-later
// These tests check what happens to a frame between two ports of a VLAN-aware bridge: for every combination that was
// recorded of the kernel's bridge, for the settings that the kernel does not have, and for rules that hold with any
// settings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "test_paths.hpp"
#include "tests/switch/vlan_board.hpp"
#include "tests/switch/vlan_cases.hpp"

namespace rb::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PortVlans vlans_of(const VlanMode& mode) {
  PortVlans vlans;
  for (const VlanOfMode& vlan : mode.vlans) {
    vlans.ingress.set(vlan.vid);
    vlans.egress.set(vlan.vid);
    if (vlan.untagged) vlans.untagged.set(vlan.vid);
    if (vlan.pvid) vlans.pvid = vlan.vid;
  }
  return vlans;
}

PortVlans member(std::initializer_list<VlanOfMode> vlans) {
  return vlans_of({"", vlans});
}

TEST(VlanRules, AreTheKernelBridgesForEveryCombinationOnRecord) {
  std::map<std::string, const VlanMode*> modes;
  for (const VlanMode& mode : vlan_modes()) modes[mode.name] = &mode;
  std::map<std::string, const FrameKind*> kinds;
  for (const FrameKind& kind : frame_kinds()) kinds[kind.name] = &kind;
  std::ifstream record(RB_SOURCE_DIR "/tests/golden/kernel-vlan-rules.txt");
  std::size_t checked = 0;
  for (std::string line; std::getline(record, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string protocol, from, kind, arrow, to, result;
    words >> protocol >> from >> kind >> arrow >> to;
    std::getline(words >> std::ws, result);
    ASSERT_EQ(to.back(), ':') << line;
    to.pop_back();
    VlanBoard bridge({vlans_of(*modes.at(from)), vlans_of(*modes.at(to))},
                     protocol == "802.1ad" ? kTpidService : kTpidCustomer);
    const auto left = bridge.send(0, kinds.at(kind)->tags);
    EXPECT_EQ(left.empty() ? "dropped" : left.at(1), result) << line;
    ++checked;
  }
  EXPECT_EQ(checked, 2 * vlan_modes().size() * vlan_modes().size() * frame_kinds().size());
}

TEST(VlanRules, CountUnderTheReasonThatKeptAFrameOut) {
  VlanBoard bridge({member({{10, true, true}}), member({{10}, {20}})});
  const auto drops = [&](DropReason reason) { return bridge.board.drops(0, reason); };
  bridge.send(0, {0x81000014});
  EXPECT_EQ(drops(DropReason::kVlanIngress), 1U);
  bridge.send(0, {0x81000fff});
  EXPECT_EQ(drops(DropReason::kInvalidVid), 1U);
  bridge.send(1, {});
  EXPECT_EQ(bridge.board.drops(1, DropReason::kNoPvid), 1U);
  const TaggedFrame cut_short({}, 0, 1, -1, 0);
  std::byte tpid[2] = {std::byte{0x81}, std::byte{0}};
  std::memcpy(cut_short.view.pieces[0].data + 12, tpid, 2);
  bridge.send(cut_short.view);
  EXPECT_EQ(drops(DropReason::kRunt), 1U) << "the frame ends within its tag";
}

TEST(VlanRules, PortsMayAdmitOnlyTaggedOrOnlyUntaggedFrames) {
  PortVlans tagged = member({{10, true, true}}), untagged = tagged;
  tagged.admit = AdmitFrames::kTaggedOnly;
  untagged.admit = AdmitFrames::kUntaggedOnly;
  VlanBoard bridge({tagged, untagged, member({{10}})});
  EXPECT_TRUE(bridge.send(0, {0x8100000a}).contains(2));
  EXPECT_THAT(bridge.send(0, {}), IsEmpty());
  EXPECT_THAT(bridge.send(0, {0x81002000}), IsEmpty()) << "a priority tag names no VLAN";
  EXPECT_THAT(bridge.send(1, {0x8100000a}), IsEmpty());
  EXPECT_TRUE(bridge.send(1, {}).contains(2));
  EXPECT_TRUE(bridge.send(1, {0x81002000}).contains(2));
  EXPECT_EQ(bridge.board.drops(0, DropReason::kFrameType), 2U);
  EXPECT_EQ(bridge.board.drops(1, DropReason::kFrameType), 1U);
}

TEST(VlanRules, WithoutIngressFilteringFramesOfOtherVlansComeIn) {
  PortVlans open = member({{10, true, true}});
  open.ingress.set(20);  // as control/words/vlan_settings does for ingress_filtering off
  VlanBoard bridge({open, member({{10}, {20}})});
  EXPECT_EQ(bridge.send(0, {0x81000014}).at(1), "81000014 88b5");
  EXPECT_FALSE(bridge.send(1, {0x81000014}).contains(0)) << "frames of VLAN 20 must not leave by this port";
}

TEST(VlanRules, PrioritiesAreRegeneratedAndGivenToUntaggedFrames) {
  PortVlans port = member({{10, true, true}});
  port.regenerated = {7, 6, 5, 4, 3, 2, 1, 0};
  port.default_pcp = 5;
  VlanBoard bridge({port, member({{10}})});
  EXPECT_EQ(bridge.send(0, {0x8100700a}).at(1), "8100900a 88b5") << "PCP 3 becomes 4, DEI stays";
  EXPECT_EQ(bridge.send(0, {}).at(1), "8100a00a 88b5");
  EXPECT_EQ(bridge.send(0, {0x8100e000}).at(1), "8100000a 88b5") << "PCP 7 becomes 0";
}

TEST(VlanRules, TunnelPortsPutATagOnWhateverComesAndTakeItOff) {
  PortVlans tunnel = member({{100, true, true}});
  tunnel.tunnel = true;
  VlanBoard bridge({tunnel, member({{100}}), tunnel}, kTpidService);
  for (const Tags& customer :
       {Tags{}, Tags{0x8100000a}, Tags{0x81000000}, Tags{0x8100000a, 0x81000014}, Tags{0x88a80007}}) {
    const TaggedFrame frame(customer, 0);
    const std::string as_it_came = tags_of(frame.view);
    const auto left = bridge.send(frame.view);
    EXPECT_EQ(left.at(1), "88a80064 " + as_it_came);
    EXPECT_EQ(left.at(2), as_it_came);
    Tags carried = customer;
    carried.insert(carried.begin(), 0x88a8e064);
    EXPECT_EQ(bridge.send(1, carried).at(0), as_it_came);
  }
}

TEST(VlanRules, VidsAreTranslatedBothWays) {
  PortVlans port = member({{110}, {7}});
  port.translation.resize(1);
  for (std::size_t vid = 0; vid < kVidCount; ++vid)
    port.translation[0].to_bridge[vid] = port.translation[0].to_wire[vid] = static_cast<Vid>(vid);
  port.translation[0].to_bridge[10] = 110;
  port.translation[0].to_bridge[110] = kNoVid;
  port.translation[0].to_wire[110] = 10;
  VlanBoard bridge({port, member({{110}, {7}})});
  EXPECT_EQ(bridge.send(0, {0x8100600a}).at(1), "8100606e 88b5");
  EXPECT_EQ(bridge.send(1, {0x8100606e}).at(0), "8100600a 88b5");
  EXPECT_EQ(bridge.send(0, {0x81000007}).at(1), "81000007 88b5");
  EXPECT_THAT(bridge.send(0, {0x8100006e}), IsEmpty()) << "another VID means VLAN 110 on this wire";
}

TEST(VlanRules, LearnAndLookUpInEachVlanByItself) {
  VlanBoard bridge({member({{10}, {20}}), member({{10}, {20}}), member({{10}, {20}})});
  const TaggedFrame hello({0x8100000a}, 1, 9), in_ten({0x8100000a}, 0, 1, 9), in_twenty({0x81000014}, 0, 1, 9);
  bridge.send(hello.view);
  EXPECT_EQ(bridge.send(in_ten.view).size(), 1U);
  EXPECT_EQ(bridge.send(in_twenty.view).size(), 2U) << "station 9 is not known in VLAN 20";
}

TEST(VlanRules, AKnownStationBehindAPortThatLeftTheVlanIsNotReached) {
  VlanBoard bridge({member({{10}}), member({{10}, {20}}), member({{20}})});
  ASSERT_TRUE(bridge.board.fdb.add(FdbKey::of(station(9), 1010), 2, FdbKind::kStatic, Fdb::IfExists::kFail, 1));
  const TaggedFrame frame({0x8100000a}, 0, 1, 9);
  EXPECT_THAT(bridge.send(frame.view), IsEmpty());
  EXPECT_EQ(bridge.board.drops(0, DropReason::kVlanEgress), 1U);
}

TEST(VlanRules, AStationBehindAPortThatIsBeingDeletedIsNotReached) {
  VlanBoard bridge({member({{10, true, true}}), member({{10, true, true}})});
  const TaggedFrame from_the_other({}, 1, 2), to_it({}, 0, 1, 2);
  bridge.send(from_the_other.view);
  EXPECT_TRUE(bridge.send(to_it.view).contains(1));
  bridge.board.ports[1] = PortState{};  // a new state is published before the FDB is flushed
  EXPECT_THAT(bridge.send(to_it.view), IsEmpty());
  EXPECT_EQ(bridge.board.drops(0, DropReason::kVlanEgress), 1U);
}

TEST(VlanRules, CountFramesAndOctetsOfEachVlan) {
  VlanBoard bridge({member({{10, true, true}}), member({{10}, {20}})});
  bridge.send(0, {});
  const TaggedFrame to_itself({0x8100000a}, 1, 2, 2);
  bridge.send(to_itself.view);
  bridge.send(to_itself.view);  // dropped: the station is behind the ingress port
  VlanTotals access, trunk, none;
  bridge.board.vlan_counters.add_to(access, 0, 10);
  bridge.board.vlan_counters.add_to(trunk, 1, 10);
  bridge.board.vlan_counters.add_to(none, 1, 20);
  EXPECT_EQ(access.rx_frames, 1U);
  EXPECT_EQ(access.rx_bytes, 60U);
  EXPECT_EQ(trunk.tx_frames, 1U);
  EXPECT_EQ(trunk.tx_bytes, 64U);
  EXPECT_EQ(trunk.rx_frames, 2U);
  EXPECT_EQ(trunk.drops, 2U);
  EXPECT_EQ(none.rx_frames + none.tx_frames + none.drops, 0U);
}

TEST(VlanRules, AllowAFrameOfFullSizeATagMore) {
  VlanBoard bridge({member({{10, true, true}}), member({{10}})});
  const TaggedFrame full({0x8100000a, 0x81000014}, 1, 1, -1, 1500), over({0x8100000a, 0x81000014}, 1, 1, -1, 1501);
  EXPECT_TRUE(bridge.send(full.view).contains(0))
      << "the frame's own tag is not counted, and there is room for one more";
  EXPECT_THAT(bridge.send(over.view), IsEmpty());
}

// Properties that hold with any settings.

class AnyVlans : public ::testing::TestWithParam<unsigned> {
 protected:
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }
  bool one_in(std::uint32_t count) { return below(count) == 0; }
  Vid vid() { return static_cast<Vid>(one_in(8) ? 1 + below(kMaxVid) : 1 + below(6)); }

  PortVlans any_port() {
    PortVlans port;
    for (std::uint32_t i = below(8); i > 0; --i) {
      const Vid own = vid();
      if (!one_in(4)) port.ingress.set(own);
      if (!one_in(4)) port.egress.set(own);
      if (one_in(2)) port.untagged.set(own);
      if (one_in(3)) port.pvid = own;
    }
    if (port.pvid != kNoVid) port.ingress.set(port.pvid);
    port.admit = static_cast<AdmitFrames>(one_in(3) ? below(3) : 0);
    port.tunnel = one_in(6);
    for (std::uint8_t& pcp : port.regenerated) pcp = static_cast<std::uint8_t>(below(8));
    port.default_pcp = static_cast<std::uint8_t>(below(8));
    return port;
  }
  Tags any_tags() {
    Tags tags;
    for (std::uint32_t i = below(4); i > 0; --i) {
      const std::uint32_t tci = below(16) << 12 | (one_in(6) ? below(2) * 0xfff : vid());
      tags.push_back((one_in(3) ? 0x88a8U : 0x8100U) << 16 | tci);
    }
    return tags;
  }

  std::mt19937 random_{GetParam()};
};

/// Returns the frame without its outermost tag if that tag has this TPID.
std::vector<std::uint8_t> without_tag(std::vector<std::uint8_t> octets, std::uint16_t tpid) {
  if (octets[12] * 256U + octets[13] == tpid) octets.erase(octets.begin() + 12, octets.begin() + 16);
  return octets;
}

TEST_P(AnyVlans, NoFrameLeavesWhereItMayNotOrChangesMoreThanOneTag) {
  const std::uint16_t tpid = one_in(2) ? kTpidCustomer : kTpidService;
  std::vector<PortVlans> ports;
  VidSet all;
  for (std::uint32_t i = 2 + below(6); i > 0; --i) {
    ports.push_back(any_port());
    // The first two ports always have a VLAN in common.
    if (ports.size() <= 2) {
      ports.back().admit = AdmitFrames::kAll;
      ports.back().pvid = 1;
      ports.back().ingress.set(1);
      ports.back().egress.set(1);
    }
    all |= ports.back().egress;
  }
  VlanBoard bridge(ports, tpid);
  std::size_t left_count = 0;
  for (int i = 0; i < 300; ++i) {
    const auto ingress = static_cast<PortIndex>(below(static_cast<std::uint32_t>(bridge.port_count())));
    const Tags tags = any_tags();
    const TaggedFrame frame(tags, ingress, static_cast<std::uint8_t>(1 + below(4)),
                            one_in(2) ? 1 + static_cast<int>(below(4)) : -1);
    const std::vector<std::uint8_t> came = octets_of(frame.view);
    const PortVlans& from = bridge.vlans(ingress);
    const bool own_tag = !from.tunnel && !tags.empty() && tags[0] >> 16 == tpid;
    const Vid said = own_tag ? static_cast<Vid>(tags[0] & 0xfff) : kNoVid;
    const Vid belongs_to = said != kNoVid ? said : from.pvid;
    for (const PortIndex port : bridge.board.send(frame.view)) {
      ++left_count;
      const PortVlans& to = bridge.vlans(port);
      ASSERT_NE(port, ingress);
      ASSERT_TRUE(from.ingress.test(belongs_to) && to.egress.test(belongs_to));
      const std::vector<std::uint8_t> leaves = octets_of(bridge.board.frame_at(port));
      const std::vector<std::uint8_t> payload = own_tag ? without_tag(came, tpid) : came;
      if (to.untagged.test(belongs_to)) {
        ASSERT_EQ(leaves, payload);
      } else {
        ASSERT_EQ(leaves.size(), payload.size() + 4);
        ASSERT_EQ(leaves[12] * 256U + leaves[13], tpid);
        ASSERT_EQ((leaves[14] * 256U + leaves[15]) & 0xfff, belongs_to);
        ASSERT_EQ(without_tag(leaves, tpid), payload);
      }
    }
    ASSERT_EQ(octets_of(frame.view), came) << "the received frame must not change";
  }
  EXPECT_GT(left_count, 0U) << "no frame left with this seed";
  // The counters balance with any settings.
  for (std::size_t port = 0; port < bridge.port_count(); ++port) {
    const PortTotals totals = bridge.board.totals(static_cast<PortIndex>(port));
    ASSERT_EQ(received(totals), totals.forwarded + totals.flooded + sum_of_drops(totals, false));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AnyVlans, ::testing::Range(0U, 60U));

}  // namespace
}  // namespace rb::testing
