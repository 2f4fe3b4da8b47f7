// SPDX-License-Identifier: GPL-2.0-or-later
// Tests on real taps what a bridge does with frames.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "lab.hpp"
#include "traffic.hpp"

namespace rb::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Forwarding = LabTest;

TEST_F(Forwarding, HostsReachEachOtherByArpAndByNeighbourDiscovery) {
  Lab lab;
  Lab::ok("rbctl addbr br0");
  const Lab::Host& one = lab.add_host("br0", "", Lab::Ipv6::kOn);
  const Lab::Host& two = lab.add_host("br0", "", Lab::Ipv6::kOn);
  expect_pings(one, two.address());
  EXPECT_EQ(one.run("ip addr add fd77::1/64 dev t1 nodad").exit_status, 0);
  EXPECT_EQ(two.run("ip addr add fd77::2/64 dev t2 nodad").exit_status, 0);
  expect_pings(one, "fd77::2");
  EXPECT_EQ(Lab::call("fdb.list", {{"bridge", "br0"}, {"kind", "dynamic"}})["entries"].size(), 2U);
}

TEST_F(Forwarding, WorksInEveryWayOfReadingAndWriting) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--without", "nowait,uso"},
                                                    {"--workers", "2"},
                                                    {"--workers", "2", "--without", "nowait"}}) {
    Lab lab(arguments);
    Lab::ok("rbctl addbr br0 --no-host-port");
    const Lab::Host& one = lab.add_host("br0", ",queues=2");
    const Lab::Host& two = lab.add_host("br0", ",queues=2");
    const Lab::Host& three = lab.add_host("br0");
    expect_pings(one, two.address());
    expect_pings(two, three.address());
    expect_pings(three, one.address());
    EXPECT_EQ(lab.daemon.stop(), 0);
  }
}

TEST_F(Forwarding, FloodsToEveryPortOfTheBridgeAndToNoOther) {
  Lab lab;
  Lab::ok("rbctl addbr br0 && rbctl addbr br1");
  const Wire a = lab.add_host("br0").wire(), b = lab.add_host("br0").wire(), c = lab.add_host("br0").wire(),
             other = lab.add_host("br1").wire();
  const Octets broadcast = ethernet_frame(kEverybody, kA, content(1));
  const Octets multicast = ethernet_frame("01:00:5e:00:00:05", kA, content(2));
  const Octets unknown = ethernet_frame(kB, kA, content(3));
  for (const Octets& frame : {broadcast, multicast, unknown}) {
    a.send(frame);
    EXPECT_TRUE(b.sees(frame));
    EXPECT_TRUE(c.sees(frame));
  }
  EXPECT_THAT(a.receive(0), IsEmpty()) << "a frame never leaves by its ingress port";
  EXPECT_THAT(other.receive(0), IsEmpty());
}

TEST_F(Forwarding, LearnsForwardsAndFollowsAStationThatMoves) {
  Lab lab;
  Lab::ok("rbctl addbr br0");
  const Wire a = lab.add_host("br0").wire(), b = lab.add_host("br0").wire(), c = lab.add_host("br0").wire();
  const Octets hello = ethernet_frame(kEverybody, kB, content(1)), to_b = ethernet_frame(kB, kA, content(2)),
               last = ethernet_frame(kEverybody, kA, content(3));
  b.send(hello);
  EXPECT_TRUE(a.sees(hello));
  a.send(to_b);
  a.send(last);
  EXPECT_THAT(b.until(last), ::testing::ElementsAre(to_b));
  EXPECT_THAT(c.until(last), Not(::testing::Contains(to_b)));
  c.send(hello);  // the station is now behind the third port
  EXPECT_TRUE(a.sees(hello));
  a.send(to_b);
  EXPECT_TRUE(c.sees(to_b));
  EXPECT_EQ(Lab::call("fdb.get", {{"mac", kB}, {"bridge", "br0"}})["entry"]["port"], "t3");
}

TEST_F(Forwarding, TaggedFramesCrossUnchanged) {
  Lab lab;
  Lab::ok("rbctl addbr br0");
  const Wire a = lab.add_host("br0").wire(), b = lab.add_host("br0").wire();
  for (const Octets& tags : {Octets{0x81, 0x00, 0x20, 0x0a}, Octets{0x88, 0xa8, 0x00, 0x64, 0x81, 0x00, 0x60, 0x05},
                             Octets{0x81, 0x00, 0xe0, 0x00}}) {
    Octets rest = tags;
    const Octets more = content(9);
    rest.insert(rest.end(), more.begin(), more.end());
    const Octets frame = ethernet_frame(kEverybody, kA, rest);
    a.send(frame);
    EXPECT_TRUE(b.sees(frame));
  }
}

