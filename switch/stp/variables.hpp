// SPDX-License-Identifier: GPL-2.0-or-later
// The state machines share these variables of a bridge and its ports (IEEE 802.1D-2004 17.15 to 17.21). The names are
// those of the standard. This header is private to switch/stp; other code includes spanning_tree.hpp.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "switch/stp/spanning_tree.hpp"

namespace rb::stp {

inline constexpr std::int64_t kSecond = 1'000;
inline constexpr std::int64_t kMigrateTime = 3 * kSecond;  // table 17-1

/// A timer of the standard (17.17) counts down to zero. Some states set a timer to its full value again and again, so
/// that it counts only after the port leaves the state. Here such a timer is "held".
class Timer {
 public:
  [[nodiscard]] bool zero() const noexcept { return mode_ == Mode::kZero; }
  [[nodiscard]] bool held_at(std::int64_t value) const noexcept { return mode_ == Mode::kHeld && at_ == value; }
  void start(TimeMs now, std::int64_t value) noexcept { set(value > 0 ? Mode::kRunning : Mode::kZero, now + value); }
  void stop() noexcept { mode_ = Mode::kZero; }
  void hold(std::int64_t value) noexcept { set(Mode::kHeld, value); }
  /// Lets a held timer count.
  void release(TimeMs now) noexcept {
    if (mode_ == Mode::kHeld) start(now, at_);
  }
  /// Sets the timer to zero if its time has come. True if this call did so.
  bool advance(TimeMs now) noexcept {
    if (mode_ != Mode::kRunning || at_ > now) return false;
    mode_ = Mode::kZero;
    return true;
  }
  [[nodiscard]] std::int64_t left(TimeMs now) const noexcept {
    return mode_ == Mode::kRunning ? std::max<std::int64_t>(at_ - now, 0) : mode_ == Mode::kHeld ? at_ : 0;
  }
  [[nodiscard]] std::optional<TimeMs> deadline() const noexcept {
    return mode_ == Mode::kRunning ? std::optional(at_) : std::nullopt;
  }

 private:
  enum class Mode : std::uint8_t { kZero, kRunning, kHeld };
  void set(Mode mode, std::int64_t at) noexcept {
    mode_ = mode;
    at_ = at;
  }
  Mode mode_ = Mode::kZero;
  std::int64_t at_ = 0;  // running: the time at which the timer reaches zero; held: its value
};

/// The source of a port's information (17.19.10).
enum class InfoIs : std::uint8_t { kDisabled, kAged, kMine, kReceived };

/// These machines have states that do not follow from their variables.
enum class MigrationState : std::uint8_t { kCheckingRstp, kSelectingStp, kSensing };
enum class RoleState : std::uint8_t {
  kDisablePort,
  kDisabledPort,
  kRootPort,
  kDesignatedPort,
  kBlockPort,
  kAlternatePort,
};
enum class TopologyState : std::uint8_t { kInactive, kLearning, kActive };

/// The variables of a port (17.19), with the values that BEGIN sets.
struct PortVariables {
  PortNumber number = 0;
  PortParameters parameters;
  bool port_enabled = false;

  // Received messages.
  Bpdu message;  // the message of rcvdMsg, with msgPriority and msgTimes
  bool rcvd_bpdu = false, rcvd_rstp = false, rcvd_stp = false, rcvd_msg = false;
  bool rcvd_tc = false, rcvd_tc_ack = false, rcvd_tcn = false;
  bool message_tc = false;       // true if the last message of the designated bridge flagged a topology change
  TimeMs information_since = 0;  // the time of that message

  // Information of the port.
  InfoIs info_is = InfoIs::kDisabled;
  PriorityVector port_priority, designated_priority;
  Times port_times, designated_times;
  bool updt_info = false;

  // Roles.
  PortRole role = PortRole::kDisabled, selected_role = PortRole::kDisabled;
  bool reselect = true, selected = false;
  RoleState role_state = RoleState::kDisablePort;
  bool learn = false, learning = false, forward = false, forwarding = false;
  bool proposed = false, proposing = false, agree = false, agreed = false, disputed = false;
  bool sync = true, synced = false, re_root = true;
  bool oper_edge = false;
  bool loop_inconsistent = false;

  // Topology changes.
  TopologyState topology_state = TopologyState::kInactive;
  bool tc_prop = false, tc_ack = false;

  // Protocol migration and transmission.
  MigrationState migration_state = MigrationState::kCheckingRstp;
  bool mcheck = false, send_rstp = true;
  bool new_info = true;
  unsigned tx_count = 0;

