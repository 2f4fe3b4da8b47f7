// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/relay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/switch/offload_frames.hpp"
#include "tests/switch/relay_fixture.hpp"

namespace rb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kBroadcast;
using testing::mac;
using testing::random_octets;
using testing::received;
using testing::Sample;
using testing::station;
using testing::sum_of_drops;
using testing::Switchboard;
using testing::TestFrame;

/// One bridge with the ports 0, 1 and 2.
class RelayTest : public ::testing::Test {
 protected:
  RelayTest() {
    board.add_bridge();
    for (int i = 0; i < 3; ++i) board.add_port(0);
  }
  Switchboard board;
};

TEST_F(RelayTest, FloodsUnknownUnicastToAllOtherPorts) {
  EXPECT_THAT(board.send(0, station(1), station(2)), ElementsAre(1, 2));
}

TEST_F(RelayTest, FloodsBroadcastAndMulticast) {
  EXPECT_THAT(board.send(1, station(1), kBroadcast), ElementsAre(0, 2));
  EXPECT_THAT(board.send(1, station(1), mac("01:00:5e:00:00:01")), ElementsAre(0, 2));
}

TEST_F(RelayTest, ForwardsToWhereTheStationWasHeard) {
  board.send(2, station(2), kBroadcast);
  EXPECT_THAT(board.send(0, station(1), station(2)), ElementsAre(2));
  EXPECT_THAT(board.send(2, station(2), station(1)), ElementsAre(0));
}

TEST_F(RelayTest, FollowsAStationThatMoves) {
  board.send(2, station(2), kBroadcast);
  board.send(1, station(2), kBroadcast);
  ASSERT_EQ(board.relay().learned().size(), 1U);
  EXPECT_EQ(board.relay().learned()[0].previous, 2);
  EXPECT_THAT(board.send(0, station(1), station(2)), ElementsAre(1));
}

TEST_F(RelayTest, NeverSendsAFrameBackUnlessHairpinIsOn) {
  board.send(0, station(1), kBroadcast);
  EXPECT_THAT(board.send(0, station(2), station(1)), IsEmpty());
  EXPECT_EQ(board.drops(0, DropReason::kSamePort), 1U);
  board.ports[0].hairpin = true;
  EXPECT_THAT(board.send(0, station(2), station(1)), ElementsAre(0));
  EXPECT_THAT(board.send(0, station(2), kBroadcast), ElementsAre(0, 1, 2));
}

TEST_F(RelayTest, KeepsBridgesApart) {
  const BridgeIndex other = board.add_bridge();
  const PortIndex there = board.add_port(other);
  const PortIndex also_there = board.add_port(other);
  board.send(there, station(2), kBroadcast);
  EXPECT_THAT(board.send(0, station(1), station(2)), ElementsAre(1, 2));
  EXPECT_THAT(board.send(there, station(2), kBroadcast), ElementsAre(also_there));
}

TEST_F(RelayTest, TreatsReservedGroupsAsTheKernelsBridgeWithoutStp) {
  EXPECT_THAT(board.send(0, station(1), mac("01:80:c2:00:00:00")), ElementsAre(1, 2));
  EXPECT_THAT(board.send(0, station(1), mac("01:80:c2:00:00:01")), IsEmpty());
  EXPECT_THAT(board.send(0, station(1), mac("01:80:c2:00:00:0e")), IsEmpty());
  EXPECT_EQ(board.drops(0, DropReason::kReservedGroup), 2U);
  board.bridges[0].group_fwd_mask = 1 << 0xe;
  EXPECT_THAT(board.send(0, station(1), mac("01:80:c2:00:00:0e")), ElementsAre(1, 2));
  EXPECT_THAT(board.send(0, station(1), mac("01:80:c2:00:00:02")), IsEmpty());
  EXPECT_THAT(board.send(0, station(1), mac("01:80:c2:00:00:10")), ElementsAre(1, 2));
}

TEST_F(RelayTest, LearnsFromControlFramesThatStayButNotFromPause) {
  board.send(1, station(1), mac("01:80:c2:00:00:0e"));
  board.send(2, station(2), mac("01:80:c2:00:00:01"));
  EXPECT_TRUE(board.fdb.get(FdbKey::of(station(1), 1), 1).has_value());
  EXPECT_FALSE(board.fdb.get(FdbKey::of(station(2), 1), 1).has_value());
}

