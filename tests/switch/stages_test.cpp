// SPDX-License-Identifier: GPL-2.0-or-later
// Stages in the relay: every verdict, at both sides, and the books that balance whatever stages decide.
#include "switch/stages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "switch/trace.hpp"
#include "tests/switch/relay_fixture.hpp"

namespace rb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kBroadcast;
using testing::received;
using testing::station;
using testing::sum_of_drops;
using testing::Switchboard;
using testing::TestFrame;

constexpr StageId kEarly{8}, kLate{9};

/// Does to each frame what the test says, and keeps the order of all calls.
class ScriptedStage final : public Stage {
 public:
  using Script = std::function<void(StageFrames&, std::size_t)>;
  ScriptedStage(std::string name, std::vector<std::string>& calls, Script& script)
      : name_(std::move(name)), calls_(calls), script_(script) {}
  void judge(StageFrames& frames) noexcept override {
    calls_.push_back(name_ + std::to_string(frames.port()) + ":" + std::to_string(frames.count()));
    for (std::size_t i = 0; i < frames.count(); ++i) {
      if (frames.passes(i) && script_) script_(frames, i);
    }
  }

 private:
  std::string name_;
  std::vector<std::string>& calls_;
  Script& script_;
};

constexpr std::uint16_t kBoth = StageBits::bit(kEarly) | StageBits::bit(kLate);

class StagesTest : public ::testing::Test {
 protected:
  StagesTest() {
    board.add_bridge();
    for (int i = 0; i < 4; ++i) board.add_port(0);
    board.stages.set(kEarly, std::make_unique<ScriptedStage>("early", calls, early));
    board.stages.set(kLate, std::make_unique<ScriptedStage>("late", calls, late));
  }
  /// Lets held frames go on that are due, and says by which ports they leave.
  std::vector<PortIndex> resume() {
    std::array<Frame, kMaxBatch> frames;
    std::array<HeldAt, kMaxBatch> at;
    const std::size_t count = board.stages.held().take_due(board.now_ns, frames, at);
    const ForwardingState state(board.bridges, board.ports);
    EgressLists egress(8);
    board.relay().resume({frames.data(), count}, {at.data(), count}, state, 1, egress);
    std::vector<PortIndex> left(egress.ports().begin(), egress.ports().end());
    std::ranges::sort(left);
    board.stages.held().release_taken();
    return left;
  }
  void expect_books(PortIndex port) {
    const PortTotals totals = board.totals(port);
    EXPECT_EQ(received(totals), totals.forwarded + totals.flooded + sum_of_drops(totals, false)) << port;
  }

  std::vector<std::string> calls;
  ScriptedStage::Script early, late;
  Switchboard board;
};

TEST_F(StagesTest, JudgeInOrderAtIngressAndInReverseAtEgress) {
  board.ports[0].stages.ingress = kBoth;
  board.ports[2].stages.egress = kBoth;
  EXPECT_THAT(board.send(0, station(1), kBroadcast), ElementsAre(1, 2, 3));
  EXPECT_THAT(calls, ElementsAre("early0:1", "late0:1", "late2:1", "early2:1"));
  calls.clear();
  EXPECT_THAT(board.send(1, station(2), kBroadcast), ElementsAre(0, 2, 3));
  EXPECT_THAT(calls, ElementsAre("late2:1", "early2:1")) << "bits of one side say nothing of the other";
}

TEST_F(StagesTest, DropWithTheirReasonAndTheNextStageSeesNothingOfIt) {
  board.ports[0].stages.ingress = kBoth;
  int seen = 0;
  early = [](StageFrames& frames, std::size_t i) { frames.drop(i, DropReason::kLocked); };
  late = [&](StageFrames&, std::size_t) { ++seen; };
  EXPECT_THAT(board.send(0, station(1), kBroadcast), IsEmpty());
  EXPECT_EQ(board.drops(0, DropReason::kLocked), 1U);
  EXPECT_EQ(seen, 0);
  EXPECT_FALSE(board.fdb.get(FdbKey::of(station(1), 1), 1)) << "nor is its source learned";
  expect_books(0);
  board.ports[0].stages = {};
  board.ports[1].stages.egress = StageBits::bit(kEarly);
  early = [](StageFrames& frames, std::size_t i) { frames.drop(i, DropReason::kRefused); };
  EXPECT_THAT(board.send(0, station(1), kBroadcast), ElementsAre(2, 3));
  const PortTotals totals = board.totals(1);
  EXPECT_EQ(totals.copies, 1U);
  EXPECT_EQ(totals.copies, sum_of_drops(totals, true));
}