  Timer edge_delay_while, fd_while, hello_when, mdelay_while, rb_while, rcvd_info_while, rr_while, tc_while;
  Timer tx_tick;            // at zero, tx_count falls by one
  Timer self_looped_while;  // runs while the port has recently heard its own BPDUs

  PortStatus counted;  // only the counters are used

  template <typename Visit>
  void each_timer(Visit visit) {
    for (Timer* timer : {&edge_delay_while, &fd_while, &hello_when, &mdelay_while, &rb_while, &rcvd_info_while,
                         &rr_while, &tc_while, &tx_tick, &self_looped_while})
      visit(*timer);
  }

  // Conditions (17.20).
  [[nodiscard]] bool admin_edge() const noexcept { return parameters.edge == Choice::kOn; }
  [[nodiscard]] bool auto_edge() const noexcept { return parameters.edge == Choice::kAuto; }
  [[nodiscard]] bool settled() const noexcept { return selected && !updt_info; }
  [[nodiscard]] std::int64_t fwd_delay() const noexcept { return designated_times.forward_delay; }
  [[nodiscard]] std::int64_t max_age() const noexcept { return designated_times.max_age; }
  [[nodiscard]] std::int64_t hello_time() const noexcept { return designated_times.hello; }
  /// forwardDelay: the duration of each step to forwarding without an agreement.
  [[nodiscard]] std::int64_t step_delay() const noexcept { return send_rstp ? hello_time() : fwd_delay(); }
  [[nodiscard]] std::int64_t edge_delay() const noexcept {
    return parameters.point_to_point ? kMigrateTime : max_age();
  }
  /// True if a rule beyond the standard keeps a designated port from forwarding.
  [[nodiscard]] bool held_back() const noexcept { return loop_inconsistent || !self_looped_while.zero(); }
};

/// The variables of the bridge (17.18).
struct Variables {
  BridgeParameters parameters;
  TimeMs now = 0;
  std::map<PortNumber, PortVariables> ports;
  PriorityVector root_priority;
  Times root_times;
  PortNumber root_port = 0;
  bool reselect = true;      // the bridge itself, or the set of ports, has changed; ports have a flag of their own
  bool concerns_all = true;  // a variable that other ports read has changed, so the machines of all ports must run
  TimeMs earliest = 0;       // no timer reaches zero before this time
  bool short_ageing = false;
  std::uint64_t topology_changes = 0;
  std::optional<TimeMs> last_topology_change;
  std::vector<Effect> effects;

  [[nodiscard]] bool rstp_version() const noexcept { return parameters.protocol == Protocol::kRstp; }
  [[nodiscard]] bool is_root() const noexcept { return root_port == 0; }
  [[nodiscard]] Times bridge_times() const noexcept {
    return {.message_age = 0,
            .max_age = parameters.max_age,
            .hello = parameters.hello,
            .forward_delay = parameters.forward_delay};
  }
  [[nodiscard]] PriorityVector bridge_priority() const noexcept {
    return {.root = parameters.id, .root_path_cost = 0, .designated_bridge = parameters.id, .designated_port = 0};
  }
  /// True if the root flags a topology change, or with RSTP if a change is going around.
  [[nodiscard]] bool topology_change() const noexcept {
    const bool here = std::ranges::any_of(ports, [](const auto& entry) { return !entry.second.tc_while.zero(); });
    return rstp_version() || is_root() ? here : ports.at(root_port).message_tc;
  }
  /// allSynced (17.20.3).
  [[nodiscard]] bool all_synced() const noexcept {
    return std::ranges::all_of(ports, [](const auto& entry) {
      const PortVariables& port = entry.second;
      return port.settled() && port.role == port.selected_role && (port.synced || port.role == PortRole::kRoot);
    });
  }
  /// reRooted (17.20.10).
  [[nodiscard]] bool re_rooted(const PortVariables& but) const noexcept {
    return std::ranges::all_of(
        ports, [&](const auto& entry) { return &entry.second == &but || entry.second.rr_while.zero(); });
  }
};

// The machines (17.22). Each function makes the next transition of one port (or of the bridge), and returns true if
// there was one. A machine that changes a variable that other ports read sets concerns_all.

bool protocol_migration(Variables& bridge, PortVariables& port);
bool port_receive(Variables& bridge, PortVariables& port);
bool bridge_detection(PortVariables& port);
bool port_information(Variables& bridge, PortVariables& port);
bool role_selection(Variables& bridge);
bool role_transitions(Variables& bridge, PortVariables& port);
bool state_transition(Variables& bridge, PortVariables& port);
bool topology_change(Variables& bridge, PortVariables& port);
bool port_transmit(Variables& bridge, PortVariables& port);

}  // namespace rb::stp
