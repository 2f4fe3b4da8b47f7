// SPDX-License-Identifier: GPL-2.0-or-later
// Tests existing interfaces as ports: ends of veth pairs, and taps that another process holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ports/tap/tap_device.hpp"
#include "traffic.hpp"
#include "vlan_lab.hpp"

namespace rb::test {
namespace {

using ::testing::HasSubstr;

/// Hosts behind veth pairs. The near ends p1, p2 ... are ports.
class PacketLab {
 public:
  PacketLab() { Lab::ok("rbctl addbr br0"); }
  Lab::Host& add_host(const std::string& options = "") {
    const auto number = static_cast<unsigned>(hosts_.size() + 101);
    Lab::Host& host = hosts_.emplace_back("h" + std::to_string(number), Lab::new_netns(), number);
    const std::string port = "p" + std::to_string(hosts_.size());
    Lab::ok("ip link add " + port + " type veth peer name " + host.device + " netns " + host.path() +
            " && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && ip link set " + port + " up");
    const CommandResult up =
        host.run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; ip link set lo up; ip addr add " + host.address() +
                 "/24 dev " + host.device + " && ip link set " + host.device + " up");
    EXPECT_EQ(up.exit_status, 0) << up.output;
    Lab::ok("rbctl addif br0 " + (options.empty() ? port : "packet:" + port + options));
    EXPECT_TRUE(eventually([&] { return Lab::port(port)["state"] == "forwarding"; }));
    return host;
  }

  Lab lab;

