// SPDX-License-Identifier: GPL-2.0-or-later
// Port information keeps what a port knows about the best bridge on its LAN, until it is too old (IEEE 802.1D-2004
// 17.27).
#include <utility>

#include "switch/stp/variables.hpp"

namespace rb::stp {
namespace {

/// The value of a message to a port (17.21.8).
enum class ReceivedInfo : std::uint8_t {
  kSuperiorDesignated,
  kRepeatedDesignated,
  kInferiorDesignated,
  kInferiorRootAlternate,
  kOther,
};

/// The message is better, or comes from the port that is the designated port of this LAN (17.6).
bool is_superior(const PriorityVector& message, const PriorityVector& known) {
  return message < known || (message.designated_bridge.address() == known.designated_bridge.address() &&
                             message.designated_port == known.designated_port);
}

ReceivedInfo rcv_info(const PortVariables& port) {
  const Bpdu& message = port.message;
  if (message.kind == Bpdu::Kind::kTopologyChangeNotification) return ReceivedInfo::kOther;
  switch (message.role) {
    case PortRole::kDesignated:
      if (message.priority == port.port_priority) {
        // Information that has aged in between counts as new.
        return message.times == port.port_times && port.info_is == InfoIs::kReceived
                   ? ReceivedInfo::kRepeatedDesignated
                   : ReceivedInfo::kSuperiorDesignated;
      }
      return is_superior(message.priority, port.port_priority) ? ReceivedInfo::kSuperiorDesignated
                                                               : ReceivedInfo::kInferiorDesignated;
    case PortRole::kRoot:
    case PortRole::kAlternate:
    case PortRole::kBackup:
      return message.priority >= port.port_priority ? ReceivedInfo::kInferiorRootAlternate : ReceivedInfo::kOther;
    case PortRole::kDisabled:
      return ReceivedInfo::kOther;
  }
  return ReceivedInfo::kOther;
}

/// 17.21.10
void record_proposal(PortVariables& port) {
  if (port.message.role == PortRole::kDesignated && port.message.proposal) port.proposed = true;
}

/// 17.21.9
void record_agreement(const Variables& bridge, PortVariables& port) {
  port.agreed = bridge.rstp_version() && port.parameters.point_to_point && port.message.agreement;
  if (port.agreed) port.proposing = false;
}

/// 17.21.17
void set_tc_flags(PortVariables& port) {
  if (port.message.topology_change_ack) port.rcvd_tc_ack = true;
  if (port.message.topology_change && !port.parameters.restricted_tcn) port.rcvd_tc = true;
}

/// 17.21.23. STP keeps information for max age less its message age (IEEE 802.1D-1998 8.5.6.2).
void updt_rcvd_info_while(Variables& bridge, PortVariables& port) {
  const Times& times = port.port_times;
  const std::int64_t lasts = times.message_age + kSecond > times.max_age ? 0
                             : bridge.rstp_version()                     ? 3 * times.hello
                                                                         : times.max_age - times.message_age;
  port.rcvd_info_while.start(bridge.now, lasts);
  port.information_since = bridge.now;
  port.message_tc = port.message.topology_change && !port.parameters.restricted_tcn;
  if (bridge.rstp_version() || port.role != PortRole::kRoot) return;
  // STP's designated ports pass on the root's message at once (IEEE 802.1D-1998 8.6.4).
  bridge.concerns_all = true;
  for (auto& [number, other] : bridge.ports) {
    if (other.role == PortRole::kDesignated) other.new_info = true;
  }
}

/// True if the port's own information, or the received message, is at least as good as the port's present information
/// (17.21.1).
bool better_or_same_info(const PortVariables& port, InfoIs new_info_is) {
  if (port.info_is != new_info_is) return false;
  return (new_info_is == InfoIs::kReceived ? port.message.priority : port.designated_priority) <= port.port_priority;
}

void ask_for_roles(PortVariables& port) {
  port.reselect = true;
  port.selected = false;
}

void superior_designated(Variables& bridge, PortVariables& port) {
  port.agreed = port.proposing = false;
  record_proposal(port);
  set_tc_flags(port);
  port.agree = port.agree && better_or_same_info(port, InfoIs::kReceived);
  record_agreement(bridge, port);
  port.synced = port.synced && port.agreed;
  port.port_priority = port.message.priority;
  port.port_times = port.message.times;
  updt_rcvd_info_while(bridge, port);
  port.info_is = InfoIs::kReceived;
  ask_for_roles(port);
}

void receive(Variables& bridge, PortVariables& port) {
  port.rcvd_msg = false;
  port.loop_inconsistent = false;
  switch (rcv_info(port)) {
    case ReceivedInfo::kSuperiorDesignated:
      return superior_designated(bridge, port);
    case ReceivedInfo::kRepeatedDesignated:
      record_proposal(port);
      set_tc_flags(port);
      record_agreement(bridge, port);
      return updt_rcvd_info_while(bridge, port);
    case ReceivedInfo::kInferiorDesignated:
      // A neighbour that claims to be designated and already learns does not hear us (recordDispute(), 17.21.11).
      if (port.message.kind == Bpdu::Kind::kRapid && port.message.learning) {
        port.disputed = true;
        port.agreed = false;
      }
      // STP answers an inferior message at once (IEEE 802.1D-1998 8.6.1.3.3).
      if (!bridge.rstp_version()) port.new_info = true;
      return;
    case ReceivedInfo::kInferiorRootAlternate:
      record_agreement(bridge, port);
      return set_tc_flags(port);
    case ReceivedInfo::kOther:
      // A notification is for the designated port of the LAN (IEEE 802.1D-1998 8.6.14). By the letter of 17.31 every
      // port would act on it, and two root ports on a shared LAN would answer each other for ever.
      if (port.message.kind == Bpdu::Kind::kTopologyChangeNotification && !port.parameters.restricted_tcn &&
          port.role == PortRole::kDesignated)
        port.rcvd_tcn = true;
      return;
  }
}

}  // namespace

bool port_information(Variables& bridge, PortVariables& port) {
  if (!port.port_enabled) {
    if (port.info_is == InfoIs::kDisabled) return std::exchange(port.rcvd_msg, false);
    port.rcvd_msg = port.proposing = port.proposed = port.agree = port.agreed = false;
    port.loop_inconsistent = false;
    port.rcvd_info_while.stop();
    port.self_looped_while.stop();
    port.info_is = InfoIs::kDisabled;
    ask_for_roles(port);
    return true;
  }
  if (port.info_is == InfoIs::kDisabled) {
    port.info_is = InfoIs::kAged;
    ask_for_roles(port);
    return true;
  }
  if (port.selected && port.updt_info) {
    port.proposing = port.proposed = false;
    port.agreed = port.agreed && better_or_same_info(port, InfoIs::kMine);
    port.synced = port.synced && port.agreed;
    port.port_priority = port.designated_priority;
    port.port_times = port.designated_times;
    port.updt_info = false;
    port.info_is = InfoIs::kMine;
    port.new_info = true;
    return true;
  }
  if (port.info_is == InfoIs::kAged || port.updt_info) return false;
  if (port.rcvd_msg) {
    receive(bridge, port);
    return true;
  }
  if (port.info_is != InfoIs::kReceived || !port.rcvd_info_while.zero()) return false;
  port.info_is = InfoIs::kAged;
  port.loop_inconsistent = port.parameters.loop_guard;
  ask_for_roles(port);
  return true;
}

}  // namespace rb::stp
