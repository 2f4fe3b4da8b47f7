// SPDX-License-Identifier: GPL-2.0-or-later
// These tests check which frames pass a port in each of its states, and which frames the control thread gets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "switch/big_endian.hpp"
#include "switch/loop_probe.hpp"
#include "switch/relay.hpp"
#include "switch/trace.hpp"
#include "tests/switch/vlan_board.hpp"

namespace rb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kBroadcast;
using testing::mac;
using testing::received;
using testing::station;
using testing::sum_of_drops;
using testing::Switchboard;
using testing::TaggedFrame;
using testing::Tags;
using testing::TestFrame;
using testing::VlanBoard;

const MacAddress kBpdus = mac("01:80:c2:00:00:00"), kLldp = mac("01:80:c2:00:00:0e"), kPause = mac("01:80:c2:00:00:01");
const MacAddress kMulticast = mac("01:00:5e:00:00:01"), kProbes = kLoopProbeGroup.address();

/// The result for a frame that a port in some state receives.
struct Fate {
  std::optional<DropReason> drop;  // nullopt: the frame is not dropped
  bool learned = false;
};

/// Frames come in by port 0. Ports 1 and 2 forward. Station 2 is known behind port 1.
class RelayGateTest : public ::testing::Test {
 protected:
  RelayGateTest() {
    board.add_bridge();
    for (int i = 0; i < 3; ++i) board.add_port(0);
    board.send(1, station(2), kBroadcast);
  }
  /// Sends a frame from a new station.
  Fate fate(const MacAddress& destination, std::uint16_t type = 0x0800) {
    const PortTotals before = board.totals(0);
    const MacAddress source = station(++last_station_);
    TestFrame frame(source, destination, 0);
    store16(&frame.octets[12], type);
    Fate fate;
    const bool leaves = !board.send(frame.view).empty();
    const PortTotals after = board.totals(0);
    for (std::size_t reason = 0; reason < kDropReasonCount; ++reason) {
      if (after.drops[reason] == before.drops[reason]) continue;
      EXPECT_FALSE(fate.drop || leaves) << "the frame has more than one result";
      fate.drop = static_cast<DropReason>(reason);
    }
    EXPECT_EQ(leaves, !fate.drop);
    EXPECT_EQ(received(after), after.forwarded + after.flooded + sum_of_drops(after, false));
    EXPECT_EQ(board.relay().punted().size(), fate.drop == DropReason::kPunted ? 1U : 0U);
    fate.learned = board.fdb.get(FdbKey::of(source, 1), 1).has_value();
    return fate;
  }
  void expect(const MacAddress& destination, std::optional<DropReason> drop, bool learned,
              std::uint16_t type = 0x0800) {
    const Fate got = fate(destination, type);
    EXPECT_EQ(got.drop, drop) << to_string(destination) << ' ' << (got.drop ? drop_reason_name(*got.drop) : "goes on");
    EXPECT_EQ(got.learned, learned) << to_string(destination);
  }
  Switchboard board;

 private:
  std::uint64_t last_station_ = 1000;
};

TEST_F(RelayGateTest, AForwardingPortLetsAllIn) {
  for (const MacAddress& destination : {station(2), station(99), kBroadcast, kMulticast, kBpdus})
    expect(destination, std::nullopt, true);
  expect(kProbes, std::nullopt, true, kLoopProbeEtherType);
  expect(kLldp, DropReason::kReservedGroup, true);
  expect(kPause, DropReason::kReservedGroup, false);
}

TEST_F(RelayGateTest, ALearningPortLearnsAndLetsNothingIn) {
  board.ports[0].gate = PortGate::kLearning;
  for (const MacAddress& destination : {station(2), station(99), kBroadcast, kMulticast, kBpdus})
    expect(destination, DropReason::kBlocked, true);
  expect(kProbes, DropReason::kBlocked, true, kLoopProbeEtherType);
  expect(kLldp, DropReason::kReservedGroup, true);
  expect(kPause, DropReason::kReservedGroup, false);
  board.ports[0].locked = true;
  expect(station(2), DropReason::kLocked, false);
}