TEST_F(RelayTest, DropsAndDoesNotLearnInvalidSources) {
  EXPECT_THAT(board.send(0, mac("01:00:00:00:00:01"), kBroadcast), IsEmpty());
  EXPECT_THAT(board.send(0, MacAddress{}, kBroadcast), IsEmpty());
  EXPECT_EQ(board.drops(0, DropReason::kInvalidSource), 2U);
  EXPECT_EQ(board.fdb.size(), 0U);
}

TEST_F(RelayTest, DropsRunts) {
  for (const std::uint32_t size : {0U, 1U, 13U}) EXPECT_THAT(board.send(0, station(1), kBroadcast, size), IsEmpty());
  EXPECT_EQ(board.drops(0, DropReason::kRunt), 3U);
  EXPECT_THAT(board.send(0, station(1), kBroadcast, 14), ElementsAre(1, 2));
}

TEST_F(RelayTest, DropsFramesWhoseVnetHeaderCannotBeTrue) {
  Sample sample({.payload = random_octets(5000)});  // from station 1
  const auto passes = [&] { return !board.send(sample.frame()).empty(); };
  EXPECT_TRUE(passes());
  sample.vnet.gso_size = 0;
  EXPECT_FALSE(passes());
  EXPECT_EQ(board.drops(0, DropReason::kBadVnetHeader), 1U);
}

TEST_F(RelayTest, HandsOnNothingOfAVnetHeaderThatItHasNotChecked) {
  for (const Trust trust : {Trust::kPeer, Trust::kKernel}) {
    board.ports[0].trust = trust;
    TestFrame frame(station(1), kBroadcast, 0);
    frame.vnet = {.flags = kVnetDataValid | kVnetRscInfo, .hdr_len = 777, .num_buffers = 5};
    EXPECT_THAT(board.send(frame.view), ElementsAre(1, 2));
    EXPECT_EQ(frame.vnet.flags, trust == Trust::kKernel ? kVnetDataValid : 0);
    EXPECT_EQ(frame.vnet.hdr_len, 0);
    EXPECT_EQ(frame.vnet.num_buffers, 0);
  }
}

TEST_F(RelayTest, HoldsFramesToTheEgressMtuAsTheKernelDoes) {
  board.send(1, station(2), kBroadcast);
  EXPECT_THAT(board.send(0, station(1), station(2), 1500 + 14 + 4), ElementsAre(1));
  EXPECT_THAT(board.send(0, station(1), station(2), 1500 + 14 + 5), IsEmpty());
  EXPECT_EQ(board.drops(1, DropReason::kOverMtu), 1U);
  Sample gso({.payload = random_octets(40000)});  // from station 1 to 2
  EXPECT_THAT(board.send(gso.frame()), ElementsAre(1));
  board.ports[1].mtu = 0;  // unknown
  EXPECT_THAT(board.send(0, station(1), station(2), 9000), ElementsAre(1));
}

TEST_F(RelayTest, LetsIsolatedPortsTalkToOthersOnly) {
  board.ports[0].isolated = board.ports[1].isolated = true;
  EXPECT_THAT(board.send(0, station(1), kBroadcast), ElementsAre(2));
  EXPECT_THAT(board.send(2, station(3), kBroadcast), ElementsAre(0, 1));
  board.send(1, station(2), kBroadcast);
  EXPECT_THAT(board.send(0, station(1), station(2)), IsEmpty());
  EXPECT_EQ(board.drops(0, DropReason::kIsolated), 1U);
}

TEST_F(RelayTest, AdmitsOnlyKnownSourcesOnALockedPort) {
  board.ports[0].locked = true;
  EXPECT_THAT(board.send(0, station(1), kBroadcast), IsEmpty());
  EXPECT_EQ(board.drops(0, DropReason::kLocked), 1U);
  ASSERT_TRUE(board.fdb.add(FdbKey::of(station(1), 1), 0, FdbKind::kStatic, Fdb::IfExists::kFail, 1));
  EXPECT_THAT(board.send(0, station(1), kBroadcast), ElementsAre(1, 2));
}

