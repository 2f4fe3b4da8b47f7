// SPDX-License-Identifier: GPL-2.0-or-later
// Port role transitions bring a port into its role, and then to learning and forwarding without a loop (IEEE
// 802.1D-2004 17.29). Each function makes the next transition of one role, if there is one.
#include "switch/stp/variables.hpp"

namespace rb::stp {
namespace {

/// setSyncTree() (17.21.15)
void set_sync_tree(Variables& bridge) {
  for (auto& [number, port] : bridge.ports) port.sync = true;
}

/// setReRootTree() (17.21.16)
void set_re_root_tree(Variables& bridge) {
  for (auto& [number, port] : bridge.ports) port.re_root = true;
}

/// PROPOSED and AGREED of root, alternate and backup ports: all other ports must discard, and the port sends an
/// agreement when they do.
bool answer_proposal(Variables& bridge, PortVariables& port) {
  if (port.proposed && !port.agree) {
    set_sync_tree(bridge);
    port.proposed = false;
    return true;
  }
  // Either the other ports now discard, or the port answers a repeated proposal with the same agreement.
  if (!port.agree && !bridge.all_synced()) return false;
  if (port.agree && !port.proposed) return false;
  port.proposed = port.sync = false;
  port.agree = true;
  port.new_info = true;
  return true;
}

/// Takes the next step of a port that may go on: first LEARN, then FORWARD.
void go_on(const Variables& bridge, PortVariables& port) {
  if (!port.learn) {
    port.learn = true;
    port.fd_while.start(bridge.now, port.step_delay());
  } else {
    port.forward = true;
    port.fd_while.stop();
  }
}

bool become_disabled(PortVariables& port) {
  port.role = port.selected_role;
  port.role_state = RoleState::kDisablePort;
  port.learn = port.forward = false;
  return true;
}

/// In RSTP a port that comes up listens for max age, so that it hears every bridge (17.29.1). In STP it listens for the
/// forward delay (IEEE 802.1D-1998 8.4.2).
std::int64_t first_delay(const Variables& bridge, const PortVariables& port) {
  return bridge.rstp_version() ? port.max_age() : port.fwd_delay();
}

bool disabled_role(const Variables& bridge, PortVariables& port) {
  const bool arrives = port.role_state == RoleState::kDisablePort && !port.learning && !port.forwarding;
  const bool stays = port.role_state == RoleState::kDisabledPort &&
                     (!port.fd_while.held_at(first_delay(bridge, port)) || port.sync || port.re_root || !port.synced);
  if (!arrives && !stays) return false;
  port.role_state = RoleState::kDisabledPort;
  port.fd_while.hold(first_delay(bridge, port));
  port.synced = true;
  port.rr_while.stop();
  port.sync = port.re_root = false;
  return true;
}

bool become_blocked(const Variables& bridge, PortVariables& port) {
  port.role = port.selected_role;
  port.role_state = RoleState::kBlockPort;
  port.learn = port.forward = false;
  if (port.role != PortRole::kBackup) port.rb_while.release(bridge.now);
  return true;
}

bool alternate_role(Variables& bridge, PortVariables& port) {
  const bool arrives = port.role_state == RoleState::kBlockPort && !port.learning && !port.forwarding;
  const bool stays = port.role_state == RoleState::kAlternatePort &&
                     (!port.fd_while.held_at(port.step_delay()) || port.sync || port.re_root || !port.synced);
  if (arrives || stays) {
    port.role_state = RoleState::kAlternatePort;
    port.fd_while.hold(port.step_delay());
    port.synced = true;
    port.rr_while.stop();
    port.sync = port.re_root = false;
    return true;
  }
  if (port.role_state != RoleState::kAlternatePort) return false;
  if (port.role == PortRole::kBackup && !port.rb_while.held_at(2 * port.hello_time())) {
    port.rb_while.hold(2 * port.hello_time());
    return true;
  }
  return answer_proposal(bridge, port);
}

bool become_root_port(const Variables& bridge, PortVariables& port) {
  port.role = PortRole::kRoot;
  port.role_state = RoleState::kRootPort;
  port.fd_while.release(bridge.now);
  port.rb_while.release(bridge.now);
  port.rr_while.hold(port.fwd_delay());
  return true;
}

bool root_role(Variables& bridge, PortVariables& port) {
  if (answer_proposal(bridge, port)) return true;
  if (!port.forward && !port.re_root) {
    set_re_root_tree(bridge);
    return true;
  }
  if (port.re_root && port.forward) {
    port.re_root = false;
    return true;
  }
  if (!port.rr_while.held_at(port.fwd_delay())) {
    port.rr_while.hold(port.fwd_delay());
    return true;
  }
  // A port that hears its own BPDUs is behind a loop, regardless of other bridges there.
  const bool hears_itself = !port.self_looped_while.zero();
  if (hears_itself && port.learn) {
    port.learn = port.forward = false;
    port.fd_while.start(bridge.now, port.step_delay());
    return true;
  }
  if (port.forward || hears_itself) return false;
  // The port goes on at once if no port that was root before can still forward.
  if (!port.fd_while.zero() && !(bridge.rstp_version() && port.rb_while.zero() && bridge.re_rooted(port))) return false;
  go_on(bridge, port);
  return true;
}

bool become_designated_port(const Variables& bridge, PortVariables& port) {
  port.role = PortRole::kDesignated;
  port.role_state = RoleState::kDesignatedPort;
  port.fd_while.release(bridge.now);
  port.rb_while.release(bridge.now);
  port.rr_while.release(bridge.now);
  return true;
}

bool designated_role(const Variables& bridge, PortVariables& port) {
  if (!port.forward && !port.agreed && !port.proposing && !port.oper_edge) {
    port.proposing = true;
    port.edge_delay_while.start(bridge.now, port.edge_delay());
    port.new_info = true;
    return true;
  }
  const bool safe = (!port.learning && !port.forwarding) || port.agreed || port.oper_edge;
  if ((safe && !port.synced) || (port.sync && port.synced)) {
    port.rr_while.stop();
    port.synced = true;
    port.sync = false;
    return true;
  }
  if (port.rr_while.zero() && port.re_root) {
    port.re_root = false;
    return true;
  }
  const bool has_to_stop = (port.sync && !port.synced) || (port.re_root && !port.rr_while.zero()) || port.disputed;
  if ((port.held_back() || (has_to_stop && !port.oper_edge)) && (port.learn || port.forward)) {
    port.learn = port.forward = port.disputed = false;
    port.fd_while.start(bridge.now, port.step_delay());
    return true;
  }
  const bool may_go_on = (port.fd_while.zero() || port.agreed || port.oper_edge) &&
                         (port.rr_while.zero() || !port.re_root) && !port.sync && !port.held_back();
  if (!may_go_on || port.forward) return false;
  go_on(bridge, port);
  if (port.forward) port.agreed = port.send_rstp;
  return true;
}

bool next_transition(Variables& bridge, PortVariables& port) {
  if (port.role != port.selected_role) {
    switch (port.selected_role) {
      case PortRole::kDisabled:
        return become_disabled(port);
      case PortRole::kAlternate:
      case PortRole::kBackup:
        return become_blocked(bridge, port);
      case PortRole::kRoot:
        return become_root_port(bridge, port);
      case PortRole::kDesignated:
        return become_designated_port(bridge, port);
    }
  }
  switch (port.role) {
    case PortRole::kDisabled:
      return disabled_role(bridge, port);
    case PortRole::kAlternate:
    case PortRole::kBackup:
      return alternate_role(bridge, port);
    case PortRole::kRoot:
      return root_role(bridge, port);
    case PortRole::kDesignated:
      return designated_role(bridge, port);
  }
  return false;
}

}  // namespace

bool role_transitions(Variables& bridge, PortVariables& port) {
  if (!port.settled() || !next_transition(bridge, port)) return false;
  bridge.concerns_all = true;  // allSynced and reRooted depend on all ports
  return true;
}

}  // namespace rb::stp