 private:
  std::list<Lab::Host> hosts_;
};

using Packet = LabTest;

TEST_F(Packet, ContainersBehindVethPairsTalkToEachOtherAndToTaps) {
  PacketLab net;
  const Lab::Host &one = net.add_host(), &two = net.add_host(), &tap = net.lab.add_host("br0");
  EXPECT_EQ(Lab::port("p1")["kind"], "packet");
  expect_pings(one, two.address());
  expect_pings(tap, one.address());
  const Wire far = two.wire(), tap_wire = tap.wire();
  expect_transfer(net.lab, one, two, 64);
  EXPECT_GT(largest_frame(far), 20000U) << "super-frames cross whole";
  expect_transfer(net.lab, two, tap, 32);
  EXPECT_GT(largest_frame(tap_wire), 20000U);
  expect_transfer(net.lab, tap, one, 32);
  EXPECT_EQ(Lab::stats("p1")["drops"]["refused"], 0);
}

TEST_F(Packet, FramesAreFinishedForAPortThatTakesNoOffload) {
  PacketLab net;
  const Lab::Host &one = net.add_host(), &two = net.add_host(",offload=off");
  const Wire far = two.wire();
  expect_transfer(net.lab, one, two, 16);
  EXPECT_LE(largest_frame(far), 1514U);
}

TEST_F(Packet, TagsThatTheKernelTookOutAreThere) {
  PacketLab net;
  const Wire one = net.add_host().wire(), two = net.add_host().wire();
  const Octets plain = content(1);
  for (const Octets& rest : {plain, tagged(10, plain, 5), tagged(9, tagged(10, plain), 0, kServiceTag)}) {
    one.send(broadcast(rest));
    EXPECT_TRUE(two.sees(broadcast(rest)));
  }
  Lab::ok(
      "rbctl link set br0 vlan_filtering 1 && rbctl port p1 mode trunk vids 10 && rbctl port p2 mode access vid 10");
  one.send(broadcast(tagged(10, plain, 3)));
  EXPECT_TRUE(two.sees(broadcast(plain)));
  two.send(broadcast(plain));
  EXPECT_TRUE(one.sees(broadcast(tagged(10, plain))));
}

TEST_F(Packet, TcpCrossesATrunkOfVethPairs) {
  PacketLab net;
  const Lab::Host &one = net.add_host(), &two = net.add_host();
  Lab::ok(
      "rbctl link set br0 vlan_filtering 1 && rbctl port p1 mode access vid 10 && rbctl port p2 mode access vid 10");
  expect_transfer(net.lab, one, two, 16);
}

TEST_F(Packet, TheHostsOwnStackIsKeptOutAndComesBackWhateverEndsThePort) {
  PacketLab net;
  const Lab::Host& one = net.add_host();
  // The host has an address on the interface. The host does not answer for it while the interface is a port, as with
  // the kernel's bridge.
  Lab::ok("ip addr add 10.77.0.1/24 dev p1");
  const auto host_answers = [&] { return one.run("ping -c 1 -W 1 10.77.0.1").exit_status == 0; };
  EXPECT_FALSE(host_answers());
  Lab::ok("rbctl delif br0 p1");
  EXPECT_TRUE(eventually(host_answers));
  Lab::ok("rbctl addif br0 p1");
  EXPECT_FALSE(host_answers());
  net.lab.daemon.kill_hard();
  EXPECT_TRUE(eventually(host_answers));
  EXPECT_TRUE(eventually([] { return Lab::ok("ip -d link show p1").find("promiscuity 1") == std::string::npos; }));
}

TEST_F(Packet, ATapThatAnotherProcessHoldsIsReachedByItsInterface) {
  PacketLab net;
  const Lab::Host& one = net.add_host();
  const Result<TapDevice> guest = open_tap({.name = "QemuTap0", .create = true, .offload = false});
  ASSERT_TRUE(guest.has_value()) << guest.error().message;
  Lab::ok("ip link set QemuTap0 up");
  EXPECT_THAT(run_shell("rbctl addif br0 QemuTap0").output, HasSubstr("packet:QemuTap0"));
  Lab::ok("rbctl addif br0 packet:QemuTap0,offload=off");
  ASSERT_TRUE(eventually([] { return Lab::port("QemuTap0")["state"] == "forwarding"; }));
  const Octets out = broadcast(content(1)), in = ethernet_frame(kEverybody, kB, content(2));
  Octets written(sizeof(VnetHeader));
  written.insert(written.end(), out.begin(), out.end());
  const Wire wire = one.wire();
  EXPECT_EQ(::write(guest->queues[0].get(), written.data(), written.size()), static_cast<ssize_t>(written.size()));
  EXPECT_TRUE(wire.sees(out));
  wire.send(in);
  Octets read(2000);
  ASSERT_TRUE(eventually([&] {
    const ssize_t size = ::read(guest->queues[0].get(), read.data(), read.size());
    return size == static_cast<ssize_t>(in.size() + sizeof(VnetHeader)) &&
           std::equal(in.begin(), in.end(), read.begin() + sizeof(VnetHeader));
  }));
}

TEST_F(Packet, GoesAndComesBackWithItsInterface) {
  PacketLab net;
  const Lab::Host &one = net.add_host(), &two = net.add_host();
  expect_pings(one, two.address());
  Lab::ok("ip link set p1 down");
  EXPECT_TRUE(eventually([] { return Lab::port("p1")["device"] == "down"; }));
  Lab::ok("ip link set p1 up");
  EXPECT_TRUE(eventually([] { return Lab::port("p1")["state"] == "forwarding"; }));
  expect_pings(one, two.address());
  Lab::ok("ip link del p1");
  EXPECT_TRUE(eventually([] { return Lab::port("p1")["device"] == "gone"; }));
  Lab::ok("ip link add p1 type veth peer name again && ip link set p1 up && ip link set again up");
  EXPECT_TRUE(eventually([] { return Lab::port("p1")["state"] == "forwarding"; }));
  const UniqueFd here(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  const Wire wire(here.get(), "again"), far = two.wire();
  wire.send(broadcast(content(7)));
  EXPECT_TRUE(far.sees(broadcast(content(7))));
}

TEST_F(Packet, SaysWhyAnInterfaceCannotBeAPort) {
  const Lab lab;
  Lab::ok("rbctl addbr br0");
  Lab::ok(
      "ip link add kbr type bridge && ip link add member type veth peer name other && ip link set member master kbr && "
      "ip tuntap add dev tun0 mode tun");
  const std::string before = Lab::ok("rbctl dump");
  EXPECT_THAT(Lab::port_refusal("packet:nosuch"), HasSubstr("interface nosuch does not exist"));
  EXPECT_THAT(Lab::port_refusal("lo"), HasSubstr("loopback interface"));
  EXPECT_THAT(Lab::port_refusal("packet:kbr"), HasSubstr("bridge of the kernel"));
  EXPECT_THAT(Lab::port_refusal("member"), HasSubstr("'ip link set member nomaster'"));
  EXPECT_THAT(Lab::port_refusal("packet:tun0"), HasSubstr("no Ethernet frames"));
  EXPECT_THAT(Lab::port_refusal("packet:other,create"), HasSubstr("for taps"));
  EXPECT_THAT(Lab::port_refusal("packet:other,netns=nosuchplace"), HasSubstr("nosuchplace"));
  EXPECT_EQ(Lab::ok("rbctl dump"), before);
  Lab::ok("rbctl addif br0 other");
  EXPECT_THAT(Lab::ok("rbctl dump"), HasSubstr("addif br0 packet:other\n"));
}

}  // namespace
}  // namespace rb::test