TEST_F(RelayTest, HonoursTheFloodFlagsByKindOfFrame) {
  board.ports[1].flood = false;
  board.ports[2].bcast_flood = false;
  board.ports[2].mcast_flood = false;
  EXPECT_THAT(board.send(0, station(1), station(9)), ElementsAre(2));
  EXPECT_THAT(board.send(0, station(1), kBroadcast), ElementsAre(1));
  EXPECT_THAT(board.send(0, station(1), mac("01:00:5e:00:00:01")), ElementsAre(1));
  board.ports[2].flood = false;
  EXPECT_THAT(board.send(0, station(1), station(9)), IsEmpty());
  EXPECT_EQ(board.drops(0, DropReason::kNoEgress), 1U);
}

TEST_F(RelayTest, DoesNotLearnWhereLearningIsOff) {
  board.ports[0].learning = false;
  board.send(0, station(1), kBroadcast);
  board.bridges[0].learning = false;  // ageing time 0
  board.send(1, station(2), kBroadcast);
  EXPECT_EQ(board.fdb.size(), 0U);
}

TEST_F(RelayTest, NeitherTakesNorGivesFramesWhereAPortIsNotForwarding) {
  board.send(1, station(2), kBroadcast);
  board.ports[1].gate = PortGate::kDown;
  EXPECT_THAT(board.send(1, station(2), kBroadcast), IsEmpty());
  EXPECT_EQ(board.drops(1, DropReason::kIngressDown), 1U);
  EXPECT_THAT(board.send(0, station(1), kBroadcast), ElementsAre(2));
  EXPECT_THAT(board.send(0, station(1), station(2)), IsEmpty());
  EXPECT_EQ(board.drops(1, DropReason::kEgressDown), 1U);
}

TEST_F(RelayTest, DropsFramesOfPortsThatNoBridgeHas) {
  EXPECT_THAT(board.send(77, station(1), kBroadcast), IsEmpty());
  EXPECT_EQ(board.drops(77, DropReason::kIngressDown), 1U);
}

TEST_F(RelayTest, KeepsTheOrderOfABatchOnEveryPort) {
  std::vector<std::unique_ptr<TestFrame>> owned;
  std::vector<Frame> frames;
  for (std::size_t i = 0; i < kMaxBatch; ++i) {
    owned.push_back(std::make_unique<TestFrame>(station(i % 5), i % 3 == 0 ? kBroadcast : station(100),
                                                static_cast<PortIndex>(i % 3)));
    frames.push_back(owned.back()->view);
  }
  const ForwardingState state(board.bridges, board.ports);
  EgressLists egress(8);
  board.relay().process(frames, state, 1, egress);
  for (const PortIndex port : egress.ports()) EXPECT_TRUE(std::ranges::is_sorted(egress.frames(port)));
}

/// The simplest model of a bridge: a map from station to port.
class NaiveBridge {
 public:
  std::vector<PortIndex> send(PortIndex ingress, std::uint64_t source, std::uint64_t destination, bool group) {
    where_[source] = ingress;
    std::vector<PortIndex> left;
    const auto known = where_.find(destination);
    for (PortIndex port = 0; port < kPorts; ++port) {
      if (port == ingress) continue;
      if (group || known == where_.end() || known->second == port) left.push_back(port);
    }
    return left;
  }
  static constexpr PortIndex kPorts = 8;

 private:
  std::map<std::uint64_t, PortIndex> where_;
};

TEST(Relay, AgreesWithANaiveBridgeAndItsBooksBalance) {
  std::mt19937 random(7);
  Switchboard board;
  board.add_bridge();
  for (PortIndex i = 0; i < NaiveBridge::kPorts; ++i) board.add_port(0);
  NaiveBridge naive;
  for (int i = 0; i < 20000; ++i) {
    const auto ingress = static_cast<PortIndex>(random() % NaiveBridge::kPorts);
    const std::uint64_t source = random() % 50;
    const std::uint64_t destination = random() % 60;
    const bool group = random() % 8 == 0;
    ASSERT_EQ(board.send(ingress, station(source), group ? kBroadcast : station(destination)),
              naive.send(ingress, source, destination, group));
  }
  for (PortIndex port = 0; port < NaiveBridge::kPorts; ++port) {
    const PortTotals totals = board.totals(port);
    EXPECT_EQ(received(totals), totals.forwarded + totals.flooded + sum_of_drops(totals, false));
  }
}

}  // namespace
}  // namespace rb