TEST_F(Forwarding, ReservedGroupsFollowTheNamedPolicy) {
  Lab lab;
  Lab::ok("rbctl addbr br0");
  const Wire a = lab.add_host("br0").wire(), b = lab.add_host("br0").wire();
  const auto group = [](char digit) {
    return ethernet_frame(std::string("01:80:c2:00:00:0") + digit, kA, content(static_cast<std::uint8_t>(digit)));
  };
  const Octets last = ethernet_frame(kEverybody, kA, content(0xee));
  const auto send_all = [&] {
    for (const char digit : std::string("0123456789abcdef")) a.send(group(digit));
    a.send(last);
    return b.until(last);
  };
  EXPECT_THAT(send_all(), ::testing::ElementsAre(group('0')));
  EXPECT_EQ(Lab::drops("t1", "reserved_group"), 15U);
  Lab::ok("rbctl link set br0 forward lldp,lacp,dot1x");
  EXPECT_THAT(send_all(), ::testing::ElementsAre(group('0'), group('2'), group('3'), group('e')));
}

TEST_F(Forwarding, CountsWhatItDropsUnderItsReason) {
  Lab lab;
  Lab::ok("rbctl addbr br0");
  const Lab::Host& one = lab.add_host("br0");
  const Lab::Host& two = lab.add_host("br0");
  const Wire a = one.wire(), b = two.wire();
  a.send(ethernet_frame(kEverybody, "03:00:00:00:00:01", content(1)));
  a.send(ethernet_frame(kEverybody, "00:00:00:00:00:00", content(2)));
  EXPECT_EQ(two.run("ip link set t2 mtu 1000").exit_status, 0);
  ASSERT_TRUE(eventually([] { return Lab::port("t2")["mtu"] == 1000; }));
  a.send(ethernet_frame(kEverybody, kA, content(3, 1200)));
  const Octets last = ethernet_frame(kEverybody, kA, content(4));
  a.send(last);
  EXPECT_THAT(b.until(last), IsEmpty());
  EXPECT_EQ(Lab::drops("t1", "invalid_source"), 2U);
  EXPECT_EQ(Lab::drops("t2", "over_mtu"), 1U);
}

TEST_F(Forwarding, HairpinIsolatedLockedAndFloodFlagsDoWhatTheySay) {
  Lab lab;
  Lab::ok("rbctl addbr br0");
  const Wire a = lab.add_host("br0").wire(), b = lab.add_host("br0").wire(), c = lab.add_host("br0").wire();
  Octets mark = ethernet_frame(kEverybody, kA, content(1));
  Lab::ok("rbctl hairpin br0 t1 on");
  a.send(mark);
  EXPECT_TRUE(a.sees(mark));
  EXPECT_TRUE(b.sees(mark));
  EXPECT_TRUE(c.sees(mark));
  Lab::ok("rbctl hairpin br0 t1 off && rbctl link set dev t1 isolated on && rbctl link set dev t2 isolated on");
  mark.back() = 2;
  a.send(mark);
  EXPECT_TRUE(c.sees(mark));
  Lab::ok(
      "rbctl link set dev t1 isolated off && rbctl link set dev t2 isolated off && rbctl link set dev t3 bcast_flood "
      "off");
  mark.back() = 3;
  a.send(mark);
  EXPECT_TRUE(b.sees(mark)) << "b must skip the second frame, which was sent while b was isolated";
  Lab::ok("rbctl link set dev t3 bcast_flood on && rbctl link set dev t2 locked on");
  b.send(ethernet_frame(kEverybody, kB, content(9)));
  Lab::ok("rbctl fdb add " + kC + " dev t2 static");
  const Octets known = ethernet_frame(kEverybody, kC, content(4));
  b.send(known);
  EXPECT_THAT(c.until(known), IsEmpty()) << "the frames to isolated, unflooded and locked ports did not arrive";
  EXPECT_EQ(Lab::drops("t2", "locked"), 1U);
}