TEST_F(RelayGateTest, ADiscardingPortLearnsNothingEither) {
  board.ports[0].gate = PortGate::kDiscarding;
  board.bridges[0].group_fwd_mask = 0xfff8;
  for (const MacAddress& destination : {station(2), station(99), kBroadcast, kMulticast, kBpdus, kLldp, kPause})
    expect(destination, DropReason::kBlocked, false);
  expect(kProbes, DropReason::kBlocked, false, kLoopProbeEtherType);
}

TEST_F(RelayGateTest, APortThatIsDownIsAsIfItWereNot) {
  board.bridges[0].stp = true;
  board.bridges[0].probe_sender = 0;
  board.ports[0].gate = PortGate::kDown;
  for (const MacAddress& destination : {station(2), station(99), kBroadcast, kMulticast, kBpdus, kLldp, kPause})
    expect(destination, DropReason::kIngressDown, false);
  expect(kProbes, DropReason::kIngressDown, false, kLoopProbeEtherType);
}

TEST_F(RelayGateTest, OnlyAForwardingPortIsGivenCopies) {
  ASSERT_TRUE(board.fdb.add(FdbKey::of(station(2), 1), 1, FdbKind::kStatic, Fdb::IfExists::kReplace, 1));
  for (const auto& [gate, why] : {std::pair{PortGate::kDown, DropReason::kEgressDown},
                                  std::pair{PortGate::kDiscarding, DropReason::kEgressBlocked},
                                  std::pair{PortGate::kLearning, DropReason::kEgressBlocked}}) {
    board.ports[1].gate = gate;
    EXPECT_THAT(board.send(0, station(1), station(99)), ElementsAre(2));
    EXPECT_THAT(board.send(0, station(1), kBroadcast), ElementsAre(2));
    EXPECT_THAT(board.send(0, station(1), kMulticast), ElementsAre(2));
    const std::uint64_t before = board.drops(1, why);
    EXPECT_THAT(board.send(0, station(1), station(2)), IsEmpty());
    EXPECT_EQ(board.drops(1, why), before + 1);
  }
  const PortTotals totals = board.totals(1);
  EXPECT_EQ(totals.copies, sum_of_drops(totals, true)) << "the port sent nothing";
}

TEST_F(RelayGateTest, BpdusAreTheSpanningTreesInEveryStateButDown) {
  board.bridges[0].stp = true;
  for (const PortGate gate : {PortGate::kDiscarding, PortGate::kLearning, PortGate::kForwarding}) {
    board.ports[0].gate = gate;
    expect(kBpdus, DropReason::kPunted, gate != PortGate::kDiscarding);
  }
  expect(kMulticast, std::nullopt, true);
  expect(kLldp, DropReason::kReservedGroup, true);
  // Otherwise a frame that goes nowhere would unlock the port for the address in it (Linux: no_linklocal_learn).
  board.ports[0].locked = true;
  expect(kBpdus, DropReason::kPunted, false);
  expect(kLldp, DropReason::kReservedGroup, false);
  board.ports[0].locked = false;
  board.ports[0].learning = false;
  expect(kBpdus, DropReason::kPunted, false);
}

TEST_F(RelayGateTest, APortMayFilterBpdus) {
  board.ports[0].bpdu_filter = true;
  expect(kBpdus, std::nullopt, true);
  board.bridges[0].stp = true;
  for (const PortGate gate : {PortGate::kDiscarding, PortGate::kLearning, PortGate::kForwarding}) {
    board.ports[0].gate = gate;
    expect(kBpdus, DropReason::kBpduFiltered, false);
  }
  expect(kMulticast, std::nullopt, true);
}

