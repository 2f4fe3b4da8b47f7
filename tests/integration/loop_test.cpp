// SPDX-License-Identifier: GPL-2.0-or-later
// A loop: two bridges are joined twice, and a host sends broadcast frames.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spanning_tree_lab.hpp"
#include "switch_events.hpp"

namespace rb::test {
namespace {

using namespace std::chrono_literals;

class Loop : public SpanningTreeLab {
 protected:
  void SetUp() override {
    SpanningTreeLab::SetUp();
    if (IsSkipped()) return;
    add_bridge("br1", "off");
    add_bridge("br2", "off");
    host_ = &lab->add_host("br1");
    other_ = &lab->add_host("br2");
    connect("br1", "a", "br2", "b");
    connect("br1", "c", "br2", "d");
    const auto forwarding = [] { return count(states("br1"), "forwarding") + count(states("br2"), "forwarding"); };
    ASSERT_TRUE(eventually([&] { return forwarding() == 6; })) << Lab::ok("rbctl link show");
  }
  static std::uint64_t received(const std::string& port) { return Lab::stats(port)["rx"]["broadcast"]["frames"]; }
  /// The number of broadcast frames that all ends of both cables have received.
  static std::uint64_t seen() { return received("a") + received("b") + received("c") + received("d"); }
  void say_something() const {
    host_->wire().send(ethernet_frame("ff:ff:ff:ff:ff:ff", "02:00:00:00:77:01", Octets(60, 1)));
  }
  /// True when one frame has become very many.
  static bool multiplies() {
    constexpr std::uint64_t kMany = 20'000;
    return eventually_within(30s, [] { return seen() > kMany; });
  }
  /// True when no further frame comes for longer than any frame waits in a queue.
  static bool ends() {
    return eventually_within(60s, [] {
      const std::uint64_t before = seen();
      ::poll(nullptr, 0, 300);
      return seen() == before;
    });
  }
  static void set_stp(const std::string& mode) { Lab::ok("rbctl stp br1 " + mode + " && rbctl stp br2 " + mode); }