TEST_F(Forwarding, TheHostTakesPartThroughTheBridgesOwnInterface) {
  Lab lab(std::vector<std::string>{});
  Lab::ok("rbctl addbr br0");
  const Lab::Host& one = lab.add_host("br0");
  const Lab::Host& two = lab.add_host("br0");
  Lab::ok("ip addr add 10.77.0.100/24 dev br0 && ip link set br0 up");
  expect_pings(one, "10.77.0.100");
  EXPECT_EQ(run_shell("ping -c 1 -W 10 " + two.address()).exit_status, 0);
  EXPECT_EQ(run_shell("rbctl delbr br0").exit_status, 1) << "it is up";
  Lab::ok("ip link set br0 down");
  expect_pings(one, two.address());
  // On every start the bridge has the same address. When the address is changed, the FDB's local entry and the bridge
  // id follow.
  const std::string before = Lab::call("bridge.list")["bridges"][0]["address"];
  Lab::ok("ip link set br0 address 02:12:34:56:78:9a");
  ASSERT_TRUE(eventually([] { return Lab::call("bridge.list")["bridges"][0]["id"] == "8000.02123456789a"; }));
  EXPECT_EQ(Lab::call("fdb.list", {{"bridge", "br0"}, {"kind", "local"}})["entries"][0]["mac"], "02:12:34:56:78:9a");
  Lab::ok("rbctl delbr br0 && rbctl addbr br0");
  EXPECT_EQ(Lab::call("bridge.list")["bridges"][0]["address"], before);
}

TEST_F(Forwarding, TcpArrivesWholeAndInSuperFramesWhereBothEndsTakeThem) {
  Lab lab;
  Lab::ok("rbctl addbr br0");
  const Lab::Host& one = lab.add_host("br0");
  const Lab::Host& two = lab.add_host("br0");
  const Wire far = two.wire();
  expect_transfer(lab, one, two, 64);
  EXPECT_GT(largest_frame(far), 20000U);
}

TEST_F(Forwarding, SegmentsInSoftwareForAPortThatTakesNothingUnfinished) {
  Lab lab;
  Lab::ok("rbctl addbr br0");
  const Lab::Host& one = lab.add_host("br0");
  const Lab::Host& two = lab.add_host("br0", ",offload=off");
  const Wire far = two.wire();
  expect_transfer(lab, one, two, 32);
  EXPECT_LE(largest_frame(far), 1514U);
  expect_transfer(lab, two, one, 8);
}

TEST_F(Forwarding, SegmentsAsTheKernelItselfDoes) {
  // A hub gives each frame of the sender to two ports. The first port takes no unfinished frames, so the switch cuts
  // the frame. The second port takes all frames, and a kernel bridge behind it forwards them to a device that takes no
  // unfinished frames: there the kernel cuts the frame.
  Lab lab;
  Lab::ok("rbctl addbr br0 && rbctl setageing br0 0");
  const Lab::Host& sender = lab.add_host("br0", "", Lab::Ipv6::kOn);
  const Lab::Host& receiver = lab.add_host("br0", ",offload=off", Lab::Ipv6::kOn);
  const Lab::Host& kernel = lab.add_host("br0");
  const CommandResult made = kernel.run(
      "ip link add kbr type bridge && ip addr flush dev t3 && ip link set t3 master kbr && bridge link set dev t3 "
      "learning off && ip link add v0 type veth "
      "peer name v1 && "
      "ethtool -K v0 tx off tso off gso off sg off >/dev/null && ip link set v0 master kbr && ip link set v0 up && ip "
      "link set v1 up && ip link set kbr up");
  ASSERT_EQ(made.exit_status, 0) << made.output;
  ASSERT_TRUE(eventually([&] { return kernel.run("bridge link").output.find("state disabled") == std::string::npos; }));
  for (const std::string family : {"-4", "-6"}) {
    SCOPED_TRACE(family);
    EXPECT_EQ(sender.run("ip addr replace fd77::1/64 dev t1 nodad").exit_status +
                  receiver.run("ip addr replace fd77::2/64 dev t2 nodad").exit_status,
              0);
    const std::string to = family == "-4" ? receiver.address() : "fd77::2";
    expect_pings(sender, to);
    const Wire ours(receiver.netns.get(), "t2"), theirs(kernel.netns.get(), "v1");
    expect_transfer(lab, sender, receiver, 3, to);
    const std::string sender_mac = Lab::port("t1")["address"];
    const MacAddress from = parse_mac(sender_mac).value();
    const auto of_sender = [&](const Wire& wire) {
      std::vector<Octets> frames;
      for (Octets frame = wire.receive(200); !frame.empty(); frame = wire.receive(200)) {
        if (frame.size() > 100 && std::equal(from.octets.begin(), from.octets.end(), frame.begin() + 6))
          frames.push_back(std::move(frame));
      }
      return frames;
    };
    // The kernel's path is longer and may lose frames when a backlog is full. Each frame that the kernel delivers must
    // be equal to one of ours.
    const std::vector<Octets> cut_by_kernel = of_sender(theirs), cut_by_us = of_sender(ours);
    const std::set<Octets> known(cut_by_us.begin(), cut_by_us.end());
    EXPECT_GT(cut_by_us.size(), 2000U);
    EXPECT_GT(cut_by_kernel.size(), 500U);
    for (std::size_t i = 0; i < cut_by_kernel.size(); ++i)
      ASSERT_TRUE(known.contains(cut_by_kernel[i])) << "frame " << i;
  }
}

