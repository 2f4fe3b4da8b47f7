// SPDX-License-Identifier: GPL-2.0-or-later
// Tests bridges with spanning tree in a real daemon: how fast they converge, and how they react to devices.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "ports/tap/tap_device.hpp"
#include "spanning_tree_lab.hpp"
#include "switch/stp/bpdu.hpp"
#include "switch_events.hpp"

namespace rb::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class SpanningTrees : public SpanningTreeLab {
 protected:
  static json tree_port(const std::string& bridge, const std::string& port) {
    const json tree = Lab::call("spanning_tree.list", {{"bridge", bridge}})["bridges"][0];
    for (const json& found : tree["ports"]) {
      if (found["name"] == port) return found;
    }
    return {};
  }
  /// Joins ports a and c of br1, which is the root, to b and d of br2. Both speak RSTP. A port that waits for forward
  /// delays would take a minute.
  static void join_two_bridges_twice() {
    for (const char* name : {"br1", "br2"}) {
      add_bridge(name, "rstp");
      Lab::ok(std::string("rbctl setfd ") + name + " 30");
    }
    set_priority("br1", 4096);
    connect("br1", "a", "br2", "b");
    connect("br1", "c", "br2", "d");
  }
  static std::string all() { return Lab::ok("rbctl spanning-tree"); }
};

TEST_F(SpanningTrees, OfRstpFindTogetherAndHealInMoments) {
  join_two_bridges_twice();
  SwitchEvents events;
  const auto one_blocks = [] {
    return count(states("br1"), "forwarding") == 2 && states("br2").at("b") == "forwarding" &&
           states("br2").at("d") == "blocking";
  };
  ASSERT_TRUE(events.until(one_blocks)) << all();
  EXPECT_EQ(bridge("br2")["root_id"], bridge("br1")["id"]);
  pull("a");
  const json root = events.find([](const json& event) { return event["event"] == "root"; });
  ASSERT_FALSE(root.is_null()) << all();
  EXPECT_EQ(root["bridge"], "br2");
  EXPECT_EQ(root["root_port"], "d");
  ASSERT_TRUE(events.until([] { return states("br2").at("d") == "forwarding"; })) << all();
  plug("a");
  EXPECT_TRUE(events.until(one_blocks)) << all();
}

TEST_F(SpanningTrees, TheBridgesAddressIsItsIdAlsoWhenItChanges) {
  lab.reset();
  lab.emplace(std::vector<std::string>{});  // bridges with interfaces of their own
  add_bridge("br1", "rstp");
  Lab::ok("ip link set br1 address 02:00:00:00:00:41");
  EXPECT_TRUE(eventually([] { return bridge("br1")["id"] == "8000.020000000041"; })) << bridge("br1");
  EXPECT_EQ(bridge("br1")["root_id"], "8000.020000000041");
}

TEST_F(SpanningTrees, AGuardedPortIsClosedByABpduAndOpenedByItsLink) {
  add_bridge("br1", "rstp");
  Lab::Host& host = lab->add_host("br1");
  Lab::ok("rbctl link set dev " + host.device + " guard on edge on");
  ASSERT_TRUE(eventually([&] { return Lab::port(host.device)["state"] == "forwarding"; }));
  SwitchEvents events;
  stp::Bpdu bpdu;
  bpdu.priority.root = bpdu.priority.designated_bridge = stp::BridgeId::of(0, {{2, 0, 0, 0, 0, 1}});
  const stp::BpduFrame frame = stp::encode(bpdu, {{2, 0, 0, 0, 0, 1}});
  const auto* const octets = reinterpret_cast<const std::uint8_t*>(frame.data());
  host.wire().send(Octets(octets, octets + frame.size()));
  const json closed = events.find([](const json& event) { return event["event"] == "guard"; });
  ASSERT_FALSE(closed.is_null());
  EXPECT_EQ(closed["port"], host.device);
  EXPECT_EQ(Lab::port(host.device)["state"], "disabled");
  EXPECT_NE(Lab::ok("rbctl link show dev " + host.device).find("trouble: a BPDU came in"), std::string::npos);
  EXPECT_EQ(bridge("br1")["root_id"], bridge("br1")["id"]);
  ASSERT_EQ(host.run("ip link set " + host.device + " down").exit_status, 0);
  ASSERT_TRUE(events.until([&] { return Lab::port(host.device)["device"] == "down"; }));
  ASSERT_EQ(host.run("ip link set " + host.device + " up").exit_status, 0);
  EXPECT_TRUE(events.until([&] { return Lab::port(host.device)["state"] == "forwarding"; })) << all();
}

