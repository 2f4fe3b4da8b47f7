// SPDX-License-Identifier: GPL-2.0-or-later
// These tests check the rules of IEEE 802.1D-2004 17 and, for STP, of IEEE 802.1D-1998 8. Networks are text in the
// format of simulator.hpp.
#include "switch/stp/spanning_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string_view>
#include <vector>

#include "tests/switch/stp/simulator.hpp"

namespace rb::stp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Network;
using ::testing::UnorderedElementsAre;

constexpr TimeMs kSecond = 1'000;
// Links take 1 ms. An exchange of a few messages takes less than this.
constexpr TimeMs kAtOnce = 50;

/// Runs the network for `duration` and expects nothing that simulator.hpp forbids.
void pass(Network& net, TimeMs duration) {
  net.run_for(duration);
  ASSERT_EQ(net.failure(), "");
}

/// One bridge, whose neighbours are played by the test. The bridge's id is 8000.02:00:00:00:05:00.
class Alone {
 public:
  explicit Alone(Protocol protocol = Protocol::kRstp, unsigned tx_hold_count = 6)
      : tree({.id = kOwnId, .protocol = protocol, .tx_hold_count = tx_hold_count}, 0) {}

  PortNumber add_port(PortParameters parameters = {}) {
    const PortNumber number = ++port_count;
    parameters.id = id_of(number);
    tree.add_port(number, parameters, now);
    tree.set_enabled(number, true, now);
    take();
    return number;
  }
  void hear(PortNumber port, const Bpdu& bpdu) {
    tree.receive(port, bpdu, now);
    take();
  }
  /// The neighbour of a designated port agrees to its proposal.
  void agree(PortNumber port) {
    hear(port, {.priority = {tree.status(now).root, 1000, neighbour(0x700), 0x8001},
                .role = PortRole::kRoot,
                .agreement = true,
                .learning = true,
                .forwarding = true});
  }
  void pass(TimeMs duration) {
    const TimeMs until = now + duration;
    for (auto next = tree.next_deadline(); next && *next <= until; next = tree.next_deadline()) {
      now = *next;
      tree.advance(now);
      take();
    }
    now = until;
    tree.advance(now);
    take();
  }
  [[nodiscard]] PortStatus status(PortNumber port) const { return tree.port_status(port, now); }
  [[nodiscard]] PortState state(PortNumber port) { return states[port]; }
  [[nodiscard]] std::vector<Bpdu> sent_by(PortNumber port) const {
    std::vector<Bpdu> bpdus;
    for (const SendBpdu& message : sent)
      if (message.port == port) bpdus.push_back(message.bpdu);
    return bpdus;
  }
  void forget() {
    sent.clear();
    flushed.clear();
  }

  /// The id of a neighbour. The number decides if it is better or worse than kOwnId.
  static BridgeId neighbour(std::uint64_t number) {
    return BridgeId::of(0x8000, MacAddress::from_number(0x020000000000 + number));
  }
  static PortId id_of(PortNumber number) { return static_cast<PortId>(0x8000 | number); }
  static constexpr BridgeId kOwnId = BridgeId::of(0x8000, MacAddress{{0x02, 0, 0, 0, 0x05, 0}});

  SpanningTree tree;
  PortNumber port_count = 0;  // numbered from 1
  TimeMs now = 0;
  std::vector<SendBpdu> sent;
  std::vector<PortNumber> flushed;
  std::map<PortNumber, PortState> states;
  bool ages_short = false;

 private:
  void take() {
    for (const Effect& effect : tree.take_effects()) {
      if (const auto* message = std::get_if<SendBpdu>(&effect)) sent.push_back(*message);
      if (const auto* change = std::get_if<SetPortState>(&effect)) states[change->port] = change->state;
      if (const auto* flush = std::get_if<FlushPort>(&effect)) flushed.push_back(flush->port);
      if (const auto* ageing = std::get_if<SetShortAgeing>(&effect)) ages_short = ageing->on;
    }
  }
};

/// The message of a better bridge's designated port, directly at the root.
Bpdu from_root(std::uint64_t root = 0x100) {
  return {.priority = {Alone::neighbour(root), 0, Alone::neighbour(root), 0x8001},
          .role = PortRole::kDesignated,
          .learning = true,
          .forwarding = true};
}
Bpdu configuration_from_root(std::uint64_t root = 0x100) {
  return {.kind = Bpdu::Kind::kConfiguration, .priority = {Alone::neighbour(root), 0, Alone::neighbour(root), 0x8001}};
}
constexpr Bpdu kNotification{.kind = Bpdu::Kind::kTopologyChangeNotification};

// Roles, and the tree that they make.

TEST(SpanningTree, OfTwoBridgesTheLowerIdIsTheRoot) {
  Network net("A.1 B.1");
  net.start_all();
  pass(net, kAtOnce);
  EXPECT_EQ(net.roles(), "A: 1 D+; B: 1 R+");
  EXPECT_EQ(net.check_tree(), "");
}

TEST(SpanningTree, PriorityCountsBeforeTheAddress) {
  Network net("A.1 B.1; B priority=4096");
  net.start_all();
  pass(net, kAtOnce);
  EXPECT_EQ(net.roles(), "A: 1 R+; B: 1 D+");
}

TEST(SpanningTree, ATriangleIsBrokenOnceAndHealsAtOnce) {
  Network net("A.1 B.1; B.2 C.1; A.2 C.2");
  net.set_loop_bound(Network::kNoLoops);
  net.start_all();
  pass(net, kAtOnce);
  EXPECT_EQ(net.roles(), "A: 1 D+, 2 D+; B: 1 R+, 2 D+; C: 1 A, 2 R+");
  net.cut(net.segment("C.2"));
  pass(net, kAtOnce);
  EXPECT_EQ(net.roles(), "A: 1 D+, 2 -; B: 1 R+, 2 D+; C: 1 R+, 2 -");
  net.join(net.segment("C.2"));
  pass(net, kAtOnce);
  EXPECT_EQ(net.roles(), "A: 1 D+, 2 D+; B: 1 R+, 2 D+; C: 1 A, 2 R+");
}

