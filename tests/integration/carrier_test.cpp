// SPDX-License-Identifier: GPL-2.0-or-later
// `link set dev P carrier off`: the cable of a port is pulled, and plugged in again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ports/tap/tap_device.hpp"
#include "traffic.hpp"

namespace rb::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Carrier : public BridgeTest {
 protected:
  static void pull(const std::string& port) { Lab::ok("rbctl link set dev " + port + " carrier off"); }
  static void plug(const std::string& port) { Lab::ok("rbctl link set dev " + port + " carrier on"); }
  static bool has_carrier(const Lab::Host& host) {
    return host.run("ip link show " + host.device).output.find("NO-CARRIER") == std::string::npos;
  }
};

TEST_F(Carrier, OfATapIsSeenByItsStation) {
  const Lab::Host &one = lab->add_host("br0"), &two = lab->add_host("br0");
  expect_pings(one, two.address());
  const std::string before = Lab::ok("rbctl dump");
  pull(two.device);
  EXPECT_FALSE(has_carrier(two));
  EXPECT_TRUE(has_carrier(one));
  const nlohmann::json port = Lab::port(two.device);
  EXPECT_EQ(port["carrier"], false);
  EXPECT_EQ(port["state"], "disabled");
  EXPECT_THAT(std::string(port["trouble"]), HasSubstr("the carrier is off"));
  EXPECT_THAT(Lab::ok("rbctl fdb show br br0"), Not(HasSubstr("dev " + two.device)));
  EXPECT_NE(one.run("ping -c 1 -W 1 " + two.address()).exit_status, 0);
  EXPECT_THAT(Lab::ok("rbctl trace br0 --in " + two.device + " src " + kA + " dst " + kB),
              HasSubstr("the carrier of " + two.device + " is off"));
  plug(two.device);
  EXPECT_TRUE(has_carrier(two));
  ASSERT_TRUE(eventually([&] { return Lab::port(two.device)["state"] == "forwarding"; }));
  EXPECT_EQ(Lab::ok("rbctl dump"), before);
  expect_pings(one, two.address());
}

TEST_F(Carrier, StaysOffWhenTheTapIsMadeAnew) {
  Lab::ok("ip tuntap add dev tap0 mode tap && ip link set tap0 up && rbctl addif br0 tap0");
  pull("tap0");
  EXPECT_THAT(Lab::ok("ip link show tap0"), HasSubstr("NO-CARRIER"));
  Lab::ok("ip tuntap del dev tap0 mode tap || ip link del tap0");
  ASSERT_TRUE(eventually([] { return Lab::port("tap0")["device"] == "gone"; }));
  Lab::ok("ip tuntap add dev tap0 mode tap && ip link set tap0 up");
  ASSERT_TRUE(eventually([] { return Lab::port("tap0")["device"] != "gone"; }));
  EXPECT_THAT(Lab::ok("ip link show tap0"), HasSubstr("NO-CARRIER"));
  plug("tap0");
  EXPECT_TRUE(eventually([] { return Lab::port("tap0")["state"] == "forwarding"; }));
}

TEST_F(Carrier, IsKeptOverARestart) {
  Lab::ok("ip tuntap add dev tap0 mode tap && ip link set tap0 up && rbctl addif br0 tap0");
  pull("tap0");
  const std::string file = lab->daemon.directory() / "saved";
  EXPECT_THAT(Lab::ok("rbctl dump | tee " + file), HasSubstr("link set dev tap0 carrier off"));
  EXPECT_EQ(lab->daemon.kill_hard(), -SIGKILL);
  lab->daemon.start({"--no-host-port", "--config", file});
  EXPECT_EQ(Lab::port("tap0")["carrier"], false);
  EXPECT_THAT(Lab::ok("ip link show tap0"), HasSubstr("NO-CARRIER"));
  plug("tap0");
  EXPECT_TRUE(eventually([] { return Lab::port("tap0")["state"] == "forwarding"; }));
}

