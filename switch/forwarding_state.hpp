// SPDX-License-Identifier: GPL-2.0-or-later
// ForwardingState: everything the relay needs to know, immutable once built; workers read it without a lock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "switch/frame.hpp"
#include "switch/stage_bits.hpp"
#include "switch/vlan.hpp"
#include "switch/vnet_header.hpp"

namespace rb {

using BridgeIndex = std::uint16_t;
inline constexpr BridgeIndex kNoBridge = 0xffff;

/// What may pass a port (IEEE 802.1D-2004 7.4). Frames that are punted (BridgeState) pass to the control thread, and
/// those of the switch's own leave, unless it is down.
enum class PortGate : std::uint8_t {
  kDown,        // nothing: the device does not carry frames, or somebody has disabled the port
  kDiscarding,  // nothing else; spanning tree's blocking and listening
  kLearning,    // sources are learned, the frames still dropped
  kForwarding,
};

/// The most that a port may receive (switch/policer.hpp). 0: no limit.
struct PolicerLimits {
  std::uint64_t frames_per_s = 0;
  std::uint64_t bits_per_s = 0;

  bool operator==(const PolicerLimits&) const = default;
  [[nodiscard]] bool any() const noexcept { return frames_per_s != 0 || bits_per_s != 0; }
};

/// One port as the relay sees it. Flag names are the kernel bridge's (`bridge link set`).
struct PortState {
  BridgeIndex bridge = kNoBridge;  // kNoBridge: an unused index, frames from it are dropped
  PortGate gate = PortGate::kDown;
  bool learning = true;
  bool flood = true;         // unknown unicast leaves here
  bool mcast_flood = true;   // multicast leaves here
  bool bcast_flood = true;   // broadcast leaves here
  bool hairpin = false;      // frames may leave by the port they came in by
  bool isolated = false;     // no traffic between two isolated ports
  bool locked = false;       // only sources already in the FDB behind this port are let in
  bool bpdu_filter = false;  // BPDUs that come in are dropped where the bridge has `stp`
  /// Set by ForwardingState: the port forwards and has no stage at egress, so that one test tells of both.
  bool plain_egress = false;
  /// The stages that judge the frames of the port. ForwardingState adds those that the settings below ask for.
  StageBits stages = {};
  std::uint32_t mtu = 0;       // octets of layer 3, of the device; 0: unknown, not enforced
  Offloads accepts;            // what may be sent to it unfinished
  Trust trust = Trust::kPeer;  // who writes the VnetHeaders of its frames
  PolicerLimits rate_in = {};  // the policer, at ingress
  /// What the port does with VLANs. Never null on a port of a VLAN-aware bridge.
  std::shared_ptr<const PortVlans> vlans = nullptr;
};

/// One bridge as the relay sees it.
struct BridgeState {
  bool present = false;
  Fid fid = 0;
  bool learning = true;              // false: ageing time 0, the bridge is a hub
  std::uint16_t group_fwd_mask = 0;  // bit X: 01-80-C2-00-00-0X is forwarded; bit 0 is implied, bit 1 never holds
  /// Punted, which is handed to the control thread and to nobody else, are frames to 01-80-C2-00-00-00, tagged or not
  /// and whatever VLANs say; false: they are flooded.
  bool stp = false;
  /// Likewise its own loop probes (loop_probe.hpp), by their sender's number; those of others are ordinary multicast.
  std::optional<std::uint64_t> probe_sender = std::nullopt;
  /// Null: tags are payload, and all its frames are of `fid`.
  std::shared_ptr<const BridgeVlans> vlans = nullptr;
};

/// Built once by the control thread, then only read.
class ForwardingState {
 public:
  /// `ports` is indexed by PortIndex, `bridges` by BridgeIndex; a port's bridge must be present.
  ForwardingState(std::vector<BridgeState> bridges, std::vector<PortState> ports);
  ForwardingState(const ForwardingState&) = delete;
  ForwardingState& operator=(const ForwardingState&) = delete;

  [[nodiscard]] const PortState& port(PortIndex index) const noexcept {
    return index < port_count_ ? ports_[index] : kUnused;
  }
  [[nodiscard]] const BridgeState& bridge(BridgeIndex index) const noexcept { return bridges_[index]; }
  [[nodiscard]] std::size_t port_count() const noexcept { return port_count_; }

  /// The forwarding ports of a bridge that take a flooded frame of each kind, in index order; VLANs, ingress, isolation
  /// and hairpin are left to the relay.
  [[nodiscard]] std::span<const PortIndex> unicast_flood(BridgeIndex bridge) const noexcept {
    return floods_[bridge].unicast;
  }
  [[nodiscard]] std::span<const PortIndex> multicast_flood(BridgeIndex bridge) const noexcept {
    return floods_[bridge].multicast;
  }
  [[nodiscard]] std::span<const PortIndex> broadcast_flood(BridgeIndex bridge) const noexcept {
    return floods_[bridge].broadcast;
  }

 private:
  struct Floods {
    std::vector<PortIndex> unicast, multicast, broadcast;
  };
  static const PortState kUnused;
  std::vector<BridgeState> bridges_;
  std::vector<PortState> ports_;
  // Cached: vector::size() divides by sizeof(PortState), and the relay reads this several times a frame.
  const std::size_t port_count_;
  std::vector<Floods> floods_;
};

}  // namespace rb
