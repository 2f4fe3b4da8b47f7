// SPDX-License-Identifier: GPL-2.0-or-later
// SpanningTree is one bridge's part in the spanning tree protocols, RSTP and STP (IEEE 802.1D-2004 17).
//
// How it works. The nine state machines of the standard work on the variables of a bridge and its ports
// (variables.hpp). Each machine is a file named after it (port_information.cpp, role_transitions.cpp, ...), and run()
// lets them take turns until none can move. The caller hands in the time, in milliseconds of any clock that never goes
// back. The timers of the standard count seconds down; here they are deadlines of the caller's clock, so nothing ticks
// while nothing happens. next_deadline() tells when the caller must call advance(). take_effects() returns the work for
// the caller as values, in order: BPDUs to send, port states to set, stations to forget.
//
// STP. With Protocol::kStp (force protocol version 0) the same machines send configuration messages and topology change
// notifications only, and use the times of IEEE 802.1D-1998, as the kernel's bridge and others do. Information is valid
// for max age less the age of the message. A configuration message tells how old its sender's information is. A port
// passes the message on at once, and then sends none for the hold time of a second. Only the root flags a topology
// change. A port that hears STP from the other side also speaks STP, even if the bridge speaks RSTP.
//
// Beyond the standard there are a root guard (restricted role, 17.21.25, Linux root_block) and a loop guard, and a port
// that hears its own BPDUs does not forward (self_looped), because people make mistakes when they wire bridges.
//
// Bounds. No memory grows with received BPDUs: a BPDU changes the variables of one port. Threads: one thread calls all
// functions.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "switch/stp/bpdu.hpp"

namespace rb::stp {

/// Milliseconds of the caller's clock.
using TimeMs = std::int64_t;

/// The number of a port within its bridge, from 1.
using PortNumber = std::uint16_t;

enum class Protocol : std::uint8_t { kStp, kRstp };

/// Parameters of the bridge. If the bridge is the root, these times hold for the whole tree.
struct BridgeParameters {
  BridgeId id;
  Protocol protocol = Protocol::kRstp;
  std::int64_t max_age = 20'000, hello = 2'000, forward_delay = 15'000;  // milliseconds
  unsigned tx_hold_count = 6;  // BPDUs that a port may send at once; one more each second (17.13.12)

  bool operator==(const BridgeParameters&) const = default;
};

/// A setting that a user forces off or on, or that the bridge finds out by itself.
enum class Choice : std::uint8_t { kOff, kOn, kAuto };

/// Parameters of a port.
struct PortParameters {
  PortId id = 0;
  std::uint32_t path_cost = 2;
  Choice edge = Choice::kAuto;   // AdminEdge and AutoEdge (17.13.1, 17.13.3): an edge port forwards at once
  bool point_to_point = true;    // operPointToPointMAC: the link has at most one other bridge, and agreements count
  bool restricted_role = false;  // the port never becomes the root port (17.13.14)
  bool restricted_tcn = false;   // the bridge does not pass on topology changes heard on this port (17.13.15)
  bool loop_guard = false;       // the port does not forward as designated port after it ceased to hear BPDUs

