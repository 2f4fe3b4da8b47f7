// SPDX-License-Identifier: GPL-2.0-or-later
// Tests taps that are taken, refused, moved, deleted and created again under the switch.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>

#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <fstream>

#include <atomic>
#include <thread>

#include "lab.hpp"
#include "ports/tap/tap_device.hpp"
#include "test_paths.hpp"

namespace rb::test {
namespace {

using ::testing::HasSubstr;

const std::string kEverybody = "ff:ff:ff:ff:ff:ff", kA = "02:aa:00:00:00:01";

using Devices = LabTest;

/// Creates a persistent tap in the daemon's namespace, up and without IPv6.
void make_tap(const std::string& name, const std::string& options = "") {
  Lab::ok("ip tuntap add dev " + name + " mode tap " + options + " && echo 1 > /proc/sys/net/ipv6/conf/" + name +
          "/disable_ipv6 && ip link set " + name + " up");
}
bool becomes(const std::string& port, const std::string& member, const nlohmann::json& value) {
  return eventually([&] { return Lab::port(port).value(member, nlohmann::json()) == value; });
}
/// True if a frame sent into one device of the daemon's namespace comes out of another.
bool carries(const std::string& from, const std::string& to) {
  const Wire in(-1, from), out(-1, to);
  Octets content(60, 7);
  content[0] = 0x88;
  content[1] = 0xb5;
  const Octets frame = ethernet_frame(kEverybody, kA, content);
  in.send(frame);
  return out.sees(frame);
}

TEST_F(Devices, ExistingTapsArePorts) {
  Lab lab;
  make_tap("tap0");
  make_tap("tap1", "multi_queue");
  Lab::ok("rbctl addbr br0 && rbctl addif br0 tap0 tap1");
  ASSERT_TRUE(becomes("tap0", "state", "forwarding") && becomes("tap1", "state", "forwarding"));
  EXPECT_TRUE(carries("tap0", "tap1"));
  EXPECT_TRUE(carries("tap1", "tap0"));
  Lab::ok("rbctl delif br0 tap0");
  EXPECT_EQ(run_shell("ip link show tap0").exit_status, 0) << "the device existed before, so it stays";
}

TEST_F(Devices, FollowsAPortThatGoesDownComesUpAndChangesItsMtu) {
  Lab lab;
  make_tap("tap0");
  make_tap("tap1");
  Lab::ok("rbctl addbr br0 && rbctl addif br0 tap0 tap1");
  Lab::ok("ip link set tap0 down");
  EXPECT_TRUE(becomes("tap0", "device", "down"));
  EXPECT_EQ(Lab::port("tap0")["state"], "disabled");
  Lab::ok("ip link set tap0 mtu 9000 && ip link set tap0 up");
  EXPECT_TRUE(becomes("tap0", "device", "up"));
  EXPECT_EQ(Lab::port("tap0")["mtu"], 9000);
  EXPECT_TRUE(carries("tap0", "tap1"));
  Lab::ok("ip link set tap0 down && ip link set tap0 name other && ip link set other up");
  EXPECT_TRUE(becomes("tap0", "device_name", "other"));
  EXPECT_TRUE(carries("other", "tap1"));
}

TEST_F(Devices, AReturningTapIsTakenBack) {
  Lab lab;
  make_tap("tap0");
  make_tap("tap1");
  Lab::ok("rbctl addbr br0 && rbctl addif br0 tap0 tap1 && rbctl link set dev tap0 cost 77");
  Lab::ok("ip link del tap0");
  EXPECT_TRUE(becomes("tap0", "device", "gone"));
  EXPECT_TRUE(Lab::call("daemon.info").contains("version"));
  make_tap("tap0");
  ASSERT_TRUE(becomes("tap0", "state", "forwarding"));
  EXPECT_EQ(Lab::port("tap0")["cost"], 77);
  EXPECT_TRUE(carries("tap0", "tap1"));
  EXPECT_TRUE(carries("tap1", "tap0"));
}

TEST_F(Devices, SurvivesADeviceThatIsDeletedUnderLoad) {
  Lab lab;
  make_tap("tap1");
  Lab::ok("rbctl addbr br0 && rbctl addif br0 tap1");
  for (int round = 0; round < 5; ++round) {
    make_tap("tap0");
    if (round == 0) Lab::ok("rbctl addif br0 tap0");
    ASSERT_TRUE(becomes("tap0", "state", "forwarding"));
    std::atomic<bool> done{false};
    const Wire in(-1, "tap1"), back(-1, "tap0");
    std::thread load([&] {
      const Octets frame = ethernet_frame(kEverybody, kA, Octets(1000, 1));
      while (!done) {
        (void)in.try_send(frame);
        (void)back.try_send(frame);
      }
    });
    ASSERT_TRUE(eventually([] { return Lab::stats("tap0")["tx"]["broadcast"]["frames"] > 1000; }));
    Lab::ok("ip link del tap0");
    EXPECT_TRUE(becomes("tap0", "device", "gone"));
    done = true;
    load.join();
  }
  EXPECT_EQ(lab.daemon.stop(), 0);
}

TEST_F(Devices, FollowsATapIntoAnotherNamespace) {
  Lab lab;
  make_tap("tap0");
  make_tap("tap1");
  Lab::ok("rbctl addbr br0 && rbctl addif br0 tap0 tap1");
  const Lab::Host elsewhere{"tap0", Lab::new_netns(), 9};
  Lab::ok("ip link set tap0 netns " + elsewhere.path());
  EXPECT_TRUE(becomes("tap0", "device", "down")) << "a move sets the device down";
  EXPECT_EQ(elsewhere.run("ip link set tap0 name inside mtu 1400 && ip link set inside up").exit_status, 0);
  ASSERT_TRUE(becomes("tap0", "state", "forwarding"));
  EXPECT_EQ(Lab::port("tap0")["mtu"], 1400);
  EXPECT_EQ(Lab::port("tap0")["device_name"], "inside");
  const Wire in(elsewhere.netns.get(), "inside"), out(-1, "tap1");
  const Octets frame = ethernet_frame(kEverybody, kA, Octets(60, 3));
  in.send(frame);
  EXPECT_TRUE(out.sees(frame));
  EXPECT_EQ(elsewhere.run("ip link del inside").exit_status, 0);
  EXPECT_TRUE(becomes("tap0", "device", "gone"));
  make_tap("tap0");
  ASSERT_TRUE(becomes("tap0", "state", "forwarding")) << "the device is taken back in the namespace where it was added";
  EXPECT_TRUE(carries("tap1", "tap0"));
}

TEST_F(Devices, ABridgesOwnInterfaceComesBackAsItWas) {
  Lab lab(std::vector<std::string>{});
  Lab::ok("rbctl addbr br0");
  const auto bridge = [] { return Lab::call("bridge.list")["bridges"][0]; };
  const auto local_entries = [] { return Lab::call("fdb.list", {{"kind", "local"}})["entries"]; };
  const nlohmann::json before = bridge(), entries = local_entries();
  ASSERT_EQ(entries.size(), 1U);
  Lab::ok("ip link set br0 address 02:12:34:56:78:9a && ip link del br0");
  ASSERT_TRUE(eventually([&] { return bridge()["address"] == before["address"]; }));
  EXPECT_NE(bridge()["ifindex"], before["ifindex"]) << "the device is a new one";
  EXPECT_EQ(local_entries()[0]["mac"], before["address"]);
  EXPECT_EQ(local_entries().size(), 1U);
  const Lab::Host& host = lab.add_host("br0");
  Lab::ok("ip addr add 10.77.0.100/24 dev br0 && ip link set br0 up");
  EXPECT_EQ(host.run("ping -c 1 -W 10 10.77.0.100").exit_status, 0);
}

TEST_F(Devices, ATapGoesWithTheNamespaceItWasMadeIn) {
  Lab lab;
  Lab::ok("rbctl addbr br0");
  {
    const Lab::Host brief{"inside", Lab::new_netns(), 9};
    Lab::ok("rbctl addif br0 tap:inside,create,netns=" + brief.path());
    EXPECT_EQ(brief.run("ip link set inside up").exit_status, 0);
    ASSERT_TRUE(becomes("inside", "state", "forwarding"));
  }
  EXPECT_TRUE(becomes("inside", "device", "gone")) << "the switch keeps no namespace alive";
  Lab::ok("rbctl delif br0 inside");
  EXPECT_EQ(lab.daemon.stop(), 0);
}

TEST_F(Devices, SaysWhyItRefusesAnInterface) {
  Lab lab(std::vector<std::string>{});
  Lab::ok("rbctl addbr br0 && rbctl addbr br1 --no-host-port");
  Lab::ok("ip tuntap add dev tun0 mode tun && ip link add v0 type veth peer name v1 && ip link add kbr type bridge");
  make_tap("tap0");
  make_tap("held");
  const Result<TapDevice> holder = open_tap({.name = "held"});
  ASSERT_TRUE(holder.has_value()) << holder.error().message;
  const nlohmann::json before = Lab::call("config.dump");
  EXPECT_THAT(Lab::refusal("rbctl addif br0 nosuch"), HasSubstr("there is no interface nosuch"));
  EXPECT_THAT(Lab::refusal("rbctl addif br0 tun0"), HasSubstr("tun device"));
  EXPECT_THAT(Lab::refusal("rbctl addif br0 tap:v0"), HasSubstr("veth"));
  EXPECT_THAT(Lab::refusal("rbctl addif br0 kbr"), HasSubstr("bridge"));
  EXPECT_THAT(Lab::refusal("rbctl addif br0 br1"), HasSubstr("bridge"));
  EXPECT_THAT(Lab::refusal("rbctl addif br0 held"), HasSubstr("another process holds held"));
  EXPECT_THAT(Lab::refusal("rbctl addif br0 tap:tap0,create"), HasSubstr("exists already"));
  EXPECT_THAT(Lab::refusal("rbctl addif br0 tap:tap0,queues=4"), HasSubstr("one queue and not 4"));
  EXPECT_THAT(Lab::refusal("rbctl addif br0 tap:new,create,netns=nosuchplace"), HasSubstr("nosuchplace"));
  EXPECT_THAT(Lab::refusal("rbctl addif br0 tap:new,create,netns=/etc/passwd"), HasSubstr("/etc/passwd"));
  EXPECT_THAT(Lab::refusal("rbctl addbr v0"), HasSubstr("v0"));
  EXPECT_EQ(Lab::call("config.dump"), before);
  EXPECT_EQ(run_shell("ip link show new").exit_status, 1) << "the failed command leaves nothing";
}

TEST_F(Devices, TapsAreMadeAndDeletedAsIpTuntapDoes) {
  Lab lab;
  Lab::ok("rbctl tap add tap7 user 4242 && rbctl tap add tap8 multi_queue");
  const std::string one = Lab::ok("ip -d link show tap7"), other = Lab::ok("ip -d link show tap8");
  EXPECT_THAT(one, HasSubstr("tun type tap"));
  EXPECT_THAT(one, HasSubstr("persist on user 4242"));
  EXPECT_THAT(other, HasSubstr("multi_queue"));
  EXPECT_EQ(run_shell("rbctl tap add tap7").exit_status, 1);
  Lab::ok("rbctl addbr br0 && rbctl addif br0 tap7");
  EXPECT_THAT(run_shell("rbctl tap del tap7").output, HasSubstr("port of bridge br0"));
  Lab::ok("rbctl delif br0 tap7 && rbctl tap del tap7 && rbctl tap del tap8");
  EXPECT_EQ(run_shell("ip link show tap7").exit_status, 1);
}

TEST_F(Devices, WhatItMadeGoesWithItAndWhatIsPersistentStays) {
  Lab lab(std::vector<std::string>{});
  Lab::ok("rbctl addbr br0 && rbctl addif br0 tap:brief,create tap:lasting,create,persistent");
  make_tap("tap0");
  Lab::ok("rbctl addif br0 tap0");
  EXPECT_EQ(lab.daemon.stop(), 0);
  EXPECT_EQ(run_shell("ip link show brief").exit_status, 1);
  EXPECT_EQ(run_shell("ip link show br0").exit_status, 1);
  EXPECT_EQ(run_shell("ip link show lasting").exit_status, 0);
  EXPECT_EQ(run_shell("ip link show tap0").exit_status, 0);
}

/// Runs `body` in a child that becomes an ordinary user without any capability, and returns the child's exit status.
/// `node` is a path for a device node.
int as_nobody(const std::string& node, const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // With udev everybody may open the device. Otherwise the child makes such a node in its own mount namespace.
    if (run_shell("[ -e " + node + " ] || { mknod -m 666 " + node + " c 10 200; }").exit_status != 0 ||
        ::unshare(CLONE_NEWNS) != 0 ||
        run_shell("mount --make-rprivate / && mount --bind " + node + " /dev/net/tun").exit_status != 0) {
      ::_exit(98);
    }
    if (::setgroups(0, nullptr) != 0 || ::setgid(4242) != 0 || ::setuid(4242) != 0) ::_exit(99);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(Devices, AnOrdinaryUserRunsASwitchOnTheirOwnTaps) {
  Lab lab;
  make_tap("mine0", "user 4242");
  make_tap("mine1", "user 4242");
  make_tap("yours", "user 4343");
  const std::string directory = (lab.daemon.directory() / "user").string(), log = directory + "/log",
                    socket = directory + "/s";
  Lab::ok("mkdir " + directory + " && chown 4242 " + directory);
  // The build tree may be closed to other users, so the user gets copies of the programs.
  Lab::ok("cp " RB_BINARY_DIR "/control/ringbridged " RB_BINARY_DIR "/control/rbctl " + directory);
  const std::string rbctl = directory + "/rbctl --socket " + socket + " ", node = lab.daemon.directory() / "tun";
  const pid_t daemon = ::fork();
  if (daemon == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int status = as_nobody(node, [&] {
      return run_shell("exec " + directory + "/ringbridged --socket " + socket + " 2>" + log).exit_status;
    });
    ::_exit(status);
  }
  ASSERT_TRUE(eventually([&] { return run_shell("grep -q ready " + log).exit_status == 0; }))
      << run_shell("cat " + log).output;
  EXPECT_THAT(run_shell("cat " + log).output, HasSubstr("without CAP_NET_ADMIN"));
  EXPECT_EQ(
      as_nobody(node, [&] { return run_shell(rbctl + "addbr br0 && " + rbctl + "addif br0 mine0 mine1").exit_status; }),
      0);
  ASSERT_TRUE(eventually([&] {
    return run_shell(rbctl + "-d link show").output.find("mine1: <BROADCAST,MULTICAST,UP,LOWER_UP>") !=
           std::string::npos;
  }));
  EXPECT_TRUE(carries("mine0", "mine1"));
  EXPECT_TRUE(carries("mine1", "mine0"));
  EXPECT_THAT(run_shell(rbctl + "addif br0 yours").output, HasSubstr("belongs to uid 4343"));
  EXPECT_THAT(run_shell(rbctl + "addif br0 tap:new,create").output, HasSubstr("CAP_NET_ADMIN"));
  Lab::ok("kill $(" + rbctl + "info | sed -n 's/^pid: //p')");
  int status = 0;
  ::waitpid(daemon, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  // The other direction: root's daemon does not obey an ordinary user, and names the users that it obeys.
  const std::string stranger = directory + "/rbctl show >" + log + " 2>&1";
  EXPECT_EQ(as_nobody(node, [&] { return run_shell(directory + "/rbctl addbr br9").exit_status; }), 1);
  EXPECT_EQ(as_nobody(node, [&] { return run_shell(stranger).exit_status; }), 1);
  EXPECT_THAT(run_shell("cat " + log).output, HasSubstr("4242"));
}

TEST_F(Devices, OfAConfigurationThatAreNotThereAreWaitedFor) {
  Lab lab;
  const std::string file = lab.daemon.directory() / "config";
  std::ofstream(file) << "addbr br0\naddif br0 packet:veth0\naddif br0 tap0\nport veth0 mode access vid 10\n";
  (void)lab.daemon.stop();
  lab.daemon.start({"--no-host-port", "--config", file});
  for (const char* port : {"veth0", "tap0"}) EXPECT_EQ(Lab::port(port)["device"], "gone") << port;
  EXPECT_THAT(Lab::ok("rbctl dump"), HasSubstr("addif br0 tap0\n"));
  EXPECT_THAT(Lab::ok("rbctl dump"), HasSubstr("addif br0 packet:veth0\n"));
  Lab::ok("ip link add veth0 type veth peer name veth1 && ip link set veth0 up && ip link set veth1 up");
  make_tap("tap0");
  for (const char* port : {"veth0", "tap0"})
    EXPECT_TRUE(eventually([&] { return Lab::port(port)["device"] != "gone"; })) << port;
  EXPECT_EQ(Lab::port("veth0")["kind"], "packet");
  EXPECT_EQ(Lab::port("tap0")["kind"], "tap");
  // For a command a missing interface is still an error.
  EXPECT_EQ(run_shell("rbctl addif br0 packet:nosuch").exit_status, 1);
}

}  // namespace
}  // namespace rb::test
