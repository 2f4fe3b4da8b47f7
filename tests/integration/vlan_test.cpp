// SPDX-License-Identifier: GPL-2.0-or-later
// Tests on real taps what a VLAN-aware bridge does with frames. tests/switch/vlan_rules_test.cpp tests every
// combination.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "vlan_lab.hpp"

namespace rb::test {
namespace {

using Vlans = LabTest;

TEST_F(Vlans, AccessPortsAndTrunksKeepVlansApart) {
  VlanLab vlans({10, 20});
  vlans.add("mode access vid 10");              // t2
  vlans.add("mode access vid 10");              // t3
  vlans.add("mode access vid 20");              // t4
  vlans.add("mode trunk vids 10,20 native 1");  // t5
  vlans.add("mode trunk vids 20,30-40");        // t6
  const Octets text = content(1);
  EXPECT_EQ(vlans.send("t2", broadcast(text)),
            (Deliveries{{"t3", {broadcast(text)}}, {"t5", {broadcast(tagged(10, text))}}}));
  EXPECT_EQ(vlans.send("t5", broadcast(tagged(20, text, 5))),
            (Deliveries{{"t4", {broadcast(text)}}, {"t6", {broadcast(tagged(20, text, 5))}}}))
      << "a frame that keeps a tag keeps its priority";
  EXPECT_EQ(vlans.send("t6", broadcast(tagged(10, text))), Deliveries{}) << "no member: refused";
  EXPECT_EQ(vlans.send("t6", broadcast(text)), Deliveries{}) << "no PVID";
  EXPECT_EQ(vlans.send("t2", broadcast(tagged(10, text))), Deliveries{}) << "an access port admits no tag";
  EXPECT_EQ(vlans.send("t2", broadcast(tagged(0, text, 6))),
            (Deliveries{{"t3", {broadcast(text)}}, {"t5", {broadcast(tagged(10, text, 6))}}}))
      << "a priority tag is no VLAN, and its priority stays";
  EXPECT_EQ(vlans.send("t5", broadcast(tagged(20, tagged(10, text)))),
            (Deliveries{{"t4", {broadcast(tagged(10, text))}}, {"t6", {broadcast(tagged(20, tagged(10, text)))}}}))
      << "one tag is the bridge's, the next is the frame's own";
  EXPECT_EQ(Lab::drops("t6", "vlan_ingress"), 1U);
  EXPECT_EQ(Lab::drops("t6", "frame_type"), 1U);
  EXPECT_EQ(Lab::drops("t2", "frame_type"), 1U);
}

TEST_F(Vlans, TunnelPortsCarryWhatCustomersSendBehindATagOfTheProvider) {
  VlanLab vlans({100}, "vlan_protocol 802.1ad vlan_filtering 1");
  vlans.add("mode dot1q-tunnel vid 100");  // t2
  vlans.add("mode dot1q-tunnel vid 100");  // t3
  vlans.add("mode dot1q-tunnel vid 200");  // t4: another customer
  vlans.add("mode trunk vids 100,200");    // t5
  Lab::ok("rbctl vlan add dev t1 vid 200");
  const auto send = [&](const std::string& from, const Octets& frame) {
    // send() also sends a mark in the VLAN of the other customer.
    Deliveries seen = vlans.send(from, frame, kServiceTag);
    return seen;
  };
  Lab::ok("rbctl vlan add dev t4 vid 100 untagged");  // t4 receives the marks, and also the first customer
  const Octets plain = content(1), one = tagged(5, plain, 3), two = tagged(6, one),
               service = tagged(9, one, 0, kServiceTag);
  for (const Octets& rest : {plain, one, two, service}) {
    const Octets frame = broadcast(rest), outer = broadcast(tagged(100, rest, 0, kServiceTag));
    EXPECT_EQ(send("t2", frame), (Deliveries{{"t3", {frame}}, {"t4", {frame}}, {"t5", {outer}}}));
    EXPECT_EQ(send("t5", outer), (Deliveries{{"t2", {frame}}, {"t3", {frame}}, {"t4", {frame}}}));
  }
  EXPECT_EQ(send("t4", broadcast(one)), (Deliveries{{"t5", {broadcast(tagged(200, one, 0, kServiceTag))}}}));
}

TEST_F(Vlans, AreTranslatedBothWays) {
  VlanLab vlans({110});
  vlans.add("mode access vid 110");  // t2
  vlans.add("mode trunk vids 110");  // t3
  Lab::ok("rbctl vlan map add dev t3 vid 10 to 110");
  const Octets text = content(1);
  // The mark reaches t3 also with VID 10.
  EXPECT_EQ(vlans.send("t2", broadcast(text)), (Deliveries{{"t3", {broadcast(tagged(10, text))}}}));
  EXPECT_EQ(vlans.send("t3", broadcast(tagged(10, text))), (Deliveries{{"t2", {broadcast(text)}}}));
  EXPECT_EQ(vlans.send("t3", broadcast(tagged(110, text))), Deliveries{}) << "means nothing on this wire";
  Lab::ok("rbctl vlan map del dev t3 vid 10");
  EXPECT_EQ(vlans.send("t2", broadcast(text)), (Deliveries{{"t3", {broadcast(tagged(110, text))}}}));
}

TEST_F(Vlans, PrivateVlansLetHostsReachOnlyWhomTheyMay) {
  VlanLab vlans({100});
  Lab::ok(
      "rbctl vlan private dev br0 vid 100 primary && rbctl vlan private dev br0 vid 101 isolated of 100 && "
      "rbctl vlan private dev br0 vid 102 community of 100");
  vlans.add("mode access vid 100");  // t2: promiscuous
  vlans.add("mode access vid 101");  // t3, t4: isolated
  vlans.add("mode access vid 101");
  vlans.add("mode access vid 102");  // t5, t6: members of a community
  vlans.add("mode access vid 102");
  const Octets frame = broadcast(content(1));
  const std::vector<Octets> one = {frame};
  EXPECT_EQ(vlans.send("t2", frame), (Deliveries{{"t3", one}, {"t4", one}, {"t5", one}, {"t6", one}}));
  EXPECT_EQ(vlans.send("t3", frame), (Deliveries{{"t2", one}}));
  EXPECT_EQ(vlans.send("t5", frame), (Deliveries{{"t2", one}, {"t6", one}}));
  // This also holds for a known station.
  const Octets to_isolated = ethernet_frame(kB, kA, content(2));
  vlans.wire("t4").send(ethernet_frame(kEverybody, kB, content(3)));
  EXPECT_TRUE(vlans.wire("t2").sees(ethernet_frame(kEverybody, kB, content(3))));
  EXPECT_EQ(vlans.send("t3", to_isolated), Deliveries{});
  EXPECT_EQ(vlans.send("t5", to_isolated), Deliveries{});
  EXPECT_EQ(vlans.send("t2", to_isolated), (Deliveries{{"t4", {to_isolated}}}));
}

TEST_F(Vlans, TheHostTakesPartInTheVlansOfTheBridgesOwnInterface) {
  Lab lab(std::vector<std::string>{});
  Lab::ok("rbctl addbr br0 && rbctl link set br0 vlan_filtering 1");
  const Lab::Host& one = lab.add_host("br0");
  const Lab::Host& two = lab.add_host("br0");
  Lab::ok("rbctl port t1 mode access vid 10 && rbctl port t2 mode access vid 20");
  Lab::ok("ip addr add 10.77.0.100/24 dev br0 && ip link set br0 up");
  Lab::ok("rbctl vlan add dev br0 vid 10 pvid untagged self");
  expect_pings(one, "10.77.0.100");
  EXPECT_NE(two.run("ping -c 1 -W 1 10.77.0.100").exit_status, 0);
  Lab::ok("rbctl vlan add dev br0 vid 20 pvid untagged self");
  Lab::ok("rbctl vlan del dev br0 vid 10 self");
  expect_pings(two, "10.77.0.100");
  EXPECT_NE(one.run("ping -c 1 -W 1 10.77.0.100").exit_status, 0);
  // The bridge's address has an entry in each VLAN that the bridge is in.
  const std::string fdb = Lab::ok("rbctl fdb show br br0 vlan 20");
  EXPECT_NE(fdb.find(Lab::call("bridge.list")["bridges"][0]["address"].get<std::string>() + " dev br0 vlan 20"),
            std::string::npos)
      << fdb;
}

TEST_F(Vlans, FilteringIsTurnedOnAndOffWithoutLosingAFrame) {
  Lab lab;
  Lab::ok("rbctl addbr br0");
  const Wire a = lab.add_host("br0").wire(), b = lab.add_host("br0").wire();
  Lab::ok("rbctl vlan add dev t1 vid 10 && rbctl vlan add dev t2 vid 10");
  std::atomic<bool> done = false;
  std::thread toggler([&] {
    for (int i = 0; !done; ++i)
      EXPECT_TRUE(Lab::call("bridge.set", {{"name", "br0"}, {"vlan_filtering", i % 2 == 0}}).contains("warnings"));
  });
  b.send(ethernet_frame(kEverybody, kB, content(1)));
  EXPECT_TRUE(a.sees(ethernet_frame(kEverybody, kB, content(1))));
  // Untagged frames and frames of a VLAN of both ports are allowed before and after the change. The test never has more
  // frames under way than the queues hold.
  for (int round = 0; round < 400; ++round) {
    std::vector<Octets> sent;
    for (int i = 0; i < 40; ++i) {
      Octets rest = content(static_cast<std::uint8_t>(i));
      rest[2] = static_cast<std::uint8_t>(round >> 8);
      rest[3] = static_cast<std::uint8_t>(round);
      sent.push_back(ethernet_frame(i % 2 == 0 ? kB : kEverybody, kA, i % 3 == 0 ? tagged(10, rest) : rest));
      a.send(sent.back());
    }
    for (const Octets& wanted : sent) {
      const Octets got = b.receive(10000);
      ASSERT_EQ(got, wanted) << "round " << round;
    }
  }
  done = true;
  toggler.join();
}

/// Two bridges of one daemon, joined from trunk to trunk by a cable: a bridge of the kernel in its own namespace.
class TrunkLab {
 public:
  explicit TrunkLab(std::vector<std::string> arguments = {"--no-host-port"}, const std::string& far_options = "")
      : lab(std::move(arguments)) {
    for (const char* bridge : {"br0", "br1"})
      Lab::ok(std::string("rbctl addbr ") + bridge + " && rbctl link set " + bridge + " vlan_filtering 1");
    one = &lab.add_host("br0");
    two = &lab.add_host("br1", far_options);
    Lab::ok("rbctl port t1 mode access vid 10 && rbctl port t2 mode access vid 10");
    cable_ = Lab::new_netns();
    const std::string path = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(cable_.get());
    for (const char* end : {"0", "1"}) {
      Lab::ok(std::string("rbctl addif br") + end + " tap:c" + end + ",create,netns=" + path);
      Lab::ok(std::string("rbctl port c") + end + " mode trunk vids 10,20");
    }
    Lab::ok("nsenter --net=" + path +
            " sh -c 'ip link add cable type bridge mcast_snooping 0 && ip link set c0 master cable && ip link set c1 "
            "master cable && ip link set c0 up && ip link set c1 up && ip link set cable up'");
    for (const char* end : {"c0", "c1"})
      EXPECT_TRUE(eventually([&] { return Lab::port(end)["state"] == "forwarding"; }));
  }
  [[nodiscard]] Wire cable() const { return Wire(cable_.get(), "c0"); }

