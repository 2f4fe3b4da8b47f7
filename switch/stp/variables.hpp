// SPDX-License-Identifier: GPL-2.0-or-later
// The variables of a bridge and its ports that the state machines share (IEEE 802.1D-2004 17.15 to 17.21), named as the
// standard names them. Private to switch/stp; everybody else sees spanning_tree.hpp.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "switch/stp/spanning_tree.hpp"

namespace rb::stp {

inline constexpr std::int64_t kSecond = 1'000;
inline constexpr std::int64_t kMigrateTime = 3 * kSecond;  // table 17-1

/// A timer of the standard's (17.17), which counts down to zero. Held: some states set a timer to its full value again
/// and again, so that it counts only from when they are left.
class Timer {
 public:
  [[nodiscard]] bool zero() const noexcept { return mode_ == Mode::kZero; }
  [[nodiscard]] bool held_at(std::int64_t value) const noexcept { return mode_ == Mode::kHeld && at_ == value; }
  void start(TimeMs now, std::int64_t value) noexcept { set(value > 0 ? Mode::kRunning : Mode::kZero, now + value); }
  void stop() noexcept { mode_ = Mode::kZero; }
  void hold(std::int64_t value) noexcept { set(Mode::kHeld, value); }
  /// Lets a held one count.
  void release(TimeMs now) noexcept {
    if (mode_ == Mode::kHeld) start(now, at_);
  }
  /// Comes to zero if it is time; true when it just did.
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
  std::int64_t at_ = 0;  // running: when it comes to zero; held: its value
};

/// Where the information of a port comes from (17.19.10).
enum class InfoIs : std::uint8_t { kDisabled, kAged, kMine, kReceived };

/// The states of the machines that have more than their variables tell.
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

/// Of a port (17.19), as BEGIN sets them.
struct PortVariables {
  PortNumber number = 0;
  PortParameters parameters;
  bool port_enabled = false;

  // What was received.
  Bpdu message;  // of rcvdMsg; msgPriority and msgTimes are its
  bool rcvd_bpdu = false, rcvd_rstp = false, rcvd_stp = false, rcvd_msg = false;
  bool rcvd_tc = false, rcvd_tc_ack = false, rcvd_tcn = false;
  bool message_tc = false;       // whether the last message of the designated bridge flagged a topology change
  TimeMs information_since = 0;  // when that was

  // What is known.
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
  Timer tx_tick;            // when tx_count falls by one
  Timer self_looped_while;  // it has heard itself not long ago

  PortStatus counted;  // the counters of it

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
  /// forwardDelay: how long each of the steps to forwarding takes without an agreement.
  [[nodiscard]] std::int64_t step_delay() const noexcept { return send_rstp ? hello_time() : fwd_delay(); }
  [[nodiscard]] std::int64_t edge_delay() const noexcept {
    return parameters.point_to_point ? kMigrateTime : max_age();
  }
  /// What keeps a designated port from forwarding beyond the standard.
  [[nodiscard]] bool held_back() const noexcept { return loop_inconsistent || !self_looped_while.zero(); }
};

/// Of the bridge (17.18).
struct Variables {
  BridgeParameters parameters;
  TimeMs now = 0;
  std::map<PortNumber, PortVariables> ports;
  PriorityVector root_priority;
  Times root_times;
  PortNumber root_port = 0;
  bool reselect = true;      // besides the ports' own: the bridge itself, or the set of ports, has changed
  bool concerns_all = true;  // what other ports look at has changed, so all machines have to be asked again
  TimeMs earliest = 0;       // no timer comes to zero before
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
  /// Whether the root flags a topology change, or with RSTP whether one is going around.
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

// The machines (17.22). Each makes one port's (or the bridge's) next transition and says whether there was one. One
// that changes what other ports look at sets concerns_all.

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