TEST_F(StagesTest, HoldAFrameAtIngressWhichGoesOnBehindTheStage) {
  board.ports[0].stages.ingress = kBoth;
  late = [&](StageFrames& frames, std::size_t i) { frames.hold(i, kLate, frames.now_ns() + 500); };
  EXPECT_THAT(board.send(0, station(1), kBroadcast), IsEmpty());
  EXPECT_EQ(received(board.totals(0)), 0U) << "it counts when it goes on";
  EXPECT_EQ(board.stages.held().next_due(), board.now_ns + 500);
  calls.clear();
  EXPECT_THAT(resume(), IsEmpty()) << "not yet";
  board.now_ns += 500;
  EXPECT_THAT(resume(), ElementsAre(1, 2, 3));
  EXPECT_THAT(calls, IsEmpty()) << "no stage is behind the last";
  EXPECT_EQ(board.totals(0).flooded, 1U);
  expect_books(0);
  EXPECT_TRUE(board.fdb.get(FdbKey::of(station(1), 1), 1));
  // The first stage holds, and the next sees the frame when it goes on, and may hold it once more.
  early = [&](StageFrames& frames, std::size_t i) { frames.hold(i, kEarly, frames.now_ns() + 100); };
  EXPECT_THAT(board.send(0, station(1), kBroadcast), IsEmpty());
  calls.clear();
  board.now_ns += 100;
  EXPECT_THAT(resume(), IsEmpty());
  EXPECT_THAT(calls, ElementsAre("late0:1"));
  board.now_ns += 500;
  EXPECT_THAT(resume(), ElementsAre(1, 2, 3));
}

TEST_F(StagesTest, HoldACopyAtEgressWhichGoesOnBehindTheStage) {
  board.ports[2].stages.egress = kBoth;
  late = [&](StageFrames& frames, std::size_t i) { frames.hold(i, kLate, frames.now_ns() + 500); };
  EXPECT_THAT(board.send(0, station(1), kBroadcast), ElementsAre(1, 3));
  EXPECT_EQ(board.totals(2).copies, 0U);
  board.now_ns += 500;
  calls.clear();
  EXPECT_THAT(resume(), ElementsAre(2));
  EXPECT_THAT(calls, ElementsAre("early2:1"));
  EXPECT_EQ(board.totals(2).copies, 1U);
  // The port has stopped forwarding when the copy goes on.
  EXPECT_THAT(board.send(0, station(1), kBroadcast), ElementsAre(1, 3));
  board.ports[2].gate = PortGate::kDiscarding;
  board.now_ns += 500;
  EXPECT_THAT(resume(), IsEmpty());
  EXPECT_EQ(board.drops(2, DropReason::kEgressBlocked), 1U);
  EXPECT_EQ(board.totals(2).copies, 2U);
}

TEST_F(StagesTest, DropWhatTheyCannotHold) {
  board.ports[0].stages.ingress = StageBits::bit(kEarly);
  board.ports[1].stages.egress = StageBits::bit(kLate);
  early = [&](StageFrames& frames, std::size_t i) { frames.hold(i, kEarly, INT64_MAX); };
  late = [&](StageFrames& frames, std::size_t i) { frames.hold(i, kLate, INT64_MAX); };
  for (std::size_t i = 0; i < HeldFrames::kMaxPortFrames + 3; ++i) {
    board.send(0, station(1), kBroadcast);
    board.send(2, station(2), kBroadcast);
  }
  EXPECT_EQ(board.drops(0, DropReason::kHoldFull), 3U);
  EXPECT_EQ(board.drops(1, DropReason::kEgressHoldFull), 3U);
  expect_books(0);
  const PortTotals totals = board.totals(1);
  EXPECT_EQ(totals.copies, sum_of_drops(totals, true));
}

TEST_F(StagesTest, CopyAFrameToTheControlThreadThatGoesOn) {
  board.ports[0].stages.ingress = kBoth;
  const auto copies = [](StageFrames& frames, std::size_t i) { frames.copy_to_control(i, PuntKind::kLoopProbe); };
  early = copies;
  EXPECT_THAT(board.send(0, station(1), kBroadcast, 1500), ElementsAre(1, 2, 3));
  EXPECT_THAT(board.relay().punted(), ElementsAre(Punt{0, 0, PuntKind::kLoopProbe, false}));
  EXPECT_EQ(board.totals(0).flooded, 1U);
  expect_books(0);
  late = [](StageFrames& frames, std::size_t i) { frames.drop(i, DropReason::kLocked); };
  EXPECT_THAT(board.send(0, station(1), kBroadcast), IsEmpty());
  EXPECT_EQ(board.relay().punted().size(), 1U) << "a copy of a frame that is dropped later";
  expect_books(0);
  // At egress, of the frame as it leaves.
  board.ports[0].stages = {};
  board.ports[3].stages.egress = StageBits::bit(kEarly);
  EXPECT_THAT(board.send(0, station(1), kBroadcast), ElementsAre(1, 2, 3));
  EXPECT_THAT(board.relay().punted(), ElementsAre(Punt{0, 3, PuntKind::kLoopProbe, false}));
}