TEST(SpanningTree, TheCheaperPathIsTheRootPort) {
  // D reaches the root by B with two hops of cost 2, and directly with one hop of cost 100.
  Network net("A.1 B.1(cost=2); B.2 D.1(cost=2); A.2 D.2(cost=100)");
  net.start_all();
  pass(net, kAtOnce);
  EXPECT_EQ(net.tree("D").status(net.now()).root_path_cost, 4U);
  EXPECT_EQ(net.roles(), "A: 1 D+, 2 D+; B: 1 R+, 2 D+; D: 1 R+, 2 A");
}

TEST(SpanningTree, OfPathsThatCostTheSameTheOneByTheLowerBridgeWins) {
  Network net("A.1 C.1; A.2 B.1; C.2 D.1; B.2 D.2");
  net.start_all();
  pass(net, kAtOnce);
  EXPECT_EQ(net.roles(), "A: 1 D+, 2 D+; C: 1 R+, 2 D+; B: 1 R+, 2 D+; D: 1 A, 2 R+");
}

TEST(SpanningTree, OfParallelLinksTheSendersPortIdDecides) {
  Network net("A.1(id=33282) B.1; A.2(id=32770) B.2");  // 0x8202, 0x8002
  net.start_all();
  pass(net, kAtOnce);
  EXPECT_EQ(net.roles(), "A: 1 D+, 2 D+; B: 1 A, 2 R+");
}

TEST(SpanningTree, OfPortsOnOneLanTheOwnPortIdDecides) {
  Network net("A.1 B.1(id=33281) B.2(id=32770)");
  net.start_all();
  pass(net, 60 * kSecond);
  EXPECT_EQ(net.roles(), "A: 1 D+; B: 1 A, 2 R+");
}

TEST(SpanningTree, OnASharedLanTheSecondPortOfABridgeIsABackup) {
  Network net("A.1 B.1; B.2 B.3 C.1");
  net.start_all();
  pass(net, 60 * kSecond);
  EXPECT_EQ(net.roles(), "A: 1 D+; B: 1 R+, 2 D+, 3 B; C: 1 R+");
  net.set_port_up(net.port("B.2"), false);
  pass(net, 60 * kSecond);
  EXPECT_EQ(net.roles(), "A: 1 D+; B: 1 R+, 2 -, 3 D+; C: 1 R+");
}

TEST(SpanningTree, ACableBackIntoTheSameBridgeIsABackup) {
  for (const std::string_view text : {"A.1 A.2; A.3", "A.1 A.2; A.3; A stp"}) {
    Network net(text);
    net.set_loop_bound(Network::kNoLoops);
    net.start_all();
    pass(net, 60 * kSecond);
    EXPECT_EQ(net.roles(), "A: 1 D+, 2 B, 3 D+") << text;
  }
}

TEST(SpanningTree, APortThatHearsItselfDoesNotForward) {
  for (const std::string_view text : {"A.1 plug", "A.1(edge=on) plug", "A.1 plug; A stp"}) {
    Network net(text);
    net.set_loop_bound(2 + 1);  // an edge port forwards until it hears the first BPDU
    net.start_all();
    for (int i = 0; i < 100; ++i) {
      pass(net, kSecond);
      ASSERT_EQ(net.roles(), "A: 1 D") << text << " after " << i << " s";
    }
    EXPECT_TRUE(net.status("A.1").self_looped);
    EXPECT_GT(net.status("A.1").ignored, 0U);
  }
}

TEST(SpanningTree, ARootPortThatHearsItselfDoesNotForwardEither) {
  Alone alone;
  const PortNumber port = alone.add_port();
  const Bpdu own = alone.sent_by(port).at(0);
  alone.hear(port, from_root());
  ASSERT_EQ(alone.state(port), PortState::kForwarding);
  alone.hear(port, own);
  EXPECT_EQ(alone.status(port).role, PortRole::kRoot);
  EXPECT_EQ(alone.state(port), PortState::kDiscarding);
  for (int i = 0; i < 4; ++i) {
    alone.pass(2 * kSecond);
    alone.hear(port, from_root());
  }
  EXPECT_EQ(alone.state(port), PortState::kForwarding);
}

TEST(SpanningTree, APortThatHearsItselfNoMoreForwards) {
  Alone alone;
  const PortNumber port = alone.add_port();
  Bpdu own = alone.sent_by(port).at(0);
  alone.hear(port, own);
  alone.pass(5 * kSecond);
  EXPECT_TRUE(alone.status(port).self_looped);
  EXPECT_EQ(alone.state(port), PortState::kDiscarding);
  alone.pass(2 * kSecond);
  EXPECT_FALSE(alone.status(port).self_looped);
  EXPECT_EQ(alone.state(port), PortState::kForwarding);
}

TEST(SpanningTree, ADisabledPortHasNoPart) {
  Alone alone;
  const PortNumber port = alone.add_port();
  alone.pass(10 * kSecond);
  EXPECT_EQ(alone.state(port), PortState::kForwarding);
  alone.tree.set_enabled(port, false, alone.now);
  alone.forget();
  alone.pass(10 * kSecond);
  EXPECT_EQ(alone.state(port), PortState::kDiscarding);
  EXPECT_EQ(alone.status(port).role, PortRole::kDisabled);
  EXPECT_THAT(alone.flushed, ElementsAre(port));
  alone.hear(port, from_root());
  EXPECT_EQ(alone.tree.status(alone.now).root, Alone::kOwnId);
  EXPECT_EQ(alone.status(port).ignored, 1U);
  EXPECT_THAT(alone.sent, IsEmpty());
}

TEST(SpanningTree, ARemovedRootPortIsReplaced) {
  Alone alone;
  const PortNumber first = alone.add_port(), second = alone.add_port();
  alone.hear(first, from_root());
  Bpdu other = from_root();
  other.priority.designated_port = 0x8002;
  alone.hear(second, other);
  ASSERT_EQ(alone.tree.status(alone.now).root_port, first);
  ASSERT_EQ(alone.status(second).role, PortRole::kAlternate);
  alone.tree.remove_port(first, alone.now);
  alone.pass(0);
  EXPECT_EQ(alone.tree.status(alone.now).root_port, second);
  EXPECT_EQ(alone.state(second), PortState::kForwarding);
}

// Changes of parameters take effect at once.

TEST(SpanningTree, ANewPriorityMovesTheRoot) {
  Network net("A.1 B.1; B.2 C.1; A.2 C.2");
  net.start_all();
  pass(net, 10 * kSecond);
  BridgeParameters parameters = net.parameters(net.bridge("C"));
  parameters.id = BridgeId::of(0x1000, parameters.id.address());
  net.set_parameters(net.bridge("C"), parameters);
  pass(net, kAtOnce);
  EXPECT_EQ(net.roles(), "A: 1 D+, 2 R+; B: 1 A, 2 R+; C: 1 D+, 2 D+");
  EXPECT_EQ(net.check_tree(), "");
}

