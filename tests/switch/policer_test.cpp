// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/policer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "switch/big_endian.hpp"
#include "switch/trace.hpp"
#include "tests/switch/relay_fixture.hpp"

namespace rb {
namespace {

using ::testing::HasSubstr;
using testing::kBroadcast;
using testing::received;
using testing::station;
using testing::sum_of_drops;
using testing::TestFrame;

constexpr std::int64_t kSecond = 1'000'000'000;

/// Port 0 of three has a limit. Time stands still unless the test moves it.
class PolicerTest : public ::testing::Test {
 protected:
  PolicerTest() {
    board.add_bridge();
    for (int i = 0; i < 3; ++i) board.add_port(0);
  }
  /// Sends `count` frames and returns how many have passed.
  std::uint64_t send(std::size_t count, std::uint32_t size = 64, PortIndex port = 0) {
    const std::uint64_t before = board.drops(port, DropReason::kOverRateIn);
    for (std::size_t i = 0; i < count; ++i) board.send(port, station(port), kBroadcast, size);
    return count - (board.drops(port, DropReason::kOverRateIn) - before);
  }
  testing::Switchboard board;
  std::int64_t& now_ns = board.now_ns = 100 * kSecond;
};

TEST_F(PolicerTest, WithoutALimitEverythingPasses) {
  EXPECT_EQ(send(1000), 1000U);
}

TEST_F(PolicerTest, LetsABurstAndThenTheRateOfFramesPass) {
  board.ports[0].rate_in = {.frames_per_s = 1000};
  EXPECT_EQ(send(200), 51U) << "what 50 ms allow, and the frame that finds the bucket not empty";
  EXPECT_EQ(send(200, 64, 1), 200U) << "another port has no limit";
  std::uint64_t passed = 0;
  for (int ms = 0; ms < 2000; ++ms) {
    now_ns += kSecond / 1000;
    passed += send(3);
  }
  EXPECT_EQ(passed, 2000U);
  now_ns += 10 * kSecond;
  EXPECT_EQ(send(200), 51U) << "no more than a burst is saved up";
  const PortTotals totals = board.totals(0);
  EXPECT_EQ(received(totals), totals.forwarded + totals.flooded + sum_of_drops(totals, false));
}

TEST_F(PolicerTest, CountsBitsOfTheWholeFrame) {
  board.ports[0].rate_in = {.bits_per_s = 1'000'000};
  // 50,000 bits are a burst: 12.5 frames of 500 octets, and the frame that finds the bucket not empty.
  EXPECT_EQ(send(100, 500), 13U);
  std::uint64_t passed = 0;
  for (int ms = 0; ms < 4000; ++ms) {
    now_ns += kSecond / 1000;
    passed += send(1, 500);
  }
  EXPECT_NEAR(static_cast<double>(passed), 1000, 1);
}

TEST_F(PolicerTest, BothLimitsHoldAndAFrameThatOneRefusesSpendsNothingOfTheOther) {
  board.ports[0].rate_in = {.frames_per_s = 1000, .bits_per_s = 8 * 64 * 100};
  EXPECT_EQ(send(500), 6U) << "by its bits";
  board.ports[0].rate_in.bits_per_s = 0;
  EXPECT_EQ(send(500), 51U - 6U) << "frames have been spent for frames that passed";
}

TEST_F(PolicerTest, ASuperFrameCountsAsTheFramesThatItBecomes) {
  // A TCP super-frame of 10 segments, whose headers take 66 octets.
  TestFrame frame(station(1), kBroadcast, 0, 66 + 10 * 1000);
  store16(&frame.octets[12], 0x0800);
  store16(&frame.octets[14], 0x4500);
  store16(&frame.octets[16], static_cast<std::uint16_t>(frame.octets.size() - 14));
  frame.octets[23] = std::byte{6};
  frame.octets[46] = std::byte{0x80};
  const auto whole = [&] {
    frame.vnet = {.flags = kVnetNeedsCsum,
                  .gso_type = kGsoTcpV4,
                  .hdr_len = 66,
                  .gso_size = 1000,
                  .csum_start = 34,
                  .csum_offset = 16};
    return !board.send(frame.view).empty();
  };
  board.ports[0].rate_in = {.frames_per_s = 200};  // a burst of 10
  EXPECT_TRUE(whole());
  EXPECT_TRUE(whole()) << "the bucket holds exactly what has been taken";
  EXPECT_FALSE(whole());
  now_ns += 49 * kSecond / 1000;
  EXPECT_FALSE(whole()) << "ten frames are owed";
  now_ns += kSecond / 1000;
  EXPECT_TRUE(whole());
  // In bits: each segment has the headers once more.
  board.ports[0].rate_in = {.bits_per_s = 10 * 1066 * 8};
  now_ns += 1000 * kSecond;
  EXPECT_TRUE(whole());
  now_ns += kSecond * 949 / 1000;
  EXPECT_FALSE(whole()) << "the bucket is as empty as 50 ms of the rate";
  now_ns += kSecond * 2 / 1000;
  EXPECT_TRUE(whole());
}

TEST_F(PolicerTest, ControlProtocolsPassAndSpendNothing) {
  board.bridges[0].stp = true;
  board.ports[0].rate_in = {.frames_per_s = 1000};
  EXPECT_EQ(send(100), 51U);
  board.send(0, station(1), testing::mac("01:80:c2:00:00:00"));
  EXPECT_EQ(board.drops(0, DropReason::kPunted), 1U) << "a port over its limit keeps its spanning tree";
}

TEST_F(PolicerTest, ATraceSaysWhatTheLimitWouldDoAndSpendsNothing) {
  board.ports[0].rate_in = {.frames_per_s = 1000, .bits_per_s = 10'000'000};
  const auto trace = [&] {
    const TestFrame frame(station(1), kBroadcast, 0);
    const ForwardingState state(board.bridges, board.ports);
    const Trace traced =
        trace_frame(frame.octets, VnetHeader{}, 0, state, board.fdb, 1,
                    [](PortIndex port) { return "tap" + std::to_string(port); }, {&board.stage_memory, now_ns});
    std::string text = traced.drop ? std::string(drop_reason_name(*traced.drop)) + "\n" : "";
    for (const TraceStep& step : traced.steps) text += step.stage + ": " + step.text + "\n";
    return text;
  };
  for (int i = 0; i < 200; ++i) {
    ASSERT_THAT(trace(), HasSubstr("police: the port may receive 1000 frames/s and 10000000 bit/s: the frame is within "
                                   "the limit\nadmit: admitted on tap0\n"))
        << i;
  }
  EXPECT_EQ(send(100), 51U) << "traces have spent nothing";
  EXPECT_THAT(trace(), HasSubstr("over_rate_in\nparse: "));
  EXPECT_THAT(trace(), HasSubstr("the frame is over the limit\ndecide: dropped: over_rate_in\n"));
}

/// A tap with two queues is read by two workers: each has stages of its own, and the limit is one.
TEST(PolicerConcurrency, TwoWorkersGetTogetherWhatTheLimitAllows) {
  StageMemory memory;
  testing::Switchboard first(1024, &memory), second(1024, &memory);
  const auto prepare = [](testing::Switchboard& board) {
    board.add_bridge();
    for (int i = 0; i < 2; ++i) board.add_port(0);
    board.ports[0].rate_in = {.frames_per_s = 100'000};
    board.now_ns = kSecond;
  };
  prepare(first);
  prepare(second);
  const auto send_many = [](testing::Switchboard& board) {
    for (int i = 0; i < 4000; ++i) board.send(0, station(1), kBroadcast);
  };
  std::thread other([&] { send_many(second); });
  send_many(first);
  other.join();
  const std::uint64_t passed = first.totals(0).flooded + second.totals(0).flooded;
  EXPECT_EQ(passed, 5001U);
  EXPECT_EQ(passed + first.drops(0, DropReason::kOverRateIn) + second.drops(0, DropReason::kOverRateIn), 8000U);
}

}  // namespace
}  // namespace rb