TEST_F(Forwarding, TheBooksBalanceUnderOverload) {
  Lab lab;
  Lab::ok("rbctl addbr br0");
  const Lab::Host& one = lab.add_host("br0");
  const Lab::Host& two = lab.add_host("br0");
  const Lab::Host& three = lab.add_host("br0");
  const auto flood = [](const Wire& wire, std::string source) {
    for (int i = 0; i < 60000; ++i) {
      const Octets frame = ethernet_frame(i % 10 == 0   ? kEverybody
                                          : i % 10 == 1 ? source
                                          : i % 2 == 0  ? kA
                                                        : kC,
                                          i % 97 == 0 ? "03:00:00:00:00:01" : source, content(1));
      [[maybe_unused]] const bool sent = wire.try_send(frame);
    }
  };
  {
    const Wire a = one.wire(), b = two.wire();
    std::thread first([&] { flood(a, kA); }), second([&] { flood(b, kB); });
    EXPECT_EQ(three.run("ip link set t3 down").exit_status, 0);
    first.join();
    second.join();
  }
  // The switch is quiet when nothing has changed between two looks.
  nlohmann::json before;
  ASSERT_TRUE(eventually([&] { return std::exchange(before, Lab::call("stats.get")) == Lab::call("stats.get"); }));
  for (const nlohmann::json& port : before["ports"]) {
    std::uint64_t in = 0, out = 0, ingress_drops = 0, egress_drops = 0;
    for (const char* kind : {"unicast", "multicast", "broadcast"}) {
      in += port["rx"][kind]["frames"].get<std::uint64_t>();
      out += port["tx"][kind]["frames"].get<std::uint64_t>();
    }
    for (const auto& [reason, count] : port["drops"].items()) {
      const bool egress =
          reason.starts_with("egress") || reason == "over_mtu" || reason == "refused" || reason == "cannot_segment";
      (egress ? egress_drops : ingress_drops) += count.get<std::uint64_t>();
    }
    EXPECT_EQ(in, port["forwarded"].get<std::uint64_t>() + port["flooded"].get<std::uint64_t>() + ingress_drops)
        << port;
    EXPECT_EQ(port["copies"].get<std::uint64_t>(), out + egress_drops) << port;
  }
  // The kernel's count of frames taken from each sender equals the switch's count of received frames.
  for (const Lab::Host* host : {&one, &two}) {
    const nlohmann::json link = nlohmann::json::parse(host->run("ip -j -s link show dev " + host->device).output);
    std::uint64_t in = 0;
    for (const char* kind : {"unicast", "multicast", "broadcast"})
      in += Lab::stats(host->device)["rx"][kind]["frames"].get<std::uint64_t>();
    EXPECT_EQ(in, link[0]["stats64"]["tx"]["packets"].get<std::uint64_t>());
  }
}

TEST_F(Forwarding, ATableOfNStationsHoldsAllN) {
  constexpr unsigned kStations = 20000;
  Lab lab({"--no-host-port", "--fdb-size", std::to_string(kStations)});
  Lab::ok("rbctl addbr br0");
  const Wire a = lab.add_host("br0").wire(), b = lab.add_host("br0").wire();
  for (unsigned i = 0; i < kStations; ++i) {
    Octets frame = ethernet_frame(kEverybody, kA, content(1));
    frame[6] = 0x06;
    frame[9] = static_cast<std::uint8_t>(i >> 16);
    frame[10] = static_cast<std::uint8_t>(i >> 8);
    frame[11] = static_cast<std::uint8_t>(i);
    a.send(frame);
    if (i % 200 == 199) {  // do not send faster than the switch takes frames
      ASSERT_TRUE(b.sees(frame));
    }
  }
  EXPECT_EQ(Lab::call("fdb.list", {{"bridge", "br0"}})["entries"].size(), kStations);
}

}  // namespace
}  // namespace rb::test
