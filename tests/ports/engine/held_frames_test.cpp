// SPDX-License-Identifier: GPL-2.0-or-later
// Frames that stages hold, and limits, on workers.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "switch/stages.hpp"
#include "tests/ports/engine/engine_fixture.hpp"

namespace rb {
namespace {

using testing::kBroadcast;
using testing::received;
using testing::station;
using testing::sum_of_drops;

constexpr StageId kDelay{10};

/// Holds each frame for as many milliseconds as its number (engine_fixture.hpp) says, if it says any.
class Delay final : public Stage {
 public:
  void judge(StageFrames& frames) noexcept override {
    for (std::size_t i = 0; i < frames.count(); ++i) {
      std::uint32_t number = 0;
      std::memcpy(&number, frames[i].pieces[0].data + kEthernetHeaderSize, sizeof number);
      if (number != 0) frames.hold(i, kDelay, frames.now_ns() + number * std::int64_t{1'000'000});
    }
  }
};

class HeldOnWorkersTest : public testing::EngineTest {
 protected:
  HeldOnWorkersTest() {
    start({.prepare_stages = [](Stages& stages) { stages.set(kDelay, std::make_unique<Delay>()); }});
    a = add_port();
    b = add_port();
  }
  void delay(StageBits bits, PortIndex port) {
    ports[port].stages = bits;
    publish();
  }
  PortIndex a = 0, b = 0;
};

TEST_F(HeldOnWorkersTest, AtIngressGoOnInTheOrderOfTheirTimes) {
  delay({.ingress = StageBits::bit(kDelay)}, a);
  for (const std::uint32_t ms : {60U, 20U, 40U, 0U}) send(a, frame(station(1), kBroadcast, ms, 64 + ms));
  for (const std::uint32_t ms : {0U, 20U, 40U, 60U}) EXPECT_EQ(receive(b), frame(station(1), kBroadcast, ms, 64 + ms));
  publish();
  const PortTotals totals = engine->counters(a);
  EXPECT_EQ(received(totals), 4U);
  EXPECT_EQ(totals.flooded, 4U);
  // The timer serves the next frame as it did the first.
  send(a, frame(station(1), kBroadcast, 5));
  EXPECT_EQ(number_of(receive(b)), 5U);
}

TEST_F(HeldOnWorkersTest, AtEgressGoOnInTheOrderOfTheirTimes) {
  delay({.egress = StageBits::bit(kDelay)}, b);
  for (const std::uint32_t ms : {60U, 20U, 40U, 0U}) send(a, frame(station(1), kBroadcast, ms));
  for (const std::uint32_t ms : {0U, 20U, 40U, 60U}) EXPECT_EQ(number_of(receive(b)), ms);
  publish();
  const PortTotals totals = engine->counters(b);
  EXPECT_EQ(totals.copies, 4U);
  EXPECT_EQ(totals.tx[static_cast<std::size_t>(CastKind::kBroadcast)].frames, 4U);
}

TEST_F(HeldOnWorkersTest, OfAPortThatIsDetachedNeverLeave) {
  delay({.ingress = StageBits::bit(kDelay)}, a);
  send(a, frame(station(1), kBroadcast, 200));
  send(a, frame(station(1), kBroadcast, 0));
  EXPECT_EQ(number_of(receive(b)), 0U) << "both have been seen";
  ports[a] = {};
  publish();
  EXPECT_NE(engine->detach(a), nullptr);
  const PortIndex c = add_port();
  send(c, frame(station(3), kBroadcast, 0x0badcafe));
  EXPECT_EQ(number_of(receive(b)), 0x0badcafeU);
  delay({.ingress = StageBits::bit(kDelay)}, c);
  send(c, frame(station(3), kBroadcast, 300));
  EXPECT_EQ(number_of(receive(b)), 300U) << "and not the frame that was to leave before";
}

/// Each worker reads one queue of the port; the limit is one for both.
TEST(PolicedOnWorkers, TwoQueuesShareOneLimit) {
  class Fixture : public testing::EngineTest {
   public:
    void TestBody() override {
      start({.worker_count = 2});
      const PortIndex a = add_port(2);
      add_port();
      ports[a].rate_in = {.frames_per_s = 1};
      publish();
      constexpr std::uint32_t kFrames = 200;
      for (std::uint32_t i = 0; i < kFrames; ++i) send(a, frame(station(1), kBroadcast, i), i % 2);
      while (received(engine->counters(a)) < kFrames) publish();
      publish();
      const PortTotals totals = engine->counters(a);
      const std::uint64_t over = totals.drops[static_cast<std::size_t>(DropReason::kOverRateIn)];
      EXPECT_EQ(totals.flooded + over, kFrames);
      EXPECT_GE(totals.flooded, 1U);
      EXPECT_LE(totals.flooded, 20U) << "one frame a second, on a machine however slow";
    }
  };
  Fixture().TestBody();
}

}  // namespace
}  // namespace rb
