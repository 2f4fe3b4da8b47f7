// SPDX-License-Identifier: GPL-2.0-or-later
// Port role selection gives each port its role (IEEE 802.1D-2004 17.28).
#include "switch/stp/variables.hpp"

namespace rb::stp {
namespace {

/// The best path to a root so far.
struct RootPath {
  PriorityVector priority;
  PortId receiving_port;
  auto operator<=>(const RootPath&) const = default;
};

/// A bridge sends the message age that it received plus one second, in whole seconds (17.21.25 c).
Times one_bridge_further(Times times) {
  times.message_age = (times.message_age + kSecond + kSecond / 2) / kSecond * kSecond;
  return times;
}

PortRole role_of(const Variables& bridge, const PortVariables& port) {
  switch (port.info_is) {
    case InfoIs::kDisabled:
      return PortRole::kDisabled;
    case InfoIs::kAged:
    case InfoIs::kMine:
      return PortRole::kDesignated;
    case InfoIs::kReceived:
      break;
  }
  if (port.number == bridge.root_port) return PortRole::kRoot;
  if (port.designated_priority < port.port_priority) return PortRole::kDesignated;
  const bool ours = port.port_priority.designated_bridge.address() == bridge.parameters.id.address();
  return ours ? PortRole::kBackup : PortRole::kAlternate;
}

bool has_to_update(const PortVariables& port) {
  switch (port.info_is) {
    case InfoIs::kDisabled:
      return false;
    case InfoIs::kAged:
      return true;
    case InfoIs::kMine:
      return port.port_priority != port.designated_priority || port.port_times != port.designated_times;
    case InfoIs::kReceived:
      return port.selected_role == PortRole::kDesignated;
  }
  return false;
}

/// 17.21.25
void updt_roles_tree(Variables& bridge) {
  RootPath best{bridge.bridge_priority(), 0};
  bridge.root_port = 0;
  for (const auto& [number, port] : bridge.ports) {
    if (port.info_is != InfoIs::kReceived || port.parameters.restricted_role) continue;
    if (port.port_priority.designated_bridge.address() == bridge.parameters.id.address()) continue;
    RootPath path{port.port_priority, port.parameters.id};
    // A path cost that does not fit into the field cannot be sent, so there is no such path.
    if (__builtin_add_overflow(path.priority.root_path_cost, port.parameters.path_cost, &path.priority.root_path_cost))
      continue;
    if (path >= best) continue;
    best = path;
    bridge.root_port = number;
  }
  bridge.root_priority = best.priority;
  bridge.root_times =
      bridge.is_root() ? bridge.bridge_times() : one_bridge_further(bridge.ports.at(bridge.root_port).port_times);
  for (auto& [number, port] : bridge.ports) {
    port.designated_priority = {.root = best.priority.root,
                                .root_path_cost = best.priority.root_path_cost,
                                .designated_bridge = bridge.parameters.id,
                                .designated_port = port.parameters.id};
    port.designated_times = bridge.root_times;
    // STP uses the hello time of the root (IEEE 802.1D-1998 8.5.1.4), and RSTP that of each bridge.
    if (bridge.rstp_version()) port.designated_times.hello = bridge.parameters.hello;
    port.selected_role = role_of(bridge, port);
    port.updt_info = has_to_update(port);
  }
}

}  // namespace

bool role_selection(Variables& bridge) {
  bool wanted = bridge.reselect;
  for (const auto& [number, port] : bridge.ports) wanted = wanted || port.reselect;
  if (!wanted) return false;
  bridge.reselect = false;
  bridge.concerns_all = true;
  updt_roles_tree(bridge);
  for (auto& [number, port] : bridge.ports) {
    port.reselect = false;
    port.selected = true;
  }
  return true;
}

}  // namespace rb::stp
