// SPDX-License-Identifier: GPL-2.0-or-later
// Topology change makes bridges forget stations that may have moved (IEEE 802.1D-2004 17.31).
//
// In STP (force protocol version 0) only the root flags a change, for the time of IEEE 802.1D-1998 8.5.3.13. The other
// bridges send notifications towards the root until they are acknowledged. No bridge flushes; instead all bridges age
// their stations faster while the root flags the change.
#include "switch/stp/variables.hpp"

namespace rb::stp {
namespace {

bool is_active(const PortVariables& port) {
  return port.role == PortRole::kRoot || port.role == PortRole::kDesignated;
}

void forget_news(PortVariables& port) {
  port.rcvd_tc = port.rcvd_tcn = port.rcvd_tc_ack = port.tc_prop = false;
}

/// newTcWhile() (17.21.7)
void new_tc_while(const Variables& bridge, PortVariables& port) {
  if (bridge.rstp_version()) {
    if (!port.tc_while.zero()) return;
    if (port.send_rstp) {
      port.tc_while.start(bridge.now, port.hello_time() + kSecond);
      port.new_info = true;
    } else {
      port.tc_while.start(bridge.now, bridge.root_times.max_age + bridge.root_times.forward_delay);
    }
    return;
  }
  // The port repeats its notification every hello time, not for each notification that comes in (IEEE 802.1D-1998
  // 8.6.10).
  if (!bridge.is_root() && (port.role != PortRole::kRoot || !port.tc_while.zero())) return;
  port.tc_while.start(bridge.now, bridge.root_times.max_age + bridge.root_times.forward_delay);
  port.new_info = true;
  if (port.role == PortRole::kRoot) port.hello_when.stop();  // the first notification leaves at once
}

/// setTcPropTree() (17.21.18) tells all other ports of a change.
void set_tc_prop_tree(Variables& bridge, const PortVariables& from) {
  for (auto& [number, port] : bridge.ports) port.tc_prop = port.tc_prop || &port != &from;
  bridge.concerns_all = true;
  // Several messages flag one change, and they come a hello time apart.
  const std::int64_t pause = 2 * bridge.root_times.hello + kSecond;
  if (!bridge.last_topology_change || bridge.now - *bridge.last_topology_change > pause) ++bridge.topology_changes;
  bridge.last_topology_change = bridge.now;
}

void flush(Variables& bridge, const PortVariables& port) {
  bridge.effects.emplace_back(FlushPort{port.number});
}

bool active(Variables& bridge, PortVariables& port) {
  if (!is_active(port) || port.oper_edge) {
    port.topology_state = TopologyState::kLearning;
    forget_news(port);
    return true;
  }
  if (port.rcvd_tcn || port.rcvd_tc) {
    if (port.rcvd_tcn) new_tc_while(bridge, port);
    port.rcvd_tcn = port.rcvd_tc = false;
    if (port.role == PortRole::kDesignated) port.tc_ack = true;
    set_tc_prop_tree(bridge, port);
    return true;
  }
  if (port.tc_prop) {
    new_tc_while(bridge, port);
    if (bridge.rstp_version()) flush(bridge, port);
    port.tc_prop = false;
    return true;
  }
  if (!port.rcvd_tc_ack) return false;
  port.tc_while.stop();
  port.rcvd_tc_ack = false;
  return true;
}

}  // namespace

bool topology_change(Variables& bridge, PortVariables& port) {
  const bool news = port.rcvd_tc || port.rcvd_tcn || port.rcvd_tc_ack || port.tc_prop;
  switch (port.topology_state) {
    case TopologyState::kInactive:
      if (!port.learn) {
        forget_news(port);
        return false;
      }
      port.topology_state = TopologyState::kLearning;
      forget_news(port);
      return true;
    case TopologyState::kLearning:
      if (is_active(port) && port.forward && !port.oper_edge) {
        port.topology_state = TopologyState::kActive;
        new_tc_while(bridge, port);
        set_tc_prop_tree(bridge, port);
        port.new_info = true;
        return true;
      }
      if (news) {
        forget_news(port);
        return true;
      }
      if (is_active(port) || port.learn || port.learning) return false;
      port.topology_state = TopologyState::kInactive;
      port.tc_while.stop();
      port.tc_ack = false;
      flush(bridge, port);
      return true;
    case TopologyState::kActive:
      return active(bridge, port);
  }
  return false;
}

}  // namespace rb::stp