  Lab lab;
  const Lab::Host* one = nullptr;
  const Lab::Host* two = nullptr;

 private:
  UniqueFd cable_;
};

TEST_F(Vlans, TcpCrossesFromAccessToTrunkToAccessInSuperFrames) {
  const TrunkLab trunk;
  expect_pings(*trunk.one, trunk.two->address());
  const Wire far = trunk.two->wire(), cable = trunk.cable();
  expect_transfer(trunk.lab, *trunk.one, *trunk.two, 64);
  EXPECT_GT(largest_frame(far), 20000U);
  EXPECT_GT(largest_frame(cable), 20000U);
  expect_transfer(trunk.lab, *trunk.two, *trunk.one, 16);
}

TEST_F(Vlans, TcpIsCutForAnAccessPortThatTakesNothingUnfinished) {
  const TrunkLab trunk({"--no-host-port"}, ",offload=off");
  const Wire far = trunk.two->wire();
  expect_transfer(trunk.lab, *trunk.one, *trunk.two, 16);
  EXPECT_LE(largest_frame(far), 1514U);
  expect_transfer(trunk.lab, *trunk.two, *trunk.one, 8);
}

TEST_F(Vlans, ArePassedOnWithTheirPriorityRegenerated) {
  VlanLab vlans({10});
  vlans.add("mode trunk vids 10");  // t2
  vlans.add("mode trunk vids 10");  // t3
  vlans.add("mode access vid 10");  // t4
  Lab::ok("rbctl link set dev t2 pcp_map 7,6,5,4,3,2,1,0 && rbctl link set dev t4 default_pcp 4");
  const Octets text = content(1);
  EXPECT_EQ(vlans.send("t2", broadcast(tagged(10, text, 5))),
            (Deliveries{{"t3", {broadcast(tagged(10, text, 2))}}, {"t4", {broadcast(text)}}}));
  EXPECT_EQ(vlans.send("t4", broadcast(text)),
            (Deliveries{{"t2", {broadcast(tagged(10, text, 4))}}, {"t3", {broadcast(tagged(10, text, 4))}}}));
}

TEST_F(Vlans, AreCountedEachForItself) {
  VlanLab vlans({10, 20});
  vlans.add("mode trunk vids 10,20");  // t2
  vlans.add("mode access vid 10");     // t3
  const auto counted = [](const std::string& port, int vid) {
    nlohmann::json vlan =
        Lab::call("vlan.list", {{"port", port}, {"vid", vid}, {"statistics", true}})["ports"][0]["vlans"][0];
    return std::vector<std::uint64_t>{vlan["rx_packets"], vlan["rx_bytes"], vlan["tx_packets"], vlan["tx_bytes"],
                                      vlan["drops"]};
  };
  const auto before = counted("t3", 10);
  const Octets text = content(1, 60), last = ethernet_frame(kEverybody, kB, tagged(10, content(9)));
  for (const int vid : {10, 10, 20}) vlans.wire("t2").send(broadcast(tagged(vid, text)));
  vlans.wire("t2").send(last);
  EXPECT_TRUE(vlans.wire("t1").sees(last));
  EXPECT_EQ(counted("t2", 10)[0], 3U);
  EXPECT_EQ(counted("t2", 20)[0], 1U);
  EXPECT_EQ(counted("t3", 10)[2], before[2] + 3);
  EXPECT_GT(counted("t3", 10)[3], before[3]);
  EXPECT_EQ(counted("t2", 10)[4], 0U);
}

TEST_F(Vlans, AllOfThemOnManyPortsAreSetUpByOneBatch) {
  Lab lab;
  Lab::ok("rbctl addbr br0 && rbctl link set br0 vlan_filtering 1");
  const Wire one = lab.add_host("br0").wire(), two = lab.add_host("br0").wire();
  const std::string batch = lab.daemon.directory() / "batch";
  Lab::ok(
      "{ for i in $(seq 3 256); do echo addif br0 tap:t$i,create; done; "
      "for i in $(seq 1 256); do echo vlan add dev t$i vid 1-4094; done; } > " +
      batch);
  EXPECT_EQ(Lab::ok("rbctl -batch " + batch), "");
  const nlohmann::json ports = Lab::call("vlan.list")["ports"];
  ASSERT_EQ(ports.size(), 256U);
  for (const nlohmann::json& port : ports) EXPECT_EQ(port["vlans"].back()["vid_end"], 4094) << port;
  for (const int vid : {2, 2048, 4094}) {
    const Octets frame = broadcast(tagged(vid, content(1)));
    one.send(frame);
    EXPECT_TRUE(two.sees(frame));
  }
  // A line that fails is named, and the lines before it take effect.
  Lab::ok("printf 'vlan del dev t2 vid 7\nvlan add dev t1 vid 5000\nvlan del dev t2 vid 8\n' > " + batch);
  const CommandResult failed = run_shell("rbctl -batch " + batch);
  EXPECT_EQ(failed.exit_status, 1);
  EXPECT_THAT(failed.output, ::testing::HasSubstr("Command failed " + batch + ":2\n"));
  EXPECT_EQ(Lab::ok("rbctl vlan show dev t2 vid 7").find("t2"), std::string::npos);
  EXPECT_NE(Lab::ok("rbctl vlan show dev t2 vid 8").find("t2"), std::string::npos);
  EXPECT_EQ(run_shell("rbctl -force -batch " + batch).exit_status, 1);
  EXPECT_EQ(Lab::ok("rbctl vlan show dev t2 vid 8").find("t2"), std::string::npos) << "with -force the batch goes on";
}

}  // namespace
}  // namespace rb::test