TEST(SpanningTree, ANewPathCostMovesTheRootPort) {
  Network net("A.1 B.1; B.2 C.1; A.2 C.2");
  net.set_loop_bound(Network::kNoLoops);
  net.start_all();
  pass(net, 10 * kSecond);
  PortParameters parameters = net.port_parameters(net.port("C.2"));
  parameters.path_cost = 25;
  net.set_port(net.port("C.2"), parameters);
  pass(net, kAtOnce);
  EXPECT_EQ(net.roles(), "A: 1 D+, 2 D+; B: 1 R+, 2 D+; C: 1 R+, 2 A");
}

TEST(SpanningTree, ANewPortPriorityMovesTheRootPort) {
  Network net("A.1 B.1; A.2 B.2");
  net.start_all();
  pass(net, 10 * kSecond);
  ASSERT_EQ(net.roles(), "A: 1 D+, 2 D+; B: 1 R+, 2 A");
  PortParameters parameters = net.port_parameters(net.port("A.2"));
  parameters.id = 0x1002;
  net.set_port(net.port("A.2"), parameters);
  pass(net, kAtOnce);
  EXPECT_EQ(net.roles(), "A: 1 D+, 2 D+; B: 1 A, 2 R+");
}

TEST(SpanningTree, TheRootsTimesAreEverybodys) {
  Network net("A.1 B.1; A hello=1000 max_age=10000 forward_delay=7000");
  net.start_all();
  pass(net, kAtOnce);
  const Times times = net.tree("B").status(net.now()).times;
  EXPECT_EQ(times.max_age, 10'000);
  EXPECT_EQ(times.forward_delay, 7'000);
  EXPECT_EQ(net.tree("B").parameters().max_age, 20'000);
}

TEST(SpanningTree, AnotherProtocolBeginsAnew) {
  Network net("A.1 B.1");
  net.start_all();
  pass(net, 10 * kSecond);
  BridgeParameters parameters = net.parameters(net.bridge("A"));
  parameters.protocol = Protocol::kStp;
  net.set_parameters(net.bridge("A"), parameters);
  EXPECT_EQ(net.roles(), "A: 1 D; B: 1 R+");
  pass(net, 10 * kSecond);
  EXPECT_FALSE(net.status("A.1").sends_rstp);
  EXPECT_FALSE(net.status("B.1").sends_rstp);
  pass(net, 30 * kSecond);
  EXPECT_EQ(net.roles(), "A: 1 D+; B: 1 R+");
}

TEST(SpanningTree, AnotherProtocolForgetsWhereStationsAre) {
  Alone alone;
  const PortNumber port = alone.add_port();
  alone.agree(port);
  alone.forget();
  BridgeParameters parameters = alone.tree.parameters();
  parameters.protocol = Protocol::kStp;
  alone.tree.set_parameters(parameters, alone.now);
  alone.pass(0);
  EXPECT_EQ(alone.state(port), PortState::kDiscarding);
  EXPECT_THAT(alone.flushed, ElementsAre(port));
}

// RSTP: how a port gets to forward (17.29).

TEST(SpanningTree, AProposalIsAgreedToWithoutATimer) {
  Network net("A.1 B.1; B.2 C.1; C.2 D.1; D.2 E.1; E.2 F.1");
  net.set_loop_bound(Network::kNoLoops);
  net.start_all();
  pass(net, kAtOnce);
  EXPECT_EQ(net.roles(), "A: 1 D+; B: 1 R+, 2 D+; C: 1 R+, 2 D+; D: 1 R+, 2 D+; E: 1 R+, 2 D+; F: 1 R+");
}

TEST(SpanningTree, AnAgreementIsGivenAtOnceWhereAllOthersHaveAgreed) {
  Alone alone;
  const PortNumber up = alone.add_port(), down = alone.add_port();
  alone.hear(
      down,
      {.priority = {Alone::kOwnId, 10, Alone::neighbour(0x700), 0x8001}, .role = PortRole::kRoot, .agreement = true});
  ASSERT_EQ(alone.state(down), PortState::kForwarding);
  alone.forget();
  Bpdu proposal = from_root();
  proposal.proposal = true;
  proposal.learning = proposal.forwarding = false;
  alone.hear(up, proposal);
  EXPECT_EQ(alone.state(up), PortState::kForwarding);
  ASSERT_EQ(alone.sent_by(up).size(), 1U);
  EXPECT_TRUE(alone.sent_by(up)[0].agreement);
  EXPECT_EQ(alone.sent_by(up)[0].role, PortRole::kRoot);
  ASSERT_FALSE(alone.sent_by(down).empty());
  EXPECT_EQ(alone.sent_by(down).back().priority.root, Alone::neighbour(0x100));
}

TEST(SpanningTree, APortThatNobodyHasAgreedToIsClosedBeforeAnAgreement) {
  Alone alone;
  const PortNumber down = alone.add_port({.edge = Choice::kOff}), up = alone.add_port();
  alone.pass(20 * kSecond);
  ASSERT_EQ(alone.state(down), PortState::kLearning);  // by its timers alone
  alone.forget();
  Bpdu proposal = from_root();
  proposal.proposal = true;
  proposal.learning = proposal.forwarding = false;
  alone.hear(up, proposal);
  EXPECT_EQ(alone.state(down), PortState::kDiscarding);
  EXPECT_EQ(alone.state(up), PortState::kForwarding);
  ASSERT_FALSE(alone.sent_by(up).empty());
  EXPECT_TRUE(alone.sent_by(up).back().agreement);
  EXPECT_TRUE(alone.sent_by(down).back().proposal);
}

TEST(SpanningTree, WhereAgreementsDoNotCountAPortListensFirst) {
  Network net("A.1(shared) B.1(shared)");
  net.start_all();
  pass(net, 10 * kSecond);
  EXPECT_EQ(net.roles(), "A: 1 D; B: 1 R+");
  EXPECT_TRUE(net.status("A.1").waiting);
  pass(net, 10 * kSecond + kAtOnce);  // max age since it came up (17.29.1), then a hello time (17.20.5)
  EXPECT_EQ(net.roles(), "A: 1 D~; B: 1 R+");
  pass(net, 2 * kSecond);
  EXPECT_EQ(net.roles(), "A: 1 D+; B: 1 R+");
}

TEST(SpanningTree, AnAlternatePortTakesOverWhenItsDesignatedBridgeFallsSilent) {
  Network net("A.1 B.1; B.2 C.1; A.2 C.2");
  net.start_all();
  pass(net, 10 * kSecond);
  net.set_silent(net.segment("C.2"), true);
  pass(net, 3 * kSecond);
  EXPECT_EQ(net.roles(), "A: 1 D+, 2 D+; B: 1 R+, 2 D+; C: 1 A, 2 R+");
  pass(net, 3 * kSecond + kAtOnce);  // three hello times after the last BPDU (17.21.23)
  EXPECT_EQ(net.tree("C").status(net.now()).root_port, 1);
  EXPECT_EQ(net.status("C.1").state, PortState::kForwarding);
}

TEST(SpanningTree, WhatTheDesignatedBridgeSaysCountsAlsoWhenItIsWorse) {
  Alone alone;
  const PortNumber first = alone.add_port(), second = alone.add_port();
  Bpdu better = from_root(), other = from_root();
  better.priority = {Alone::neighbour(0x100), 10, Alone::neighbour(0x200), 0x8001};
  other.priority = {Alone::neighbour(0x100), 11, Alone::neighbour(0x300), 0x8001};  // better than our own 12
  alone.hear(first, better);
  alone.hear(second, other);
  ASSERT_EQ(alone.tree.status(alone.now).root_port, first);
  better.priority.root_path_cost = 30;
  alone.hear(first, better);
  EXPECT_EQ(alone.tree.status(alone.now).root_port, second);
  EXPECT_EQ(alone.tree.status(alone.now).root_path_cost, 13U);
  EXPECT_EQ(alone.state(second), PortState::kForwarding);
  EXPECT_EQ(alone.status(first).role, PortRole::kDesignated);  // 13 is better than 30
}

TEST(SpanningTree, WhatIsTooOldIsNotBelieved) {
  Alone alone;
  const PortNumber port = alone.add_port();
  Bpdu bpdu = from_root();
  bpdu.times.message_age = 19 * kSecond;  // this bridge adds a second, which makes it max age (17.21.23)
  alone.hear(port, bpdu);
  EXPECT_EQ(alone.tree.status(alone.now).root, Alone::neighbour(0x100));
  bpdu.times.message_age = 20 * kSecond;
  alone.hear(port, bpdu);
  alone.pass(0);
  EXPECT_EQ(alone.tree.status(alone.now).root, Alone::kOwnId);
}

TEST(SpanningTree, RstpTellsAMessageAgeOfASecondMoreThanItWasTold) {
  Alone alone;
  const PortNumber up = alone.add_port(), down = alone.add_port();
  Bpdu bpdu = from_root();
  bpdu.times.message_age = 3 * kSecond;
  alone.hear(up, bpdu);
  EXPECT_EQ(alone.sent_by(down).back().times.message_age, 4 * kSecond);
}

TEST(SpanningTree, RstpBelievesForThreeHelloTimes) {
  Alone alone;
  const PortNumber port = alone.add_port();
  Bpdu bpdu = from_root();
  bpdu.times.hello = 3 * kSecond;
  alone.hear(port, bpdu);
  EXPECT_EQ(alone.status(port).message_age_timer, 9 * kSecond);
  alone.pass(9 * kSecond - 1);
  EXPECT_EQ(alone.tree.status(alone.now).root, Alone::neighbour(0x100));
  alone.pass(1);
  EXPECT_EQ(alone.tree.status(alone.now).root, Alone::kOwnId);
}

TEST(SpanningTree, WhoBelievesToBeDesignatedAndLearnsIsDisputed) {
  Alone alone;
  const PortNumber port = alone.add_port();
  alone.agree(port);
  ASSERT_EQ(alone.state(port), PortState::kForwarding);
  Bpdu inferior = {.priority = {Alone::neighbour(0x600), 0, Alone::neighbour(0x600), 1}, .role = PortRole::kDesignated};
  alone.hear(port, inferior);
  EXPECT_EQ(alone.state(port),
            PortState::kForwarding);  // the neighbour does not learn, so it will yield when it hears us
  inferior.learning = true;
  for (int i = 0; i < 20; ++i) {
    alone.hear(port, inferior);
    ASSERT_EQ(alone.state(port), PortState::kDiscarding) << i;
    alone.pass(2 * kSecond - 1);
  }
  alone.pass(5 * kSecond);
  EXPECT_EQ(alone.state(port), PortState::kForwarding);
}

// Edge ports (17.25).

TEST(SpanningTree, AnEdgePortForwardsAtOnceAndChangesNoTopology) {
  Alone alone;
  const PortNumber port = alone.add_port({.edge = Choice::kOn});
  EXPECT_EQ(alone.state(port), PortState::kForwarding);
  EXPECT_TRUE(alone.status(port).edge);
  EXPECT_EQ(alone.tree.status(alone.now).topology_changes, 0U);
}

TEST(SpanningTree, APortThatHearsNobodyIsFoundToBeAnEdgePort) {
  Alone alone;
  const PortNumber port = alone.add_port();
  alone.pass(3 * kSecond - 1);
  EXPECT_EQ(alone.state(port), PortState::kDiscarding);
  alone.pass(1);  // the migrate time
  EXPECT_TRUE(alone.status(port).edge);
  EXPECT_EQ(alone.state(port), PortState::kForwarding);
  EXPECT_EQ(alone.tree.status(alone.now).topology_changes, 0U);
}

TEST(SpanningTree, APortThatIsToldToBeNoEdgePortWaits) {
  Alone alone;
  const PortNumber port = alone.add_port({.edge = Choice::kOff});
  alone.pass(20 * kSecond - 1);
  EXPECT_EQ(alone.state(port), PortState::kDiscarding);
  EXPECT_TRUE(alone.status(port).waiting);
  alone.pass(1);
  EXPECT_EQ(alone.state(port), PortState::kLearning);
  alone.pass(2 * kSecond);
  EXPECT_EQ(alone.state(port), PortState::kForwarding);
  EXPECT_FALSE(alone.status(port).edge);
}

TEST(SpanningTree, AnEdgePortThatHearsABridgeIsNoneAnyMore) {
  for (const Choice edge : {Choice::kOn, Choice::kAuto}) {
    Alone alone;
    const PortNumber port = alone.add_port({.edge = edge});
    alone.pass(4 * kSecond);
    ASSERT_TRUE(alone.status(port).edge);
    alone.hear(port, from_root());
    EXPECT_FALSE(alone.status(port).edge);
    EXPECT_EQ(alone.status(port).role, PortRole::kRoot);
    alone.tree.set_enabled(port, false, alone.now);
    alone.tree.set_enabled(port, true, alone.now);
    EXPECT_EQ(alone.status(port).edge, edge == Choice::kOn);
  }
}

// Guards.

TEST(SpanningTree, ARootGuardKeepsTheRootBehindItOut) {
  Network net("A.1 B.1(restricted_role); B.2 C.1");
  net.start_all();
  pass(net, 60 * kSecond);
  EXPECT_EQ(net.roles(), "A: 1 D+; B: 1 A, 2 D+; C: 1 R+");
  EXPECT_TRUE(net.status("B.1").root_guarded);
  EXPECT_EQ(net.tree("C").status(net.now()).root, net.parameters(net.bridge("B")).id);
  BridgeParameters parameters = net.parameters(net.bridge("A"));
  parameters.id = BridgeId::of(0xf000, parameters.id.address());
  net.set_parameters(net.bridge("A"), parameters);
  pass(net, kAtOnce);
  EXPECT_EQ(net.roles(), "A: 1 R+; B: 1 D+, 2 D+; C: 1 R+");
  EXPECT_FALSE(net.status("B.1").root_guarded);
}

TEST(SpanningTree, ALoopGuardClosesAPortThatHearsNoMore) {
  for (const bool guarded : {false, true}) {
    Network net(guarded ? "A.1 B.1; B.2 C.1(loop_guard); A.2 C.2" : "A.1 B.1; B.2 C.1; A.2 C.2");
    net.start_all();
    pass(net, 10 * kSecond);
    ASSERT_EQ(net.roles(), "A: 1 D+, 2 D+; B: 1 R+, 2 D+; C: 1 A, 2 R+");
    net.set_silent(net.segment("C.1"), true);
    pass(net, 40 * kSecond);
    EXPECT_EQ(net.status("C.1").state, guarded ? PortState::kDiscarding : PortState::kForwarding);
    EXPECT_EQ(net.status("C.1").loop_inconsistent, guarded);
    net.set_silent(net.segment("C.1"), false);
    pass(net, 3 * kSecond);
    EXPECT_EQ(net.roles(), "A: 1 D+, 2 D+; B: 1 R+, 2 D+; C: 1 A, 2 R+");
    EXPECT_FALSE(net.status("C.1").loop_inconsistent);
  }
}

TEST(SpanningTree, ALoopGuardOnARootPortToo) {
  Network net("A.1 B.1(loop_guard)");
  net.start_all();
  pass(net, 10 * kSecond);
  net.set_silent(net.segment("B.1"), true);
  pass(net, 40 * kSecond);
  EXPECT_TRUE(net.status("B.1").loop_inconsistent);
  EXPECT_EQ(net.status("B.1").state, PortState::kDiscarding);
  PortParameters parameters = net.port_parameters(net.port("B.1"));
  parameters.loop_guard = false;
  net.set_port(net.port("B.1"), parameters);
  pass(net, 40 * kSecond);
  EXPECT_EQ(net.status("B.1").state, PortState::kForwarding);
}

// Topology changes (17.31).

/// A bridge with root port 1, designated ports 2 and 3 whose neighbours have agreed, and edge port 4. Earlier effects
/// are forgotten.
class TopologyChange : public ::testing::Test {
 protected:
  TopologyChange() {
    for (int i = 0; i < 3; ++i) alone.add_port();
    alone.add_port({.edge = Choice::kOn});
    alone.hear(1, from_root());
    alone.agree(2);
    alone.agree(3);
    for (int i = 0; i < 5; ++i) {
      alone.pass(2 * kSecond);
      alone.hear(1, from_root());
    }
    alone.forget();
  }
  /// Returns the ports whose next BPDU flags a change.
  std::vector<PortNumber> ports_that_tell() {
    alone.pass(2 * kSecond);
    std::vector<PortNumber> ports;
    for (PortNumber port = 1; port <= alone.port_count; ++port)
      if (std::ranges::any_of(alone.sent_by(port), &Bpdu::topology_change)) ports.push_back(port);
    return ports;
  }

  Alone alone;
};

TEST_F(TopologyChange, FromTheRootIsToldDownwardsAndFlushesThere) {
  Bpdu bpdu = from_root();
  bpdu.topology_change = true;
  alone.hear(1, bpdu);
  EXPECT_THAT(alone.flushed, UnorderedElementsAre(2, 3));
  EXPECT_THAT(ports_that_tell(), ElementsAre(2, 3));
}

TEST_F(TopologyChange, FromBelowIsToldToAllOthers) {
  Bpdu bpdu = {.priority = {Alone::neighbour(0x100), 1000, Alone::neighbour(0x700), 0x8001},
               .topology_change = true,
               .role = PortRole::kRoot};
  alone.hear(2, bpdu);
  EXPECT_THAT(alone.flushed, UnorderedElementsAre(1, 3));
  EXPECT_THAT(ports_that_tell(), ElementsAre(1, 3));
}

TEST_F(TopologyChange, IsToldForAHelloTimeAndASecond) {
  Bpdu bpdu = from_root();
  bpdu.topology_change = true;
  alone.hear(1, bpdu);
  for (int i = 0; i < 3; ++i) {
    alone.pass(kSecond + 1);
    alone.hear(1, from_root());
  }
  alone.forget();
  alone.pass(4 * kSecond);
  EXPECT_FALSE(std::ranges::any_of(alone.sent_by(2), &Bpdu::topology_change));
  EXPECT_FALSE(alone.sent_by(2).empty());
}

TEST_F(TopologyChange, IsAPortThatBeginsToForwardNotOneThatStops) {
  alone.tree.set_enabled(3, false, alone.now);
  alone.pass(0);
  EXPECT_THAT(alone.flushed, ElementsAre(3));
  EXPECT_THAT(ports_that_tell(), IsEmpty());
  alone.tree.set_enabled(3, true, alone.now);
  alone.agree(3);
  EXPECT_EQ(alone.state(3), PortState::kForwarding);
  EXPECT_THAT(alone.flushed, UnorderedElementsAre(3, 1, 2));
  EXPECT_THAT(ports_that_tell(), ElementsAre(1, 2, 3));
}

TEST_F(TopologyChange, StaysWhereItIsRestricted) {
  PortParameters parameters;
  parameters.id = Alone::id_of(2);
  parameters.restricted_tcn = true;
  alone.tree.set_port(2, parameters, alone.now);
  alone.forget();
  alone.hear(2, {.priority = {Alone::neighbour(0x100), 1000, Alone::neighbour(0x700), 0x8001},
                 .topology_change = true,
                 .role = PortRole::kRoot});
  alone.hear(2, kNotification);
  EXPECT_THAT(alone.flushed, IsEmpty());
  EXPECT_THAT(ports_that_tell(), IsEmpty());
}

TEST_F(TopologyChange, ThatAStpBridgeNotifiesIsAcknowledged) {
  alone.hear(2, {.kind = Bpdu::Kind::kConfiguration,  // the neighbour is an STP bridge
                 .priority = {Alone::neighbour(0x700), 0, Alone::neighbour(0x700), 0x8001}});
  ASSERT_FALSE(alone.status(2).sends_rstp);
  alone.pass(2 * kSecond);
  alone.forget();
  alone.hear(2, kNotification);
  alone.pass(2 * kSecond);
  EXPECT_THAT(alone.flushed, UnorderedElementsAre(1, 3));
  ASSERT_FALSE(alone.sent_by(2).empty());
  EXPECT_TRUE(alone.sent_by(2)[0].topology_change_ack);
  EXPECT_EQ(alone.sent_by(2)[0].kind, Bpdu::Kind::kConfiguration);
  EXPECT_FALSE(alone.sent_by(2).back().topology_change_ack && alone.sent_by(2).size() > 1);
}

// STP (IEEE 802.1D-1998 8).

TEST(Stp, APortListensAndLearnsForTheForwardDelayEach) {
  Alone alone(Protocol::kStp);
  const PortNumber port = alone.add_port();
  alone.pass(0);
  EXPECT_TRUE(alone.status(port).waiting);
  EXPECT_EQ(alone.status(port).forward_delay_timer, 15 * kSecond);
  alone.pass(15 * kSecond - 1);
  EXPECT_EQ(alone.state(port), PortState::kDiscarding);
  EXPECT_EQ(alone.status(port).forward_delay_timer, 1);
  alone.pass(1);
  EXPECT_EQ(alone.state(port), PortState::kLearning);
  EXPECT_FALSE(alone.status(port).waiting);
  alone.pass(15 * kSecond);
  EXPECT_EQ(alone.state(port), PortState::kForwarding);
  EXPECT_EQ(alone.status(port).forward_delay_timer, 0);
}

TEST(Stp, ATriangleIsBrokenAndHealsByTimers) {
  Network net("A stp; B stp; C stp; A.1 B.1; B.2 C.1; A.2 C.2");
  net.set_loop_bound(Network::kNoLoops);
  net.start_all();
  pass(net, kSecond + kAtOnce);  // the hold time of the first message
  EXPECT_EQ(net.roles(), "A: 1 D, 2 D; B: 1 R, 2 D; C: 1 A, 2 R");
  pass(net, 30 * kSecond);
  EXPECT_EQ(net.roles(), "A: 1 D+, 2 D+; B: 1 R+, 2 D+; C: 1 A, 2 R+");
  net.cut(net.segment("C.2"));
  pass(net, kAtOnce);
  EXPECT_EQ(net.roles(), "A: 1 D+, 2 -; B: 1 R+, 2 D+; C: 1 R, 2 -");
  pass(net, 30 * kSecond);
  EXPECT_EQ(net.roles(), "A: 1 D+, 2 -; B: 1 R+, 2 D+; C: 1 R+, 2 -");
}

TEST(Stp, WhatWasHeardIsKeptForMaxAgeLessItsAge) {
  Alone alone(Protocol::kStp);
  const PortNumber port = alone.add_port();
  Bpdu bpdu = configuration_from_root();
  bpdu.times.message_age = 5 * kSecond;
  alone.hear(port, bpdu);
  EXPECT_EQ(alone.status(port).message_age_timer, 15 * kSecond);
  alone.pass(4 * kSecond);
  EXPECT_EQ(alone.status(port).message_age_timer, 11 * kSecond);
  alone.pass(11 * kSecond - 1);
  EXPECT_EQ(alone.tree.status(alone.now).root, Alone::neighbour(0x100));
  alone.pass(1);
  EXPECT_EQ(alone.tree.status(alone.now).root, Alone::kOwnId);
}

TEST(Stp, TheRootSpeaksEveryHelloTimeAndOthersWhenTheyHearIt) {
  Alone alone(Protocol::kStp);
  const PortNumber up = alone.add_port(), down = alone.add_port();
  alone.pass(10 * kSecond);
  EXPECT_EQ(alone.sent_by(down).size(), 6U);
  EXPECT_GT(alone.tree.status(alone.now).hello_timer, 0);
  alone.hear(up, configuration_from_root());
  alone.pass(kSecond);
  alone.forget();
  alone.pass(3 * kSecond);
  EXPECT_THAT(alone.sent, IsEmpty());
  EXPECT_EQ(alone.tree.status(alone.now).hello_timer, 0);
  alone.hear(up, configuration_from_root());
  EXPECT_EQ(alone.sent_by(down).size(), 1U);
  EXPECT_THAT(alone.sent_by(up), IsEmpty());
}

TEST(Stp, TheAgeThatIsToldIsNeverLessThanTheTrueOne) {
  Alone alone(Protocol::kStp);
  const PortNumber up = alone.add_port(), down = alone.add_port();
  Bpdu bpdu = configuration_from_root();
  bpdu.times.message_age = 3 * kSecond;
  alone.hear(up, bpdu);
  alone.pass(kSecond);  // the hold time of the message before
  ASSERT_FALSE(alone.sent_by(down).empty());
  EXPECT_GE(alone.sent_by(down).back().times.message_age, 4 * kSecond);
  EXPECT_LE(alone.sent_by(down).back().times.message_age, 5 * kSecond);
}

TEST(Stp, WhoDoesNotKnowBetterIsToldAtOnce) {
  Alone alone(Protocol::kStp);
  const PortNumber port = alone.add_port();
  alone.pass(kSecond + kSecond / 2);
  alone.forget();
  alone.hear(port, configuration_from_root(0x700));
  ASSERT_EQ(alone.sent_by(port).size(), 1U);
  EXPECT_EQ(alone.sent_by(port)[0].priority.root, Alone::kOwnId);
}

TEST(Stp, RapidMessagesAreNotHeard) {
  Alone alone(Protocol::kStp);
  const PortNumber port = alone.add_port();
  alone.hear(port, from_root());
  EXPECT_EQ(alone.tree.status(alone.now).root, Alone::kOwnId);
  EXPECT_EQ(alone.status(port).ignored, 1U);
}

TEST(Stp, NotificationsClimbToTheRootWhichFlagsTheChange) {
  Network net("A stp; B stp; C stp; A.1 B.1; B.2 C.1; C.2");
  net.start_all();
  net.cut(net.segment("C.2"));
  pass(net, 120 * kSecond);
  for (const std::string_view name : {"A", "B", "C"}) ASSERT_FALSE(net.is_ageing_short(name)) << name;
  net.join(net.segment("C.2"));
  pass(net, 30 * kSecond - 10);
  net.forget_counts();
  pass(net, 10);  // C.2 begins to forward
  EXPECT_EQ(net.counts("C.1").notifications, 1U);
  pass(net, 3 * kSecond);
  EXPECT_EQ(net.counts("B.1").notifications,
            1U);  // the acknowledgement came within the hold time, so there is no second notification
  EXPECT_LE(net.counts("C.1").notifications, 2U);
  for (const std::string_view name : {"A", "B", "C"}) EXPECT_TRUE(net.is_ageing_short(name)) << name;
  const BridgeStatus root = net.tree("A").status(net.now());
  EXPECT_TRUE(root.topology_change);
  EXPECT_NEAR(static_cast<double>(root.topology_change_timer), 32'000, 1'100);
  pass(net, 28 * kSecond);
  for (const std::string_view name : {"A", "B", "C"}) EXPECT_TRUE(net.is_ageing_short(name)) << name;
  pass(net, 8 * kSecond);  // max age and forward delay after it was notified (8.5.3.13)
  for (const std::string_view name : {"A", "B", "C"}) EXPECT_FALSE(net.is_ageing_short(name)) << name;
  for (const std::string_view name : {"A.1", "B.1", "B.2", "C.1", "C.2"})
    EXPECT_EQ(net.counts(name).flushes, 0U) << name;
}

TEST(Stp, ANotificationIsRepeatedEveryHelloTimeUntilItIsAcknowledged) {
  Alone alone(Protocol::kStp);
  const PortNumber up = alone.add_port();
  (void)alone.add_port();
  alone.forget();
  for (int i = 0; i < 20; ++i) {
    alone.hear(up, configuration_from_root());
    alone.pass(2 * kSecond);
  }
  const auto notifications = [&] { return alone.sent_by(up).size(); };
  EXPECT_GE(notifications(), 4U);  // since the 30 s mark
  EXPECT_LE(notifications(), 6U);
  EXPECT_TRUE(alone.tree.status(alone.now).topology_change_detected);
  EXPECT_GT(alone.tree.status(alone.now).tcn_timer, 0);
  for (const Bpdu& bpdu : alone.sent_by(up)) EXPECT_EQ(bpdu.kind, Bpdu::Kind::kTopologyChangeNotification);
  Bpdu acknowledgement = configuration_from_root();
  acknowledgement.topology_change_ack = true;
  alone.hear(up, acknowledgement);
  alone.forget();
  alone.pass(2 * kSecond);
  alone.hear(up, configuration_from_root());
  alone.pass(2 * kSecond);
  EXPECT_EQ(notifications(), 0U);
  EXPECT_FALSE(alone.tree.status(alone.now).topology_change_detected);
}

TEST(Stp, RootPortsOfOneLanDoNotAnswerEachOthersNotifications) {
  Network net("A stp; B stp; C stp; D stp; A.1 B.1 C.1 D.1; B.2; C.2; D.2");
  net.start_all();
  pass(net, 120 * kSecond);
  for (const std::string_view name : {"B.1", "C.1", "D.1"}) EXPECT_LE(net.counts(name).notifications, 4U) << name;
  EXPECT_EQ(net.check_calm(10), "");
}

TEST(Stp, FastAgeingFollowsTheRootsFlag) {
  Alone alone(Protocol::kStp);
  const PortNumber up = alone.add_port(), down = alone.add_port();
  Bpdu bpdu = configuration_from_root();
  bpdu.topology_change = true;
  alone.hear(up, bpdu);
  EXPECT_TRUE(alone.ages_short);
  alone.pass(2 * kSecond);
  EXPECT_TRUE(alone.sent_by(down).back().topology_change);
  bpdu.topology_change = false;
  alone.hear(up, bpdu);
  EXPECT_FALSE(alone.ages_short);
  EXPECT_FALSE(alone.sent_by(down).back().topology_change);
}

// RSTP beside STP (17.24).

TEST(Migration, APortSpeaksStpWhereItHearsIt) {
  Network net("A stp; A.1 B.1; B.2 C.1");
  net.set_loop_bound(Network::kNoLoops);
  net.start_all();
  pass(net, 10 * kSecond);
  EXPECT_FALSE(net.status("B.1").sends_rstp);
  EXPECT_TRUE(net.status("B.2").sends_rstp);
  EXPECT_FALSE(net.status("B.1").edge);
  pass(net, 40 * kSecond);
  EXPECT_EQ(net.roles(), "A: 1 D+; B: 1 R+, 2 D+; C: 1 R+");
}

TEST(Migration, ADesignatedPortTowardsStpWaitsForTheForwardDelay) {
  Network net("A.1 B.1; B stp");
  net.start_all();
  pass(net, 12 * kSecond);
  EXPECT_FALSE(net.status("A.1").sends_rstp);
  EXPECT_EQ(net.status("A.1").state, PortState::kDiscarding);
  pass(net, 60 * kSecond);
  EXPECT_EQ(net.roles(), "A: 1 D+; B: 1 R+");
}

TEST(Migration, APortSpeaksRstpAgainWhenTheOtherSideDoes) {
  Network net("A.1 B.1; B stp");
  net.start_all();
  pass(net, 10 * kSecond);
  ASSERT_FALSE(net.status("A.1").sends_rstp);
  BridgeParameters parameters = net.parameters(net.bridge("B"));
  parameters.protocol = Protocol::kRstp;
  net.set_parameters(net.bridge("B"), parameters);
  pass(net, 10 * kSecond);
  EXPECT_TRUE(net.status("A.1").sends_rstp);
  EXPECT_TRUE(net.status("B.1").sends_rstp);
  EXPECT_EQ(net.roles(), "A: 1 D+; B: 1 R+");
}

TEST(Migration, IsCheckedWhenAskedFor) {
  Network net("A.1 B.1 C.1; C stp");
  net.start_all();
  pass(net, 10 * kSecond);
  ASSERT_FALSE(net.status("A.1").sends_rstp);
  ASSERT_FALSE(net.status("B.1").sends_rstp);
  net.stop(net.bridge("C"));
  pass(net, 60 * kSecond);
  // Both ends speak STP, so neither can hear that the other could speak RSTP.
  ASSERT_FALSE(net.status("A.1").sends_rstp);
  net.tree("A").check_migration(1, net.now());
  pass(net, 10 * kSecond);
  EXPECT_TRUE(net.status("A.1").sends_rstp);
  EXPECT_TRUE(net.status("B.1").sends_rstp);
}

TEST(Migration, IsNotDecidedTwiceWithinTheMigrateTime) {
  Alone alone;
  const PortNumber port = alone.add_port();
  alone.pass(kSecond);
  alone.hear(port, configuration_from_root());
  EXPECT_TRUE(alone.status(port).sends_rstp);  // the port came up less than 3 s ago
  alone.pass(2 * kSecond + 1);
  alone.hear(port, configuration_from_root());
  EXPECT_FALSE(alone.status(port).sends_rstp);
  alone.hear(port, from_root());
  EXPECT_FALSE(alone.status(port).sends_rstp);
  alone.pass(3 * kSecond + 1);
  alone.hear(port, from_root());
  EXPECT_TRUE(alone.status(port).sends_rstp);
}

// The rate of BPDUs (17.26, IEEE 802.1D-1998 8.5.7.1).

TEST(Transmission, IsHeldAtTheTransmitHoldCount) {
  Alone alone(Protocol::kRstp, 3);
  const PortNumber up = alone.add_port(), down = alone.add_port();
  alone.pass(21 * kSecond + 500);  // more than a second after a hello
  alone.forget();
  for (std::uint32_t cost = 100; cost > 0; --cost) {  // each message is better than the last
    Bpdu bpdu = from_root();
    bpdu.priority.root_path_cost = cost;
    alone.hear(up, bpdu);
  }
  EXPECT_EQ(alone.sent_by(down).size(), 3U);
  EXPECT_GT(alone.status(down).hold_timer, 0);
  EXPECT_TRUE(alone.status(down).config_pending);
  alone.pass(kSecond);
  ASSERT_EQ(alone.sent_by(down).size(), 4U);
  EXPECT_EQ(alone.sent_by(down).back().priority.root_path_cost, 3U);  // the present cost: 1, and 2 for the port
  EXPECT_FALSE(alone.status(down).config_pending);
}

TEST(Transmission, OfStpHasAHoldTimeOfASecond) {
  Alone alone(Protocol::kStp);
  const PortNumber up = alone.add_port(), down = alone.add_port();
  alone.pass(10 * kSecond + 500);
  alone.forget();
  for (std::uint32_t cost = 40; cost > 0; --cost) {
    Bpdu bpdu = configuration_from_root();
    bpdu.priority.root_path_cost = cost;
    alone.hear(up, bpdu);
    alone.pass(100);
  }
  EXPECT_GE(alone.sent_by(down).size(), 3U);
  EXPECT_LE(alone.sent_by(down).size(), 5U);
  alone.pass(kSecond);
  EXPECT_EQ(alone.sent_by(down).back().priority.root_path_cost, 3U);
}

TEST(Transmission, GoesOnEveryHelloTime) {
  for (const Protocol protocol : {Protocol::kStp, Protocol::kRstp}) {
    Alone alone(protocol);
    const PortNumber port = alone.add_port();
    alone.pass(60 * kSecond);
    alone.forget();
    alone.pass(20 * kSecond);
    EXPECT_EQ(alone.sent_by(port).size(), 10U);
    for (const Bpdu& bpdu : alone.sent_by(port)) {
      EXPECT_EQ(bpdu.priority, (PriorityVector{Alone::kOwnId, 0, Alone::kOwnId, Alone::id_of(port)}));
      EXPECT_EQ(bpdu.times, Times{});
    }
  }
}

TEST(Transmission, IsCountedByPort) {
  Alone alone;
  const PortNumber port = alone.add_port();
  alone.hear(port, from_root());
  Bpdu bpdu = from_root();
  bpdu.topology_change = true;
  alone.hear(port, bpdu);
  alone.hear(port, kNotification);
  const PortStatus status = alone.status(port);
  EXPECT_EQ(status.received, 3U);
  EXPECT_EQ(status.received_tcn, 2U);
  EXPECT_EQ(status.sent, alone.sent_by(port).size());
  EXPECT_EQ(status.transitions, 1U);
}

// A hostile neighbour sends extreme times.

TEST(Times, OfANeighbourStayWithinWhatBridgesMayHave) {
  for (const Protocol protocol : {Protocol::kStp, Protocol::kRstp}) {
    Alone alone(protocol);
    const PortNumber port = alone.add_port();
    Bpdu bpdu = protocol == Protocol::kStp ? configuration_from_root() : from_root();
    bpdu.times = {.message_age = 0, .max_age = 255'000, .hello = 255'000, .forward_delay = 255'000};
    alone.hear(port, bpdu);
    EXPECT_LE(alone.status(port).message_age_timer, 40 * kSecond);
    EXPECT_LE(alone.status(port).forward_delay_timer, 40 * kSecond);
    alone.pass(41 * kSecond);
    EXPECT_EQ(alone.tree.status(alone.now).root, Alone::kOwnId);
    alone.forget();
    bpdu.times = {.message_age = 0, .max_age = 0, .hello = 0, .forward_delay = 0};
    for (int i = 0; i < 100; ++i) alone.hear(port, bpdu);
    alone.pass(60 * kSecond);
    EXPECT_LE(alone.sent_by(port).size(), 40U);
  }
}

}  // namespace
}  // namespace rb::stp
