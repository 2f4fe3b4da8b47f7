// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/punt_queue.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "switch/big_endian.hpp"
#include "switch/loop_probe.hpp"
#include "tests/switch/relay_fixture.hpp"

namespace rb {
namespace {

using testing::Switchboard;
using testing::TestFrame;

const MacAddress kBpdus = testing::mac("01:80:c2:00:00:00");

/// Two ports of a bridge with both protocols that take frames.
class PuntQueueTest : public ::testing::Test {
 protected:
  PuntQueueTest() {
    board.add_bridge();
    for (int i = 0; i < 2; ++i) board.add_port(0);
    board.bridges[0].stp = true;
    board.bridges[0].probe_sender = 0;
  }
  /// Relays frames as one batch and hands over what is punted.
  bool hand_over(const std::vector<std::unique_ptr<TestFrame>>& frames) {
    std::vector<Frame> views;
    for (const auto& frame : frames) views.push_back(frame->view);
    const ForwardingState state(board.bridges, board.ports);
    EgressLists egress(8);
    board.relay().process(views, state, now_s, egress);
    return queue.hand_over(board.relay(), board.counters, now_s);
  }
  bool hand_over(PortIndex port, std::uint32_t size, std::size_t count, const MacAddress& destination = kBpdus) {
    std::vector<std::unique_ptr<TestFrame>> frames;
    for (std::size_t i = 0; i < count; ++i) {
      frames.push_back(std::make_unique<TestFrame>(testing::station(1), destination, port, size));
      if (destination == kLoopProbeGroup.address()) store16(&frames.back()->octets[12], kLoopProbeEtherType);
    }
    return hand_over(frames);
  }
  struct Taken {
    PuntHeader header;
    std::vector<std::byte> octets;
  };
  std::vector<Taken> take() {
    std::vector<Taken> taken;
    queue.drain([&](const PuntHeader& header,
                    std::span<const std::byte> octets) { taken.push_back({header, {octets.begin(), octets.end()}}); },
                PuntQueue::kMaxFrames);
    return taken;
  }

  Switchboard board;
  PuntQueue queue;
  std::uint32_t now_s = 1;
};

TEST_F(PuntQueueTest, GivesFramesWithKindPortAndSizeAndNoMoreOctetsThanTheKindAllows) {
  EXPECT_FALSE(hand_over(0, 100, 1, testing::kBroadcast)) << "nothing is punted";
  EXPECT_TRUE(hand_over(1, 60, 1));
  EXPECT_TRUE(hand_over(0, 65550, 1));
  EXPECT_TRUE(hand_over(1, 1000, 1, kLoopProbeGroup.address()));
  const std::vector<Taken> taken = take();
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(taken[0].header.port, 1);
  EXPECT_EQ(taken[0].header.kind, PuntKind::kBpdu);
  EXPECT_EQ(taken[0].octets.size(), 60U);
  EXPECT_EQ(taken[1].header.port, 0);
  EXPECT_EQ(taken[1].header.size, 65550U);
  EXPECT_EQ(taken[1].octets.size(), row_of(PuntKind::kBpdu).octets);
  EXPECT_EQ(MacAddress::from_bytes(taken[1].octets.data()), kBpdus);
  EXPECT_EQ(taken[2].header.kind, PuntKind::kLoopProbe);
  EXPECT_EQ(taken[2].header.size, 1000U);
  EXPECT_EQ(taken[2].octets.size(), row_of(PuntKind::kLoopProbe).octets);
  EXPECT_EQ(board.drops(0, DropReason::kPunted), 1U);
  EXPECT_EQ(board.drops(1, DropReason::kPunted), 2U);
}

TEST_F(PuntQueueTest, LimitsEachKindOfEachPortByItself) {
  constexpr std::uint32_t kBpduLimit = row_of(PuntKind::kBpdu).per_second,
                          kProbeLimit = row_of(PuntKind::kLoopProbe).per_second;
  EXPECT_TRUE(hand_over(0, 60, kBpduLimit + 5));
  EXPECT_FALSE(hand_over(0, 60, 1)) << "the port has had its share";
  EXPECT_TRUE(hand_over(0, 60, kProbeLimit + 7, kLoopProbeGroup.address()));
  EXPECT_TRUE(hand_over(1, 60, kBpduLimit));
  EXPECT_EQ(take().size(), 2 * kBpduLimit + kProbeLimit);
  EXPECT_EQ(board.drops(0, DropReason::kPuntLimit), 5U + 1U + 7U);
  EXPECT_EQ(board.drops(1, DropReason::kPuntLimit), 0U);
  ++now_s;
  EXPECT_TRUE(hand_over(0, 60, 1));
}

TEST_F(PuntQueueTest, CountsWhatAFullQueueCannotTake) {
  constexpr std::size_t kFit = PuntQueue::kCapacity / PuntQueue::Ring::record_size(1518);
  std::size_t sent = 0;
  for (; sent < kFit + 5; ++sent, ++now_s) EXPECT_EQ(hand_over(0, 65550, 1), sent < kFit) << sent;
  EXPECT_EQ(board.drops(0, DropReason::kPunted), kFit);
  EXPECT_EQ(board.drops(0, DropReason::kPuntFull), 5U);
  EXPECT_EQ(take().size(), kFit);
  EXPECT_TRUE(hand_over(0, 65550, 1));
}

}  // namespace
}  // namespace rb