TEST_F(SpanningTrees, APortCostsWhatTheSpeedOfItsDeviceSays) {
  add_bridge("br1", "rstp");
  Lab::ok("ip tuntap add t0 mode tap && ethtool -s t0 speed 100 duplex half && ip link add v0 type veth peer name v1");
  Lab::ok("rbctl addif br1 packet:t0 v0");
  EXPECT_EQ(Lab::port("t0")["cost"], 19);
  EXPECT_EQ(tree_port("br1", "t0")["oper_p2p"], false) << "half duplex may be shared";
  EXPECT_EQ(Lab::port("v0")["cost"], 2);
  EXPECT_EQ(tree_port("br1", "v0")["oper_p2p"], true);
  // The daemon reads the speed again when the link comes up.
  Lab::ok("ethtool -s t0 speed 1000 duplex full");
  const Result<TapDevice> other_end = open_tap({.name = "t0"});
  ASSERT_TRUE(other_end.has_value()) << other_end.error().message;
  Lab::ok("ip link set t0 up");
  EXPECT_TRUE(eventually([] { return Lab::port("t0")["cost"] == 5; })) << Lab::port("t0");
  EXPECT_EQ(tree_port("br1", "t0")["oper_p2p"], true);
  Lab::ok("rbctl link set br1 path_cost long");
  EXPECT_EQ(Lab::port("t0")["cost"], 20000);
  Lab::ok("rbctl setpathcost br1 t0 7");
  EXPECT_EQ(Lab::port("t0")["cost"], 7);
}

TEST_F(SpanningTrees, LoseNoBpduAndNoTimeUnderAFullRateOfData) {
  join_two_bridges_twice();
  Lab::Host& host = lab->add_host("br1");
  Lab::ok("rbctl link set dev " + host.device + " edge on");
  SwitchEvents events;
  ASSERT_TRUE(events.until([&] {
    return states("br2")["b"] == "forwarding" && states("br2")["d"] == "blocking" &&
           Lab::port(host.device)["state"] == "forwarding";
  })) << all();
  const json before = tree_port("br2", "b"), blocked_before = tree_port("br2", "d");
  std::atomic<bool> stop = false;
  std::thread flood([&] {
    const Wire wire = host.wire();
    const Octets frame = ethernet_frame("ff:ff:ff:ff:ff:ff", "02:00:00:00:77:01", Octets(46, 0));
    while (!stop) (void)wire.try_send(frame);
  });
  // This is longer than information from before the flood is valid.
  const bool heard = eventually_within(60s, [&] {
    return tree_port("br2", "b")["received"].get<int>() >= before["received"].get<int>() + 8 &&
           tree_port("br2", "d")["received"].get<int>() >= blocked_before["received"].get<int>() + 8;
  });
  const json after = tree_port("br2", "b"), blocked_after = tree_port("br2", "d");
  pull("a");
  EXPECT_TRUE(events.until([] { return states("br2")["d"] == "forwarding"; })) << all();
  stop = true;
  flood.join();
  EXPECT_TRUE(heard) << all();
  EXPECT_GT(Lab::stats("b")["rx"]["broadcast"]["frames"].get<std::uint64_t>(), 100'000U);
  for (const char* name : {"a", "b", "c", "d"}) {
    const json drops = Lab::stats(name)["drops"];
    EXPECT_EQ(drops["punt_full"], 0) << name;
    EXPECT_EQ(drops["punt_limit"], 0) << name;
  }
  for (const char* name : {"b", "d"}) {
    // All received BPDUs have reached the tree. A BPDU may have come in between the two looks.
    const int received = tree_port("br2", name)["received"], punted = Lab::stats(name)["drops"]["punted"];
    EXPECT_GE(punted, received);
    EXPECT_LE(punted, received + 2);
  }
  EXPECT_EQ(after["transitions"], before["transitions"]) << all();
  EXPECT_EQ(blocked_after["transitions"], blocked_before["transitions"]) << all();
}

}  // namespace
}  // namespace rb::test
