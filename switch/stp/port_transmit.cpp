// SPDX-License-Identifier: GPL-2.0-or-later
// Port transmit sends the information of a port when it is new and every hello time, but not too often (IEEE
// 802.1D-2004 17.26).
#include "switch/stp/variables.hpp"

namespace rb::stp {
namespace {

/// True if the port sends at hello times. A designated port always does, and a root port does while the topology
/// changes. STP's designated ports send when the root's message arrives (IEEE 802.1D-1998 8.6.4): with a timer of their
/// own they would send twice.
bool speaks_regularly(const Variables& bridge, const PortVariables& port) {
  if (port.role == PortRole::kDesignated) return bridge.rstp_version() || bridge.is_root();
  return port.role == PortRole::kRoot && !port.tc_while.zero();
}

/// The age of the root's information at this bridge. STP adds it to the message age (IEEE 802.1D-1998 8.6.1.3.2).
std::int64_t age_of_information(const Variables& bridge) {
  if (bridge.rstp_version() || bridge.is_root()) return 0;
  return bridge.now - bridge.ports.at(bridge.root_port).information_since;
}

Bpdu configuration(const Variables& bridge, const PortVariables& port) {
  const bool flagged = bridge.rstp_version() ? !port.tc_while.zero() : bridge.topology_change();
  Bpdu bpdu;
  bpdu.kind = Bpdu::Kind::kConfiguration;
  bpdu.priority = port.designated_priority;
  bpdu.times = port.designated_times;
  bpdu.times.message_age += age_of_information(bridge);
  bpdu.topology_change = flagged;
  bpdu.topology_change_ack = port.tc_ack;
  return bpdu;
}

Bpdu notification() {
  Bpdu bpdu;
  bpdu.kind = Bpdu::Kind::kTopologyChangeNotification;
  bpdu.role = PortRole::kDisabled;
  bpdu.times = {.message_age = 0, .max_age = 0, .hello = 0, .forward_delay = 0};
  return bpdu;
}

Bpdu rapid(const PortVariables& port) {
  Bpdu bpdu;
  bpdu.kind = Bpdu::Kind::kRapid;
  bpdu.priority = port.designated_priority;
  bpdu.times = port.designated_times;
  bpdu.role = port.role;
  bpdu.topology_change = !port.tc_while.zero();
  bpdu.proposal = port.proposing;
  bpdu.agreement = port.agree;
  bpdu.learning = port.learning;
  bpdu.forwarding = port.forwarding;
  return bpdu;
}

void send(Variables& bridge, PortVariables& port, const Bpdu& bpdu) {
  port.new_info = false;
  port.hello_when.start(bridge.now, port.hello_time());
  ++port.counted.sent;
  if (bpdu.kind == Bpdu::Kind::kTopologyChangeNotification || bpdu.topology_change) ++port.counted.sent_tcn;
  bridge.effects.emplace_back(SendBpdu{port.number, bpdu});
}

void count_towards_hold(const Variables& bridge, PortVariables& port) {
  ++port.tx_count;
  if (port.tx_tick.zero()) port.tx_tick.start(bridge.now, kSecond);
}

}  // namespace

bool port_transmit(Variables& bridge, PortVariables& port) {
  if (!port.port_enabled || !port.settled() || port.role == PortRole::kDisabled) {
    port.hello_when.stop();
    port.new_info = port.new_info || !port.port_enabled;
    return false;
  }
  const bool hello_is_due = port.hello_when.zero();
  if (!speaks_regularly(bridge, port)) {
    port.hello_when.stop();
  } else if (hello_is_due) {
    port.hello_when.start(bridge.now, port.hello_time());
    port.new_info = true;
  }
  if (!port.new_info) return false;
  // In STP a root port sends notifications of topology changes only, and other ports than designated ones send nothing.
  const bool notifies = !port.send_rstp && port.role != PortRole::kDesignated;
  // STP's notifications are repeated every hello time and are not held (IEEE 802.1D-1998 8.6.10); its configuration
  // messages have a hold time of a second (8.5.7.1).
  const bool counts = bridge.rstp_version() || !notifies;
  if (notifies && (port.role != PortRole::kRoot || port.tc_while.zero() || !(counts || hello_is_due))) {
    port.new_info = false;
    return false;
  }
  if (counts && port.tx_count >= (bridge.rstp_version() ? bridge.parameters.tx_hold_count : 1)) return false;
  if (notifies) {
    send(bridge, port, notification());
    if (counts) count_towards_hold(bridge, port);
    return true;
  }
  if (port.send_rstp) {
    send(bridge, port, rapid(port));
  } else {
    const Bpdu message = configuration(bridge, port);
    // Every receiver would ignore the message as too old.
    if (message.times.message_age >= message.times.max_age) {
      port.new_info = false;
      return false;
    }
    send(bridge, port, message);
  }
  count_towards_hold(bridge, port);
  port.tc_ack = false;
  return true;
}

}  // namespace rb::stp
