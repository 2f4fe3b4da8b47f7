// SPDX-License-Identifier: GPL-2.0-or-later
// SpanningTree: one bridge's part in the spanning tree protocols, RSTP and STP (IEEE 802.1D-2004 17).
//
// How it works. The standard's nine state machines run over the variables of a bridge and its ports (variables.hpp);
// each machine is a file named after it (port_information.cpp, role_transitions.cpp, ...), and run() lets them take
// turns until none can move. Time is handed in, milliseconds of whatever clock the caller has, never going back; the
// standard's timers, which count seconds down, are deadlines of that clock here, so nothing ticks while nothing
// happens: next_deadline() says when advance() has something to do. What is to be done outside, BPDUs that leave, ports
// whose state changes, stations to forget, is returned as values, in order, by take_effects().
//
// STP. With Protocol::kStp (force protocol version 0) the same machines speak configuration messages and topology
// change notifications alone, and keep to the times of IEEE 802.1D-1998, which the kernel's bridge and its likes go by:
// what was heard is kept for max age less the age of the message, a configuration message tells for how long its sender
// has known, it is passed on at once and then not again for the hold time of a second; the flag of a topology change is
// the root's alone. A port at which the other side turns out to speak STP speaks it too, whatever the bridge does.
//
// Beyond the standard, for a bridge is wired by people: a root guard (restricted role, 17.21.25, Linux root_block), a
// loop guard, and a port that hears itself is kept from forwarding (self_looped).
//
// Bounds. Nothing here grows with what is received: a BPDU changes the variables of one port. All functions: one
// thread.
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

/// Within its bridge, from 1.
using PortNumber = std::uint16_t;

enum class Protocol : std::uint8_t { kStp, kRstp };

/// Of the bridge; what it makes of them if it is the root, and what others are told then.
struct BridgeParameters {
  BridgeId id;
  Protocol protocol = Protocol::kRstp;
  std::int64_t max_age = 20'000, hello = 2'000, forward_delay = 15'000;  // milliseconds
  unsigned tx_hold_count = 6;  // BPDUs that a port may send at once; one more each second (17.13.12)

  bool operator==(const BridgeParameters&) const = default;
};

/// What somebody may force, or leave to be found out.
enum class Choice : std::uint8_t { kOff, kOn, kAuto };

/// Of a port.
struct PortParameters {
  PortId id = 0;
  std::uint32_t path_cost = 2;
  Choice edge = Choice::kAuto;   // AdminEdge and AutoEdge (17.13.1, 17.13.3): an edge port forwards at once
  bool point_to_point = true;    // operPointToPointMAC: there is one other bridge at most, and agreements count
  bool restricted_role = false;  // never the root port (17.13.14)
  bool restricted_tcn = false;   // topology changes that it hears of stay here (17.13.15)
  bool loop_guard = false;       // what was heard and then is not any more makes it no designated port that forwards

  bool operator==(const PortParameters&) const = default;
};

/// What may pass a port.
enum class PortState : std::uint8_t { kDiscarding, kLearning, kForwarding };
[[nodiscard]] std::string_view port_state_name(PortState state) noexcept;

/// A BPDU has to leave by a port, now.
struct SendBpdu {
  PortNumber port;
  Bpdu bpdu;
};
/// What may pass a port has changed.
struct SetPortState {
  PortNumber port;
  PortState state;
};
/// What was learned behind a port is to be forgotten.
struct FlushPort {
  PortNumber port;
};
/// Stations are to be forgotten when they have not been heard for the forward delay, or no longer (17.19.1).
struct SetShortAgeing {
  bool on;
};
using Effect = std::variant<SendBpdu, SetPortState, FlushPort, SetShortAgeing>;

/// What a user may want to know of the bridge. Timers: milliseconds that are left, 0 when not running.
struct BridgeStatus {
  BridgeId id, root;
  PortNumber root_port = 0;  // 0: it is the root
  std::uint32_t root_path_cost = 0;
  Times times;                            // of the root
  bool topology_change = false;           // flagged by the root, or while it goes around
  bool topology_change_detected = false;  // and still has to be told to the root
  std::int64_t hello_timer = 0, tcn_timer = 0, topology_change_timer = 0;
  std::uint64_t topology_changes = 0;                 // that were detected here or heard of
  std::optional<std::int64_t> since_topology_change;  // milliseconds
};

/// Of a port.
struct PortStatus {
  bool enabled = false;
  PortRole role = PortRole::kDisabled;
  PortState state = PortState::kDiscarding;
  bool waiting = false;       // discarding, but on the way to forwarding: STP's listening
  PriorityVector designated;  // what the port knows to be best on its LAN
  bool edge = false, point_to_point = false;
  bool sends_rstp = false;
  bool proposing = false, agreed = false, disputed = false;
  bool root_guarded = false;       // it would be the root port, and may not
  bool loop_inconsistent = false;  // the loop guard holds it back
  bool self_looped = false;        // it hears itself
  bool config_pending = false;     // a BPDU waits until it may be sent
  bool topology_change_ack = false;
  std::int64_t message_age_timer = 0, forward_delay_timer = 0, hold_timer = 0;
  std::uint64_t received = 0, sent = 0;          // BPDUs
  std::uint64_t received_tcn = 0, sent_tcn = 0;  // of them, with news of topology changes
  std::uint64_t ignored = 0;                     // own ones, rapid ones while the bridge speaks STP, or while disabled
  std::uint64_t transitions = 0;                 // to forwarding
};

struct Variables;

class SpanningTree {
 public:
  SpanningTree(const BridgeParameters& parameters, TimeMs now);
  ~SpanningTree();
  SpanningTree(SpanningTree&&) noexcept;
  SpanningTree& operator=(SpanningTree&&) noexcept;

  /// A change of protocol begins everything anew, as after a restart.
  void set_parameters(const BridgeParameters& parameters, TimeMs now);
  /// Numbers are unique; a port is disabled at first.
  void add_port(PortNumber number, const PortParameters& parameters, TimeMs now);
  void set_port(PortNumber number, const PortParameters& parameters, TimeMs now);
  void remove_port(PortNumber number, TimeMs now);
  /// Whether frames can pass its device at all (MAC_Operational), and nobody has switched it off
  /// (portEnabled, 17.19.18).
  void set_enabled(PortNumber number, bool enabled, TimeMs now);
  /// Finds out anew whether the other side speaks RSTP (mcheck, 17.19.13).
  void check_migration(PortNumber number, TimeMs now);
  /// A BPDU has come in. No timer expires by this: BPDUs that have waited while nobody called advance() have come in
  /// time.
  void receive(PortNumber number, const Bpdu& bpdu, TimeMs now);
  /// Lets timers expire.
  void advance(TimeMs now);

  /// No timer expires before; advance() is to be called then. nullopt: none runs.
  [[nodiscard]] std::optional<TimeMs> next_deadline() const;
  /// What is to be done since the last call, in order. Every state begins as discarding without being told.
  [[nodiscard]] std::vector<Effect> take_effects();

  [[nodiscard]] const BridgeParameters& parameters() const noexcept;
  [[nodiscard]] BridgeStatus status(TimeMs now) const;
  /// The port must be there.
  [[nodiscard]] PortStatus port_status(PortNumber number, TimeMs now) const;

 private:
  std::unique_ptr<Variables> variables_;
};

}  // namespace rb::stp