TEST_F(StagesTest, CopiesNeverTakeThePlaceOfFramesThatEndAtTheControlThread) {
  board.bridges[0].stp = true;
  for (PortIndex port = 0; port < 4; ++port)
    board.ports[port].stages = {.ingress = StageBits::bit(kEarly), .egress = StageBits::bit(kEarly)};
  early = [](StageFrames& frames, std::size_t i) { frames.copy_to_control(i, PuntKind::kLoopProbe); };
  std::vector<std::unique_ptr<TestFrame>> owned;
  std::vector<Frame> frames;
  const MacAddress bpdus = testing::mac("01:80:c2:00:00:00");
  for (std::size_t i = 0; i < kMaxBatch; ++i) {
    owned.push_back(std::make_unique<TestFrame>(station(1), i < kMaxBatch / 2 ? kBroadcast : bpdus, 0));
    frames.push_back(owned.back()->view);
  }
  const ForwardingState state(board.bridges, board.ports);
  EgressLists egress(8);
  board.relay().process(frames, state, 1, egress);
  std::size_t ends = 0, copies = 0;
  for (const Punt& punt : board.relay().punted()) ++(punt.ends ? ends : copies);
  EXPECT_EQ(ends, kMaxBatch / 2);
  EXPECT_EQ(copies, kMaxBatch);
  std::uint64_t lost = 0;
  for (PortIndex port = 0; port < 4; ++port) lost += board.totals(port).punt_copies_lost;
  EXPECT_EQ(lost, 3 * kMaxBatch / 2) << "those of the copies that left by three ports";
}

TEST_F(StagesTest, MirrorAFrameToAPortWhichMayGetItTwice) {
  board.ports[0].stages.ingress = StageBits::bit(kEarly);
  early = [](StageFrames& frames, std::size_t i) { frames.copy_to_port(i, 1); };
  std::vector<std::unique_ptr<TestFrame>> owned;
  std::vector<Frame> frames;
  for (std::size_t i = 0; i < kMaxBatch; ++i) {
    owned.push_back(std::make_unique<TestFrame>(station(1), kBroadcast, 0));
    frames.push_back(owned.back()->view);
  }
  board.ports[3].stages.egress = StageBits::bit(kEarly);  // and once more what leaves by another port
  const ForwardingState state(board.bridges, board.ports);
  EgressLists egress(8);
  board.relay().process(frames, state, 1, egress);
  EXPECT_EQ(egress.frames(1).size(), EgressLists::kMaxFramesAPort);
  EXPECT_EQ(egress.frames(3).size(), kMaxBatch);
  const PortTotals totals = board.totals(1);
  EXPECT_EQ(totals.copies, 3 * kMaxBatch);
  EXPECT_EQ(totals.drops[static_cast<std::size_t>(DropReason::kEgressFull)], kMaxBatch);
  expect_books(0);
  board.ports[1].gate = PortGate::kDown;
  EXPECT_THAT(board.send(0, station(1), kBroadcast), ElementsAre(2, 3));
  EXPECT_EQ(board.drops(1, DropReason::kEgressDown), 2U);
}

TEST_F(StagesTest, SpeakInATraceBetweenParsingAndAdmission) {
  board.ports[0].rate_in = {.frames_per_s = 1};
  const TestFrame frame(station(1), kBroadcast, 0);
  const ForwardingState state(board.bridges, board.ports);
  const Trace traced = trace_frame(frame.octets, VnetHeader{}, 0, state, board.fdb, 1,
                                   [](PortIndex port) { return "tap" + std::to_string(port); });
  EXPECT_THAT(traced.egress, ElementsAre(1, 2, 3));
  ASSERT_GE(traced.steps.size(), 3U);
  EXPECT_EQ(traced.steps[0].stage, "parse");
  EXPECT_EQ(traced.steps[1].stage, "police");
  EXPECT_EQ(traced.steps[2].stage, "admit");
}

TEST(StageBits, NameTheStagesBehindOne) {
  const StageBits bits{.ingress = 0b1011'0001, .egress = 0b1011'0001};
  EXPECT_EQ(bits.ingress_after(StageId{4}), 0b1010'0000);
  EXPECT_EQ(bits.egress_after(StageId{4}), 0b0000'0001);
  EXPECT_EQ(bits.ingress_after(StageId{15}), 0);
}

}  // namespace
}  // namespace rb
