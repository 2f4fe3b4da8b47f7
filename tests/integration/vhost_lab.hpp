// SPDX-License-Identifier: GPL-2.0-or-later
// A lab with guests on vhost-user ports.
#pragma once

#include <sys/wait.h>

#include <memory>
#include <string>

#include "switch/drop_reason.hpp"
#include "traffic.hpp"
#include "vhost_front_end.hpp"

namespace rb::test {

class VhostLabTest : public BridgeTest {
 protected:
  void add_port(const std::string& name, const std::string& options = "") const {
    Lab::ok("rbctl addif br0 vhost-user:" + path(name) + options);
  }
  /// Adds a port where the switch listens, and a guest that has connected.
  [[nodiscard]] std::unique_ptr<FrontEnd> add(const std::string& name, const FrontEnd::Options& options) const {
    add_port(name);
    auto guest = std::make_unique<FrontEnd>(options);
    start(*guest, name);
    return guest;
  }
  [[nodiscard]] std::unique_ptr<FrontEnd> add(const std::string& name) const { return add(name, {}); }
  void start(FrontEnd& guest, const std::string& name) const {
    guest.connect(path(name));
    guest.start();
    EXPECT_TRUE(becomes(name, "forwarding"));
  }
  [[nodiscard]] static bool becomes(const std::string& port, const std::string& state) {
    return eventually([&] { return Lab::port(port)["state"] == state; });
  }
  /// Returns the reason why the switch ended the port's last connection.
  [[nodiscard]] static std::string trouble(const std::string& port) {
    return Lab::port(port).value("trouble", std::string());
  }
  /// The sum of all egress drops.
  [[nodiscard]] static std::uint64_t egress_drops(const std::string& port) {
    const nlohmann::json drops = Lab::stats(port)["drops"];
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kDropReasonCount; ++i) {
      const auto reason = static_cast<DropReason>(i);
      if (is_egress_reason(reason)) sum += drops[std::string(drop_reason_name(reason))].get<std::uint64_t>();
    }
    return sum;
  }
  [[nodiscard]] bool daemon_lives() const { return ::waitpid(lab->daemon.pid(), nullptr, WNOHANG) == 0; }
};

/// Two good guests, which must not notice the bad ones.
class VhostHostileTest : public VhostLabTest {
 protected:
  void SetUp() override {
    VhostLabTest::SetUp();
    if (IsSkipped()) return;
    one = add("good1");
    two = add("good2");
    expect_good_traffic();
  }
  void TearDown() override {
    if (!lab) return;
    expect_good_traffic();
    EXPECT_TRUE(daemon_lives());
  }
  /// Skips frames that have come meanwhile, then sends frames between the two guests and a broadcast.
  void expect_good_traffic() const {
    for (const auto& guest : {one.get(), two.get()}) {
      while (guest->rx().receive(0)) continue;
    }
    EXPECT_TRUE(one->send(kForAll));
    EXPECT_TRUE(two->sees(kForAll));
    EXPECT_TRUE(two->send(kForOne));
    EXPECT_TRUE(one->sees(kForOne));
  }
  /// Expects that the switch has closed the connection and gives a reason.
  static void expect_ended(const FrontEnd& bad, const std::string& port) {
    EXPECT_TRUE(bad.is_closed());
    EXPECT_TRUE(eventually([&] { return !trouble(port).empty(); }));
    EXPECT_TRUE(becomes(port, "disabled"));
  }
  const Octets kForAll = ethernet_frame(kEverybody, kA, content(1, 200)), kForOne = ethernet_frame(kA, kB, content(2));

  std::unique_ptr<FrontEnd> one, two;
};

}  // namespace rb::test
