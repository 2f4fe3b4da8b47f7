// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/switch/relay_fixture.hpp"

namespace rb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kBroadcast;
using testing::mac;
using testing::station;
using testing::Switchboard;
using testing::TestFrame;

class TraceTest : public ::testing::Test {
 protected:
  TraceTest() {
    board.add_bridge();
    for (int i = 0; i < 3; ++i) board.add_port(0);
  }
  Trace trace(PortIndex ingress, const MacAddress& source, const MacAddress& destination, std::uint32_t size = 64) {
    const TestFrame frame(source, destination, ingress, size);
    const ForwardingState state(board.bridges, board.ports);
    return trace_frame(frame.octets, VnetHeader{}, ingress, state, board.fdb, 1,
                       [](PortIndex port) { return "tap" + std::to_string(port); });
  }
  static std::string text_of(const Trace& trace) {
    std::string text;
    for (const TraceStep& step : trace.steps) text += step.stage + ": " + step.text + "\n";
    return text;
  }
  Switchboard board;
};

TEST_F(TraceTest, SaysEachDecisionInOrder) {
  board.send(2, station(2), kBroadcast);
  const Trace traced = trace(0, station(1), station(2));
  EXPECT_EQ(text_of(traced),
            "parse: 02:00:00:00:00:01 > 02:00:00:00:00:02, unicast, 64 octets\n"
            "admit: admitted on tap0\n"
            "learn: 02:00:00:00:00:01 is new: would be entered behind tap0\n"
            "look_up: 02:00:00:00:00:02 is behind tap2 (dynamic entry)\n"
            "decide: forwards to tap2\n"
            "egress: leaves by tap2\n");
  EXPECT_THAT(traced.egress, ElementsAre(2));
  EXPECT_FALSE(traced.drop.has_value());
}

TEST_F(TraceTest, ChangesNothing) {
  trace(0, station(1), kBroadcast);
  EXPECT_EQ(board.fdb.size(), 0U);
  EXPECT_EQ(testing::received(board.totals(0)), 0U);
}

TEST_F(TraceTest, NamesTheReasonOfADrop) {
  const Trace traced = trace(0, station(1), mac("01:80:c2:00:00:0e"));
  EXPECT_EQ(traced.drop, DropReason::kReservedGroup);
  EXPECT_THAT(text_of(traced), HasSubstr("dropped: reserved_group"));
  EXPECT_EQ(trace(0, station(1), kBroadcast, 5).drop, DropReason::kRunt);
}

TEST_F(TraceTest, SaysWhoIsLeftOutOfAFlood) {
  board.ports[0].isolated = board.ports[1].isolated = true;
  const Trace traced = trace(0, station(1), kBroadcast, 1519);
  EXPECT_THAT(text_of(traced), HasSubstr("not to tap1: isolated"));
  EXPECT_THAT(text_of(traced), HasSubstr("the copy to tap2 is dropped: over_mtu, its MTU is 1500"));
}

}  // namespace
}  // namespace rb
