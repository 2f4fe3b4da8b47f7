// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/model_bridge.hpp"

#include <algorithm>

namespace rb {

std::vector<const ModelPort*> ModelBridge::port_list(WithHost with_host) const {
  std::vector<const ModelPort*> list;
  list.reserve(ports.size());
  for (const auto& [port_name, port] : ports) {
    if (!port->host || with_host == WithHost::kYes) list.push_back(port.get());
  }
  return list;
}

std::vector<const ModelListener*> ModelBridge::listener_list() const {
  std::vector<const ModelListener*> list;
  list.reserve(listeners.size());
  for (const auto& [listener_name, listener] : listeners) list.push_back(listener.get());
  return list;
}

unsigned ModelBridge::free_port_number() const {
  std::vector<bool> used(ports.size() + 2);
  used[0] = true;  // the bridge's own port
  for (const auto& [port_name, port] : ports) {
    if (port->number < used.size()) used[port->number] = true;
  }
  return static_cast<unsigned>(std::ranges::find(used, false) - used.begin());
}

VidSet ModelBridge::member_vids() const {
  VidSet all;
  for (const auto& [port_name, port] : ports) all |= port->vlans.members;
  return all;
}

}  // namespace rb
