// SPDX-License-Identifier: GPL-2.0-or-later
// `link set dev P rate_in RATE`: a port is limited in frames and in bits a second.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "traffic.hpp"

namespace rb::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RateIn : public BridgeTest {
 protected:
  /// Sends frames as fast as the station can, and waits until the switch has taken or dropped them all.
  static void send(const Lab::Host& from, std::uint64_t count, std::size_t size) {
    const Wire wire = from.wire();
    const Octets frame = ethernet_frame(kEverybody, kA, content(1, size));
    const std::uint64_t before = received(from);
    for (std::uint64_t i = 0; i < count; ++i) wire.send(frame);
    ASSERT_TRUE(eventually([&] { return received(from) == before + count; }));
  }
  static std::uint64_t received(const Lab::Host& host) { return Lab::stats(host.device)["rx"]["broadcast"]["frames"]; }
  static std::uint64_t flooded(const Lab::Host& host) { return Lab::stats(host.device)["flooded"]; }
  static std::uint64_t dropped(const Lab::Host& host) { return Lab::drops(host.device, "over_rate_in"); }
};

TEST_F(RateIn, InFramesDropsWhatIsMoreAndSaysSo) {
  const Lab::Host& one = lab->add_host("br0");
  (void)lab->add_host("br0");
  // A second holds one frame: the bucket is empty behind the first ones, however slow this machine is.
  Lab::ok("rbctl link set dev " + one.device + " rate_in 1fps");
  send(one, 200, 60);
  EXPECT_GT(flooded(one), 0U);
  EXPECT_GT(dropped(one), 100U);
  EXPECT_EQ(flooded(one) + dropped(one), 200U) << Lab::stats(one.device);
  EXPECT_THAT(Lab::ok("rbctl trace br0 --in " + one.device + " src " + kA + " dst " + kEverybody),
              HasSubstr("rate_in"));
  const std::uint64_t before = dropped(one);
  Lab::ok("rbctl link set dev " + one.device + " rate_in none");
  send(one, 200, 60);
  EXPECT_EQ(dropped(one), before) << "without a limit nothing is dropped";
}

TEST_F(RateIn, InBitsCountsTheSizesOfFrames) {
  const Lab::Host& one = lab->add_host("br0");
  (void)lab->add_host("br0");
  Lab::ok("rbctl link set dev " + one.device + " rate_in 8kbit");
  send(one, 100, 1000);
  EXPECT_GT(dropped(one), 50U);
  EXPECT_EQ(flooded(one) + dropped(one), 100U);
}

TEST_F(RateIn, IsDumpedAndShownAndRefusedOutOfRange) {
  const Lab::Host& one = lab->add_host("br0");
  Lab::ok("rbctl link set dev " + one.device + " rate_in 10mbit,5000fps");
  EXPECT_THAT(Lab::ok("rbctl dump"), HasSubstr("link set dev " + one.device + " rate_in 10mbit,5000fps"));
  EXPECT_THAT(Lab::ok("rbctl -d link show dev " + one.device), HasSubstr("rate_in 10mbit,5000fps"));
  EXPECT_EQ(Lab::port(one.device)["rate_in"], nlohmann::json({{"bits_per_s", 10'000'000}, {"frames_per_s", 5000}}));
  const CommandResult refused = run_shell("rbctl link set dev " + one.device + " rate_in 5000gbit");
  EXPECT_NE(refused.exit_status, 0);
  EXPECT_THAT(refused.output, HasSubstr("rate_in bits_per_s 5000000000000 is out of range; it can be 0 (no limit) to"));
  EXPECT_THAT(run_shell("rbctl link set dev " + one.device + " rate_in fast").output,
              HasSubstr("rate_in must be a rate such as 10mbit"));
  Lab::ok("rbctl link set dev " + one.device + " rate_in none");
  EXPECT_THAT(Lab::ok("rbctl dump"), Not(HasSubstr("rate_in")));
}

TEST_F(RateIn, IsOneLimitForAllQueuesOfATap) {
  (void)lab->daemon.stop();
  lab->daemon.start({"--no-host-port", "--workers", "2"});
  Lab::ok("rbctl addbr br0");
  const Lab::Host& one = lab->add_host("br0", ",queues=2");
  (void)lab->add_host("br0");
  Lab::ok("rbctl link set dev " + one.device + " rate_in 1fps");
  const Wire wire = one.wire();
  // Flows of many kinds, so that the kernel deals them to both queues.
  for (std::uint8_t i = 0; i < 200; ++i)
    wire.send(ethernet_frame(
        kEverybody,
        "02:00:00:00:01:" + std::string(1, "0123456789abcdef"[i / 16]) + std::string(1, "0123456789abcdef"[i % 16]),
        content(i)));
  ASSERT_TRUE(eventually([&] { return received(one) == 200; }));
  EXPECT_LT(flooded(one), 20U) << "two queues have not twice the limit";
  EXPECT_EQ(flooded(one) + dropped(one), 200U);
}

}  // namespace
}  // namespace rb::test