TEST_F(Carrier, OfAnInterfaceIsSwitchedWhereItsDriverCan) {
  Lab::ok("ip tuntap add dev q0 mode tap && ip link set q0 up");
  const Result<TapDevice> holder = open_tap({.name = "q0"});
  ASSERT_TRUE(holder) << holder.error().message;
  Lab::ok("rbctl addif br0 packet:q0");
  ASSERT_TRUE(eventually([] { return Lab::port("q0")["state"] == "forwarding"; }));
  pull("q0");
  EXPECT_THAT(Lab::ok("ip link show q0"), HasSubstr("NO-CARRIER"));
  plug("q0");
  EXPECT_THAT(Lab::ok("ip link show q0"), Not(HasSubstr("NO-CARRIER")));
  EXPECT_TRUE(eventually([] { return Lab::port("q0")["state"] == "forwarding"; }));
  pull("q0");
  Lab::ok("rbctl delif br0 q0");
  EXPECT_THAT(Lab::ok("ip link show q0"), Not(HasSubstr("NO-CARRIER"))) << "an interface that stays is left as it was";
}

TEST_F(Carrier, OfAnInterfaceWhoseDriverCannotIsRefusedWithARemedy) {
  Lab::ok("ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up && rbctl addif br0 v0");
  const std::string before = Lab::ok("rbctl dump");
  const CommandResult refused = run_shell("rbctl link set dev v0 carrier off");
  EXPECT_NE(refused.exit_status, 0);
  EXPECT_THAT(refused.output, HasSubstr("the driver of v0 cannot switch its carrier; 'ip link set v0 down'"));
  EXPECT_EQ(Lab::ok("rbctl dump"), before);
  EXPECT_EQ(Lab::port("v0")["carrier"], true);
}

TEST_F(Carrier, OfTheBridgesOwnInterfaceIsSwitchedAsThatOfATap) {
  (void)lab->daemon.stop();
  lab->daemon.start({});
  Lab::ok("rbctl addbr br1 && ip link set br1 up");
  ASSERT_TRUE(eventually([] { return Lab::ok("ip link show br1").find("LOWER_UP") != std::string::npos; }));
  pull("br1");
  EXPECT_THAT(Lab::ok("ip link show br1"), HasSubstr("NO-CARRIER"));
  EXPECT_THAT(Lab::ok("rbctl dump"), HasSubstr("link set dev br1 carrier off"));
  plug("br1");
  EXPECT_THAT(Lab::ok("ip link show br1"), Not(HasSubstr("NO-CARRIER")));
  Lab::ok("ip link set br1 down && rbctl delbr br1");
}

TEST_F(Carrier, ThatIsOffIsALinkThatFailedToASpanningTree) {
  const Lab::Host& one = lab->add_host("br0");
  Lab::ok("rbctl stp br0 rstp");
  ASSERT_TRUE(eventually([&] { return Lab::port(one.device)["state"] == "forwarding"; }));
  pull(one.device);
  EXPECT_EQ(Lab::call("spanning_tree.list")["bridges"][0]["ports"][0]["role"], "disabled");
  plug(one.device);
  EXPECT_TRUE(eventually([&] { return Lab::port(one.device)["state"] == "forwarding"; }));
}

TEST_F(Carrier, CanBeSwitchedAgainAndAgainInOneBatch) {
  const Lab::Host &one = lab->add_host("br0"), &two = lab->add_host("br0");
  const std::string file = lab->daemon.directory() / "batch";
  std::string lines;
  for (int i = 0; i < 20; ++i) {
    lines += "link set dev " + two.device + " carrier off\n";
    lines += "link set dev " + two.device + " carrier on\n";
  }
  Lab::ok("printf '" + lines + "' | rbctl -batch -");
  ASSERT_TRUE(eventually([&] { return Lab::port(two.device)["state"] == "forwarding"; }));
  expect_pings(one, two.address());
  pull(two.device);
  Lab::ok("rbctl delif br0 " + two.device);
  EXPECT_THAT(Lab::ok("rbctl show"), Not(HasSubstr(two.device)));
}

}  // namespace
}  // namespace rb::test