  bool operator==(const PortParameters&) const = default;
};

/// Tells which frames may pass a port.
enum class PortState : std::uint8_t { kDiscarding, kLearning, kForwarding };
[[nodiscard]] std::string_view port_state_name(PortState state) noexcept;

/// The caller must send a BPDU by a port now.
struct SendBpdu {
  PortNumber port;
  Bpdu bpdu;
};
/// The state of a port has changed.
struct SetPortState {
  PortNumber port;
  PortState state;
};
/// The caller must forget all stations that were learned behind a port.
struct FlushPort {
  PortNumber port;
};
/// While `on`, the caller must forget stations after the forward delay instead of the ageing time (17.19.1).
struct SetShortAgeing {
  bool on;
};
using Effect = std::variant<SendBpdu, SetPortState, FlushPort, SetShortAgeing>;

/// The state of the bridge, for users. Timers are the remaining milliseconds, or 0 if the timer does not run.
struct BridgeStatus {
  BridgeId id, root;
  PortNumber root_port = 0;  // 0: this bridge is the root
  std::uint32_t root_path_cost = 0;
  Times times;                            // the root's times
  bool topology_change = false;           // the root flags a change, or with RSTP a change goes around
  bool topology_change_detected = false;  // this bridge still has to tell the root of a change
  std::int64_t hello_timer = 0, tcn_timer = 0, topology_change_timer = 0;
  std::uint64_t topology_changes = 0;                 // detected by this bridge, or heard from another
  std::optional<std::int64_t> since_topology_change;  // milliseconds
};

/// The state of a port, for users.
struct PortStatus {
  bool enabled = false;
  PortRole role = PortRole::kDisabled;
  PortState state = PortState::kDiscarding;
  bool waiting = false;       // the port discards, but will forward: STP calls this listening
  PriorityVector designated;  // the best information on the port's LAN
  bool edge = false, point_to_point = false;
  bool sends_rstp = false;
  bool proposing = false, agreed = false, disputed = false;
  bool root_guarded = false;       // the port would be the root port, but the root guard prevents this
  bool loop_inconsistent = false;  // the loop guard holds the port back
  bool self_looped = false;        // the port hears its own BPDUs
  bool config_pending = false;     // a BPDU waits until it may be sent
  bool topology_change_ack = false;
  std::int64_t message_age_timer = 0, forward_delay_timer = 0, hold_timer = 0;
  std::uint64_t received = 0, sent = 0;          // BPDUs
  std::uint64_t received_tcn = 0, sent_tcn = 0;  // BPDUs among them that announce a topology change
  std::uint64_t ignored = 0;      // the bridge's own, rapid ones while it speaks STP, and all while disabled
  std::uint64_t transitions = 0;  // to forwarding
};

struct Variables;

class SpanningTree {
 public:
  SpanningTree(const BridgeParameters& parameters, TimeMs now);
  ~SpanningTree();
  SpanningTree(SpanningTree&&) noexcept;
  SpanningTree& operator=(SpanningTree&&) noexcept;

  /// A change of protocol restarts all machines, as after a restart of the bridge.
  void set_parameters(const BridgeParameters& parameters, TimeMs now);
  /// Numbers must be unique. The port is disabled at first.
  void add_port(PortNumber number, const PortParameters& parameters, TimeMs now);
  void set_port(PortNumber number, const PortParameters& parameters, TimeMs now);
  void remove_port(PortNumber number, TimeMs now);
  /// A port is enabled if its device can pass frames (MAC_Operational) and no user has disabled the port (portEnabled,
  /// 17.19.18).
  void set_enabled(PortNumber number, bool enabled, TimeMs now);
  /// Checks again if the other side speaks RSTP (mcheck, 17.19.13).
  void check_migration(PortNumber number, TimeMs now);
  /// Takes a BPDU that a port has received. No timer expires in this call, so BPDUs that waited for the caller still
  /// count as received in time.
  void receive(PortNumber number, const Bpdu& bpdu, TimeMs now);
  /// Lets timers expire.
  void advance(TimeMs now);

  /// The time at which the caller must call advance(): no timer expires before. nullopt if no timer runs.
  [[nodiscard]] std::optional<TimeMs> next_deadline() const;
  /// The effects since the last call, in order. A new port is discarding, and there is no effect for this.
  [[nodiscard]] std::vector<Effect> take_effects();

  [[nodiscard]] const BridgeParameters& parameters() const noexcept;
  [[nodiscard]] BridgeStatus status(TimeMs now) const;
  /// The port must exist.
  [[nodiscard]] PortStatus port_status(PortNumber number, TimeMs now) const;

 private:
  std::unique_ptr<Variables> variables_;
};

}  // namespace rb::stp