TEST_F(RelayGateTest, WhatIsNoFrameOrComesFromNobodyIsNotPunted) {
  board.bridges[0].stp = true;
  EXPECT_THAT(board.send(0, station(1), kBpdus, 13), IsEmpty());
  EXPECT_EQ(board.drops(0, DropReason::kRunt), 1U);
  EXPECT_THAT(board.send(0, MacAddress{}, kBpdus), IsEmpty());
  EXPECT_THAT(board.send(0, kBroadcast, kBpdus), IsEmpty());
  EXPECT_EQ(board.drops(0, DropReason::kInvalidSource), 2U);
  TestFrame frame(station(1), kBpdus, 0);
  frame.vnet.gso_type = kGsoTcpV4;
  EXPECT_THAT(board.send(frame.view), IsEmpty());
  EXPECT_EQ(board.drops(0, DropReason::kBadVnetHeader), 1U);
  EXPECT_EQ(board.drops(0, DropReason::kPunted), 0U);
}

TEST_F(RelayGateTest, LoopProbesArePuntedWhileSomebodyLooksForLoops) {
  board.bridges[0].probe_sender = 0;
  for (const PortGate gate : {PortGate::kDiscarding, PortGate::kLearning, PortGate::kForwarding}) {
    board.ports[0].gate = gate;
    expect(kProbes, DropReason::kPunted, false, kLoopProbeEtherType);
  }
  board.ports[0].bpdu_filter = true;
  expect(kProbes, DropReason::kPunted, false, kLoopProbeEtherType);
  // Probes of another switch, other frames to that group or of that type, and BPDUs are not ours.
  board.bridges[0].probe_sender = 1;
  expect(kProbes, std::nullopt, true, kLoopProbeEtherType);
  board.bridges[0].probe_sender = 0;
  expect(kProbes, std::nullopt, true, 0x0800);
  expect(kMulticast, std::nullopt, true, kLoopProbeEtherType);
  expect(kProbes, std::nullopt, true, 0x8100);
  expect(kBpdus, std::nullopt, true);
}

TEST_F(RelayGateTest, PuntedFramesAreGivenInTheOrderInWhichTheyCame) {
  board.bridges[0].stp = true;
  std::vector<std::unique_ptr<TestFrame>> owned;
  std::vector<Frame> frames;
  std::vector<Punt> expected;
  for (std::size_t i = 0; i < kMaxBatch; ++i) {
    const bool bpdu = i % 3 == 1;
    const auto port = static_cast<PortIndex>(i % 2);
    if (bpdu) expected.push_back({static_cast<FrameIndex>(i), port, PuntKind::kBpdu, true});
    owned.push_back(std::make_unique<TestFrame>(station(i), bpdu ? kBpdus : kBroadcast, port));
    frames.push_back(owned.back()->view);
  }
  const ForwardingState state(board.bridges, board.ports);
  EgressLists egress(8);
  board.relay().process(frames, state, 1, egress);
  EXPECT_TRUE(std::ranges::equal(board.relay().punted(), expected));
  for (const PortIndex port : egress.ports()) {
    for (const FrameIndex index : egress.frames(port)) EXPECT_NE(index % 3, 1);
  }
  board.relay().process({frames.data(), 1}, state, 1, egress);
  EXPECT_THAT(board.relay().punted(), IsEmpty()) << "the next batch begins without punted frames";
}