  Lab::Host* host_ = nullptr;
  Lab::Host* other_ = nullptr;
};

TEST_F(Loop, MultipliesABroadcastWithoutSpanningTree) {
  say_something();
  EXPECT_TRUE(multiplies()) << seen();
}

class LoopUnder : public Loop, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Protocols, LoopUnder, ::testing::Values("on", "rstp"),
                         [](const auto& protocol) { return std::string(protocol.param) == "on" ? "Stp" : "Rstp"; });

TEST_P(LoopUnder, EndsWhenSpanningTreeIsSwitchedOnInTheMidstOfIt) {
  say_something();
  ASSERT_TRUE(multiplies());
  set_stp(GetParam());
  EXPECT_TRUE(ends()) << seen();
  const auto one_blocks = [] { return count(states("br1"), "blocking") + count(states("br2"), "blocking") == 1; };
  EXPECT_TRUE(eventually_within(60s, one_blocks)) << Lab::ok("rbctl showstp br1; rbctl showstp br2");
}

TEST_P(LoopUnder, CarriesABroadcastOnce) {
  set_stp(GetParam());
  ASSERT_TRUE(eventually_within(60s, [] {
    return count(states("br1"), "forwarding") + count(states("br2"), "forwarding") == 5 &&
           count(states("br1"), "blocking") + count(states("br2"), "blocking") == 1;
  })) << Lab::ok("rbctl showstp br1; rbctl showstp br2");
  const std::uint64_t before = seen();
  const Wire to = other_->wire();
  constexpr unsigned kFrames = 100;
  for (unsigned i = 0; i < kFrames; ++i) say_something();
  unsigned copies = 0;
  const Octets last = ethernet_frame("ff:ff:ff:ff:ff:ff", "02:00:00:00:77:02", Octets(60, 2));
  host_->wire().send(last);
  for (const Octets& frame : to.until(last)) copies += frame.size() > 6 && frame[11] == 1 ? 1 : 0;
  EXPECT_EQ(copies, kFrames);
  EXPECT_TRUE(ends());
  // Each frame goes once over the cable that forwards. If the far end of the other cable is open, it goes once over
  // that cable, too.
  EXPECT_LE(seen() - before, 2 * (kFrames + 1));
}

/// Returns the next event of kind "loop" with this name, or null if none comes.
nlohmann::json next(SwitchEvents& events, const std::string& what) {
  return events.find([&](const nlohmann::json& event) { return event["kind"] == "loop" && event["event"] == what; },
                     30s);
}

TEST_F(Loop, IsHintedAtByStationsThatFlap) {
  SwitchEvents events;
  say_something();
  const nlohmann::json flap = next(events, "flapping");
  ASSERT_FALSE(flap.is_null());
  EXPECT_EQ(flap["mac"], "02:00:00:00:77:01");
  // The ports are the host's and a cable's, or the two cables'.
  const std::set<std::string> ports = flap["ports"];
  EXPECT_EQ(ports.size(), 2U);
  for (const std::string& port : ports) EXPECT_TRUE(states(flap["bridge"]).contains(port)) << port;
  EXPECT_THAT(Lab::call("daemon.info")["notices"].dump(), ::testing::HasSubstr("02:00:00:00:77:01 is heard behind"));
}

TEST_F(Loop, IsNotHintedAtWhereNobodyWantsToKnow) {
  Lab::ok("rbctl link set br1 loop_guard off && rbctl link set br2 loop_guard off");
  say_something();
  ASSERT_TRUE(multiplies());
  EXPECT_THAT(Lab::call("daemon.info")["notices"].dump(), ::testing::Not(::testing::HasSubstr("is heard behind")));
}

TEST_F(Loop, IsFoundByAProbe) {
  SwitchEvents events;
  Lab::ok("rbctl link set br1 loop_probe 0.2");
  const nlohmann::json found = next(events, "found");
  ASSERT_FALSE(found.is_null());
  EXPECT_EQ(found["bridge"], "br1");
  EXPECT_THAT(found["ports"], ::testing::UnorderedElementsAre("a", "c"));
  EXPECT_EQ(count(states("br1"), "forwarding"), 3);  // the loop is reported only
}

TEST_F(Loop, IsFoundByBothWhoSendProbes) {
  SwitchEvents events;
  Lab::ok("rbctl link set br1 loop_probe 0.2 && rbctl link set br2 loop_probe 0.2");
  std::set<std::string> bridges;
  while (bridges.size() < 2) {
    const nlohmann::json found = next(events, "found");
    ASSERT_FALSE(found.is_null()) << "only " << bridges.size();
    bridges.insert(found["bridge"]);
  }
}

TEST_F(Loop, IsNoneWhereTwoBridgesAreJoinedOnce) {
  pull("c");
  ASSERT_TRUE(eventually([] { return states("br2")["d"] == "disabled"; }));
  // Each bridge receives the other's probes and passes them on to its host.
  const Wire wire = host_->wire();
  Lab::ok("rbctl link set br1 loop_guard block loop_probe 0.1 && rbctl link set br2 loop_guard block loop_probe 0.1");
  const auto is_probe = [](const Octets& frame) { return frame.size() >= 14 && frame[0] == 3 && frame[1] == 0x52; };
  for (int probes = 0; probes < 20; probes += is_probe(wire.receive(10'000)) ? 1 : 0) {
    ASSERT_TRUE(states("br1")["a"] == "forwarding" && states("br2")["b"] == "forwarding");
  }
  EXPECT_THAT(Lab::call("daemon.info")["notices"].dump(), ::testing::Not(::testing::HasSubstr("a loop")));
}

TEST_F(Loop, IsNoneBetweenPortsOfDifferentVlans) {
  Lab::ok("rbctl link set br1 vlan_filtering 1 && rbctl port a mode access vid 10 && rbctl port c mode access vid 20");
  const auto punted = [] { return Lab::drops("a", "punted") + Lab::drops("c", "punted"); };
  Lab::ok("rbctl link set br1 loop_guard block loop_probe 0.1");
  ASSERT_TRUE(eventually([&] { return punted() > 10; }));
  EXPECT_EQ(count(states("br1"), "forwarding"), 3);
  Lab::ok("rbctl port c mode access vid 10");
  EXPECT_TRUE(eventually([] { return count(states("br1"), "blocking") == 1; }));
}

TEST_F(Loop, OfTheHostItselfIsToldAndItsPortStaysOpen) {
  lab.reset();
  lab.emplace(std::vector<std::string>{});  // bridges with interfaces of their own
  Lab::ok(
      "rbctl addbr br1 && rbctl addif br1 tap:t0,create && ip link add name k0 type bridge && ip link set dev k0 up");
  for (const char* device : {"br1", "t0"}) Lab::ok(std::string("ip link set dev ") + device + " up master k0");
  ASSERT_TRUE(eventually([] { return states("br1")["t0"] == "forwarding"; }));
  SwitchEvents events;
  Lab::ok("rbctl link set br1 loop_guard block loop_probe 0.2 loop_hold 1");
  const nlohmann::json found = next(events, "found");
  ASSERT_FALSE(found.is_null());
  EXPECT_THAT(found["ports"], ::testing::ElementsAre("t0", "br1"));
  Lab::ok("ip link set dev br1 down && rbctl delbr br1");
  EXPECT_TRUE(Lab::call("daemon.info").contains("pid"));
}

TEST_F(Loop, IsOpenedByTheGuard) {
  say_something();
  ASSERT_TRUE(multiplies());
  SwitchEvents events;
  Lab::ok("rbctl link set br1 loop_guard block loop_probe 0.2 loop_hold 3600");
  const nlohmann::json closed = next(events, "closed");
  ASSERT_FALSE(closed.is_null());
  EXPECT_EQ(closed["closed_s"], 3600);
  EXPECT_TRUE(ends()) << seen();
  EXPECT_EQ(states("br1")[closed["ports"][1]], "blocking");
  EXPECT_EQ(count(states("br1"), "blocking"), 1);
  EXPECT_EQ(count(states("br2"), "forwarding"), 3);
  EXPECT_THAT(Lab::ok("rbctl link show master br1"), ::testing::HasSubstr("the loop guard has closed it"));
  Lab::ok("rbctl link set br1 loop_guard report");
  EXPECT_TRUE(eventually([] { return count(states("br1"), "forwarding") == 3; }));
}

TEST_F(Loop, IsTriedAgainAfterATime) {
  SwitchEvents events;
  Lab::ok("rbctl link set br1 loop_guard block loop_probe 0.2 loop_hold 1");
  const nlohmann::json closed = next(events, "closed"), reopened = next(events, "reopened");
  ASSERT_FALSE(closed.is_null() || reopened.is_null());
  EXPECT_EQ(reopened["ports"][0], closed["ports"][1]);
  EXPECT_FALSE(next(events, "closed").is_null());
  pull("a");
  EXPECT_TRUE(events.until([] { return states("br1")["c"] == "forwarding"; }));
}

TEST_F(Loop, IsNoneWhereSpanningTreeHasBlockedIt) {
  set_priority("br2", 4096);  // br2 becomes the root, so that br1 has the blocked port
  set_stp("rstp");
  ASSERT_TRUE(eventually_within(60s, [] {
    return count(states("br1"), "blocking") + count(states("br2"), "blocking") == 1 &&
           count(states("br1"), "forwarding") + count(states("br2"), "forwarding") == 5;
  }));
  const auto punted = [] { return Lab::drops("a", "punted") + Lab::drops("c", "punted"); };
  // br2 floods the probes, so they come in at the port that is blocked, or that the loop guard would close if it were
  // open.
  Lab::ok("rbctl link set br1 loop_guard block loop_probe 0.1");
  const std::uint64_t before = punted();
  EXPECT_TRUE(eventually([&] { return punted() > before + 10; }));
  EXPECT_THAT(Lab::call("daemon.info")["notices"].dump(), ::testing::Not(::testing::HasSubstr("a loop")));
}

}  // namespace
}  // namespace rb::test
