// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/model_tables.hpp"

#include <fmt/core.h>

namespace rb {

Result<ModelBridge*> ModelTables::bridge(const std::string& name) const {
  const auto found = bridges_.find(name);
  if (found != bridges_.end()) return found->second.get();
  return fail(ErrorCode::kNoSuchBridge, fmt::format("bridge {} does not exist; 'rbctl show' lists the bridges", name),
              name);
}

Result<ModelPort*> ModelTables::port(const std::string& name) const {
  const auto found = ports_.find(name);
  if (found != ports_.end()) return found->second;
  return fail(ErrorCode::kNoSuchPort, fmt::format("{} is not a port of any bridge; 'rbctl show' lists the ports", name),
              name);
}

ModelListener* ModelTables::listener(const std::string& name) const {
  const auto found = listeners_.find(name);
  return found == listeners_.end() ? nullptr : found->second;
}

Result<> ModelTables::check_free(const std::string& name) const {
  if (bridges_.contains(name)) {
    return fail(ErrorCode::kIsBridge, fmt::format("{} is a bridge itself; a bridge cannot be a port of a bridge", name),
                name);
  }
  const auto port = ports_.find(name);
  const ModelListener* const its_listener = listener(name);
  if (port == ports_.end() && its_listener == nullptr) return {};
  const BridgeIndex bridge = port != ports_.end() ? port->second->bridge : its_listener->bridge;
  return fail(ErrorCode::kAlreadyMember,
              fmt::format("{} is a port of bridge {} already; 'delif' takes it out", name, bridge_at(bridge)->name),
              name);
}

Result<PortIndex> ModelTables::free_port_index() const {
  if (const auto free = port_indexes_.find_free()) return static_cast<PortIndex>(*free);
  return fail(ErrorCode::kTableFull, fmt::format("there are {} ports, and no more are possible", kMaxPorts));
}

Result<BridgeIndex> ModelTables::free_bridge_index() const {
  if (const auto free = bridge_indexes_.find_free()) return static_cast<BridgeIndex>(*free);
  return fail(ErrorCode::kTableFull, fmt::format("there are {} bridges, and no more are possible", kMaxBridges));
}

ModelBridge& ModelTables::add(std::unique_ptr<ModelBridge> bridge) {
  ModelBridge& kept = *bridge;
  bridge_indexes_.put(kept.index, kept);
  bridges_[kept.name] = std::move(bridge);
  return kept;
}

ModelPort& ModelTables::add(ModelBridge& bridge, std::unique_ptr<ModelPort> port) {
  ModelPort& kept = *port;
  port_indexes_.put(kept.index, kept);
  ports_[kept.name] = &kept;
  bridge.vlans_stale = true;
  bridge.ports[kept.name] = std::move(port);
  return kept;
}

ModelListener& ModelTables::add(ModelBridge& bridge, std::unique_ptr<ModelListener> listener) {
  ModelListener& kept = *listener;
  listeners_[kept.name] = &kept;
  bridge.listeners[kept.name] = std::move(listener);
  return kept;
}

std::unique_ptr<ModelBridge> ModelTables::take_out(ModelBridge& bridge) {
  for (const auto& [name, port] : bridge.ports) {
    port_indexes_.leave(port->index);
    ports_.erase(name);
  }
  for (const auto& [name, listener] : bridge.listeners) listeners_.erase(name);
  bridge_indexes_.leave(bridge.index);
  return std::move(bridges_.extract(bridge.name).mapped());
}

std::unique_ptr<ModelPort> ModelTables::take_out(ModelPort& port) {
  ModelBridge& bridge = bridge_of(port);
  bridge.vlans_stale = true;
  port_indexes_.leave(port.index);
  ports_.erase(port.name);
  return std::move(bridge.ports.extract(port.name).mapped());
}

std::unique_ptr<ModelListener> ModelTables::take_out(ModelListener& listener) {
  ModelBridge& bridge = *bridge_at(listener.bridge);
  listeners_.erase(listener.name);
  return std::move(bridge.listeners.extract(listener.name).mapped());
}

}  // namespace rb