/// Frames to a group address on a VLAN-aware bridge.
class RelayGateVlanTest : public ::testing::Test {
 protected:
  // Port 0 admits only frames with the tag of VLAN 10. Port 1 admits all frames of VLANs 10 and 20.
  RelayGateVlanTest() {
    PortVlans strict, open;
    for (PortVlans* port : {&strict, &open}) {
      port->ingress.set(10);
      port->egress.set(10);
    }
    strict.admit = AdmitFrames::kTaggedOnly;
    open.ingress.set(20);
    open.egress.set(20);
    open.pvid = 20;
    bridge.emplace(std::vector{strict, open, open});
    bridge->board.bridges[0].stp = true;
    bridge->board.bridges[0].probe_sender = 0x08090a0b0c0d0e0f;  // the octets at this place in a TaggedFrame
  }
  /// Returns the result for a frame from station `from`.
  std::string send(PortIndex ingress, const Tags& tags, const MacAddress& destination, std::uint8_t from) {
    const TaggedFrame frame(tags, ingress, from);
    std::memcpy(frame.view.pieces[0].data, destination.octets.data(), 6);
    const PortTotals before = bridge->board.totals(ingress);
    if (!bridge->send(frame.view).empty()) return "goes on";
    const PortTotals after = bridge->board.totals(ingress);
    for (std::size_t reason = 0; reason < kDropReasonCount; ++reason) {
      if (after.drops[reason] != before.drops[reason])
        return std::string(drop_reason_name(static_cast<DropReason>(reason)));
    }
    return "nothing";
  }
  /// Returns the VLAN in which a station is known, or 0 if it is unknown.
  Vid vlan_of(std::uint8_t number) {
    for (const Vid vid : {Vid{10}, Vid{20}, Vid{30}}) {
      if (bridge->board.fdb.get(FdbKey::of(station(number), static_cast<Fid>(1000 + vid)), 1)) return vid;
    }
    return 0;
  }
  std::optional<VlanBoard> bridge;
};

