// SPDX-License-Identifier: GPL-2.0-or-later
// A lab of bridges joined by cables (veth pairs), for spanning tree. Our bridges are in one daemon, and others are in
// namespaces.
#pragma once

#include <algorithm>
#include <chrono>
#include <list>
#include <map>
#include <set>

#include "lab.hpp"

namespace rb::test {

/// Waits longer than eventually() does, because the protocols need time even with the shortest timers.
[[nodiscard]] inline bool eventually_within(std::chrono::seconds limit, const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 50);
  }
  return true;
}

class SpanningTreeLab : public LabTest {
 protected:
  void SetUp() override {
    LabTest::SetUp();
    if (IsSkipped()) return;
    lab.emplace();
    Lab::ok("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
  }
  /// Adds a bridge of ours with short times. `mode` is a word of `rbctl stp`.
  static void add_bridge(const std::string& name, const std::string& mode) {
    Lab::ok("rbctl addbr " + name + " && rbctl sethello " + name + " 1 && rbctl setmaxage " + name +
            " 6 && rbctl setfd " + name + " 2 && rbctl stp " + name + " " + mode);
  }
  /// Joins two bridges of ours by a cable. The ends of the cable have the names of the ports.
  static void connect(const std::string& bridge, const std::string& port, const std::string& other_bridge,
                      const std::string& other_port) {
    Lab::ok("ip link add name " + port + " type veth peer name " + other_port + " && ip link set dev " + port +
            " up && ip link set dev " + other_port + " up && rbctl addif " + bridge + " " + port + " && rbctl addif " +
            other_bridge + " " + other_port);
  }
  static void pull(const std::string& port) { Lab::ok("ip link set dev " + port + " down"); }
  static void plug(const std::string& port) { Lab::ok("ip link set dev " + port + " up"); }

  static nlohmann::json bridge(const std::string& name) {
    return Lab::call("bridge.list", {{"names", {name}}})["bridges"][0];
  }
  /// Returns the states of all ports of a bridge of ours.
  static std::map<std::string, std::string> states(const std::string& name) {
    std::map<std::string, std::string> found;
    const nlohmann::json ports = bridge(name)["ports"];
    for (const nlohmann::json& port : ports) found[port["name"]] = port["state"];
    return found;
  }
  static void set_priority(const std::string& name, unsigned priority) {
    Lab::ok("rbctl setbridgeprio " + name + " " + std::to_string(priority));
  }

  std::optional<Lab> lab;
};

/// Returns how many ports are in a state.
[[nodiscard]] inline std::ptrdiff_t count(const std::map<std::string, std::string>& states, const std::string& state) {
  return std::ranges::count_if(states, [&](const auto& entry) { return entry.second == state; });
}

}  // namespace rb::test
