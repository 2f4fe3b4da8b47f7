// SPDX-License-Identifier: GPL-2.0-or-later
// This header is a small language for relay tests: make bridges and ports, send frames, and see by which ports they
// leave.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "switch/fdb.hpp"
#include "switch/forwarding_state.hpp"
#include "switch/relay.hpp"
#include "switch/stages.hpp"

namespace rb::testing {

/// The address of station n of a test: 02:00:00:00:xx:xx.
inline MacAddress station(std::uint64_t number) {
  return MacAddress::from_number(0x020000000000ULL + number);
}
inline MacAddress mac(std::string_view text) {
  return parse_mac(text).value();
}
inline const MacAddress kBroadcast = MacAddress::from_number(0xffffffffffffULL);

/// A frame that owns its memory.
struct TestFrame {
  TestFrame(const MacAddress& source, const MacAddress& destination, PortIndex ingress, std::uint32_t size = 64)
      : octets(size), piece{octets.data(), size}, view{&vnet, &piece, size, 1, ingress} {
    if (size >= 6) std::memcpy(octets.data(), destination.octets.data(), 6);
    if (size >= 12) std::memcpy(octets.data() + 6, source.octets.data(), 6);
  }
  TestFrame(const TestFrame&) = delete;
  TestFrame& operator=(const TestFrame&) = delete;

  std::vector<std::byte> octets;
  VnetHeader vnet;
  Piece piece;
  Frame view;
};

/// The bridges and ports of a test. A test may change them between frames.
class Switchboard {
 public:
  /// `shared`: memory of stages that another board uses, too.
  explicit Switchboard(std::size_t fdb_capacity = 1024, StageMemory* shared = nullptr)
      : fdb({.capacity = fdb_capacity, .hash_seed = 1}),
        counters(kMaxPorts + 1),
        stages(shared != nullptr ? *shared : stage_memory, [this] { return now_ns; }),
        egress_(kMaxPorts + 1),
        relay_(fdb, counters, vlan_counters, &stages) {}

  BridgeIndex add_bridge() {
    bridges.push_back({.present = true, .fid = static_cast<Fid>(bridges.size() + 1)});
    return static_cast<BridgeIndex>(bridges.size() - 1);
  }
  PortIndex add_port(BridgeIndex bridge) {
    PortState port;
    port.bridge = bridge;
    port.gate = PortGate::kForwarding;
    port.mtu = 1500;
    port.accepts.bits = Offloads::kAll;
    ports.push_back(port);
    return static_cast<PortIndex>(ports.size() - 1);
  }

  /// Sends one frame and returns the ports by which it leaves, in index order.
  std::vector<PortIndex> send(const Frame& frame) {
    const ForwardingState state(bridges, ports);
    egress_.clear();
    relay_.process({&frame, 1}, state, now_s, egress_);
    if (!relay_.punted().empty() && relay_.punted()[0].ends) counters[frame.ingress].drop(DropReason::kPunted);
    std::vector<PortIndex> left(egress_.ports().begin(), egress_.ports().end());
    std::ranges::sort(left);
    return left;
  }
  std::vector<PortIndex> send(PortIndex ingress, const MacAddress& source, const MacAddress& destination,
                              std::uint32_t size = 64) {
    const TestFrame frame(source, destination, ingress, size);
    return send(frame.view);
  }
  [[nodiscard]] std::uint64_t drops(PortIndex port, DropReason reason) const {
    return counters[port].drops[static_cast<std::size_t>(reason)].value();
  }
  [[nodiscard]] PortTotals totals(PortIndex port) const {
    PortTotals totals;
    totals.add(counters[port]);
    return totals;
  }
  [[nodiscard]] Relay& relay() { return relay_; }
  /// Returns the frame of the last send() as it leaves by a port.
  [[nodiscard]] const Frame& frame_at(PortIndex port) const { return relay_.frame(egress_.frames(port)[0]); }

  Fdb fdb;
  std::vector<PortCounters> counters;
  VlanCounterTable vlan_counters;
  std::vector<BridgeState> bridges;
  std::vector<PortState> ports;
  std::uint32_t now_s = 1;
  std::int64_t now_ns = 1'000'000'000;  // the clock of the stages
  StageMemory stage_memory;
  Stages stages;

 private:
  EgressLists egress_;
  Relay relay_;
};

/// The sum of all received frames of a port, and the sums of its drops on the ingress and egress side.
inline std::uint64_t received(const PortTotals& totals) {
  return totals.rx[0].frames + totals.rx[1].frames + totals.rx[2].frames;
}
inline std::uint64_t sum_of_drops(const PortTotals& totals, bool egress) {
  std::uint64_t sum = 0;
  for (std::size_t reason = 0; reason < kDropReasonCount; ++reason) {
    if (is_egress_reason(static_cast<DropReason>(reason)) == egress) sum += totals.drops[reason];
  }
  return sum;
}

}  // namespace rb::testing