TEST_F(RelayGateVlanTest, BpdusPassWhateverVlansSayAndTeachWhereTheyMay) {
  EXPECT_EQ(send(0, {}, kBpdus, 1), "punted") << "admits only tagged frames, and has no PVID";
  EXPECT_EQ(vlan_of(1), 0);
  EXPECT_EQ(send(0, {0x8100'000a}, kBpdus, 2), "punted");
  EXPECT_EQ(vlan_of(2), 10);
  EXPECT_EQ(send(0, {0x8100'0014}, kBpdus, 3), "punted") << "not a member";
  EXPECT_EQ(send(0, {0x8100'0fff}, kBpdus, 3), "punted") << "no VID at all";
  EXPECT_EQ(vlan_of(3), 0);
  EXPECT_EQ(send(1, {}, kBpdus, 4), "punted");
  EXPECT_EQ(vlan_of(4), 20);
  bridge->board.ports[1].gate = PortGate::kDiscarding;
  EXPECT_EQ(send(1, {}, kBpdus, 5), "punted");
  EXPECT_EQ(vlan_of(5), 0);
  for (const PortIndex port : {PortIndex{0}, PortIndex{1}}) {
    for (const Vid vid : {Vid{10}, Vid{20}}) {
      const VlanCounters* counters = bridge->board.vlan_counters.find(port, vid);
      if (counters == nullptr) continue;
      EXPECT_EQ(counters->rx_frames.value(), 0U) << "VLAN " << vid;
      EXPECT_EQ(counters->drops.value(), 0U) << "VLAN " << vid;
    }
  }
}

TEST_F(RelayGateVlanTest, ProbesPassUntaggedAndTeachNothing) {
  EXPECT_EQ(send(0, {}, kProbes, 1), "punted");
  EXPECT_EQ(send(1, {}, kProbes, 2), "punted");
  EXPECT_EQ(vlan_of(1), 0);
  EXPECT_EQ(vlan_of(2), 0);
  EXPECT_EQ(send(1, {0x8100'000a}, kProbes, 3), "goes on") << "the probe of another switch, with a tag";
}

TEST_F(RelayGateVlanTest, WithoutAProtocolBpdusAreFramesOfTheirVlan) {
  bridge->board.bridges[0].stp = false;
  bridge->board.bridges[0].probe_sender.reset();
  EXPECT_EQ(send(0, {}, kBpdus, 1), "frame_type");
  EXPECT_EQ(send(0, {0x8100'000a}, kBpdus, 2), "goes on");
  EXPECT_EQ(send(0, {0x8100'0014}, kBpdus, 3), "vlan_ingress");
  EXPECT_EQ(send(0, {}, kProbes, 4), "frame_type");
}

TEST_F(RelayGateVlanTest, BlockedFramesAreCountedInTheirVlanAndGoNowhere) {
  bridge->board.ports[1].gate = PortGate::kDiscarding;
  EXPECT_EQ(send(1, {0x8100'000a}, kBroadcast, 1), "blocked");
  EXPECT_EQ(vlan_of(1), 0);
  bridge->board.ports[1].gate = PortGate::kLearning;
  EXPECT_EQ(send(1, {0x8100'000a}, kBroadcast, 2), "blocked");
  EXPECT_EQ(vlan_of(2), 10);
  EXPECT_EQ(bridge->board.vlan_counters.find(1, 10)->drops.value(), 2U);
  const auto left = bridge->send(TaggedFrame({0x8100'000a}, 0).view);
  EXPECT_FALSE(left.contains(1)) << "no frame leaves by it either";
  EXPECT_TRUE(left.contains(2));
}

/// Tests the trace of a frame that port 0 of three receives.
class TraceGateTest : public RelayGateTest {
 protected:
  std::string trace(const MacAddress& destination, std::uint16_t type = 0x0800) {
    TestFrame frame(station(1), destination, 0);
    store16(&frame.octets[12], type);
    const ForwardingState state(board.bridges, board.ports);
    const Trace traced = trace_frame(frame.octets, VnetHeader{}, 0, state, board.fdb, 1,
                                     [](PortIndex port) { return "tap" + std::to_string(port); });
    std::string text = "(" + std::string(traced.drop ? drop_reason_name(*traced.drop) : "-") + ")\n";
    for (const TraceStep& step : traced.steps) text += step.stage + ": " + step.text + "\n";
    return text;
  }
};

TEST_F(TraceGateTest, SaysWhyAPortLetsNothingIn) {
  board.ports[0].gate = PortGate::kDiscarding;
  std::string text = trace(kBroadcast);
  EXPECT_THAT(text, HasSubstr("(blocked)"));
  EXPECT_THAT(text, HasSubstr("admit: tap0 is discarding: it lets no frame in\ndecide: dropped: blocked\n"));
  EXPECT_EQ(text.find("learn:"), std::string::npos);
  board.ports[0].gate = PortGate::kLearning;
  text = trace(kBroadcast);
  EXPECT_THAT(text, HasSubstr("admit: tap0 is learning: it knows its stations, but lets no frame in yet\n"));
  EXPECT_THAT(text, HasSubstr("learn: 02:00:00:00:00:01 is new: would be entered behind tap0\n"));
  board.ports[0].gate = PortGate::kForwarding;
  board.ports[1].gate = PortGate::kDiscarding;
  EXPECT_THAT(trace(station(2)), HasSubstr("egress: the copy to tap1 is dropped: egress_blocked\n"));
}

TEST_F(TraceGateTest, SaysWhoTakesAFrameOutOfTheTraffic) {
  board.bridges[0].stp = true;
  board.bridges[0].probe_sender = 0;
  std::string text = trace(kBpdus);
  EXPECT_THAT(text, HasSubstr("(punted)"));
  EXPECT_THAT(text, HasSubstr("admit: a BPDU: goes to the spanning tree of the bridge, and no further\n"));
  EXPECT_THAT(text, HasSubstr("would be entered behind tap0"));
  text = trace(kProbes, kLoopProbeEtherType);
  EXPECT_THAT(text, HasSubstr("(punted)"));
  EXPECT_THAT(text, HasSubstr("admit: a loop probe: goes to the loop detection of the bridge, and no further\n"));
  board.ports[0].bpdu_filter = true;
  text = trace(kBpdus);
  EXPECT_THAT(text, HasSubstr("(bpdu_filtered)"));
  EXPECT_THAT(text, HasSubstr("admit: a BPDU, which tap0 filters\n"));
  EXPECT_EQ(board.drops(0, DropReason::kPunted), 0U) << "a trace counts nothing";
}

}  // namespace
}  // namespace rb
