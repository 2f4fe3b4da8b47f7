// SPDX-License-Identifier: GPL-2.0-or-later
// ModelTables: all bridges, and their ports and listeners by name and by index.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "control/model/index_table.hpp"
#include "control/model/model_bridge.hpp"

namespace rb {

/// Names of ports and listeners are unique over all bridges, and no bridge has the name of one of them.
class ModelTables {
 public:
  /// As many bridges as there are FIDs to tell them apart, within reason.
  static constexpr std::size_t kMaxBridges = 1024;

  ModelTables() : bridge_indexes_(kMaxBridges), port_indexes_(kMaxPorts) {}

  [[nodiscard]] const std::map<std::string, std::unique_ptr<ModelBridge>>& bridges() const noexcept { return bridges_; }
  [[nodiscard]] const std::map<std::string, ModelPort*>& ports() const noexcept { return ports_; }

  /// kNoSuchBridge and kNoSuchPort say how to list those that are there.
  [[nodiscard]] Result<ModelBridge*> bridge(const std::string& name) const;
  [[nodiscard]] Result<ModelPort*> port(const std::string& name) const;
  /// nullptr when there is none.
  [[nodiscard]] ModelListener* listener(const std::string& name) const;
  [[nodiscard]] ModelBridge* bridge_at(BridgeIndex index) const noexcept { return bridge_indexes_.at(index); }
  [[nodiscard]] ModelPort* port_at(PortIndex index) const noexcept { return port_indexes_.at(index); }
  /// The bridge of a port that is in the tables.
  [[nodiscard]] ModelBridge& bridge_of(const ModelPort& port) const noexcept { return *bridge_at(port.bridge); }

  /// Refused when a bridge, a port or a listener has the name.
  [[nodiscard]] Result<> check_free(const std::string& name) const;
  /// kTableFull when all are in use, or still known to a worker.
  [[nodiscard]] Result<PortIndex> free_port_index() const;
  [[nodiscard]] Result<BridgeIndex> free_bridge_index() const;

  ModelBridge& add(std::unique_ptr<ModelBridge> bridge);
  ModelPort& add(ModelBridge& bridge, std::unique_ptr<ModelPort> port);
  ModelListener& add(ModelBridge& bridge, std::unique_ptr<ModelListener> listener);
  /// Takes a bridge out with its ports and listeners, or a port, or a listener. The names are free at once, and the
  /// indexes when free() is called.
  [[nodiscard]] std::unique_ptr<ModelBridge> take_out(ModelBridge& bridge);
  [[nodiscard]] std::unique_ptr<ModelPort> take_out(ModelPort& port);
  [[nodiscard]] std::unique_ptr<ModelListener> take_out(ModelListener& listener);
  void free(const ModelBridge& bridge) { bridge_indexes_.free(bridge.index); }
  void free(const ModelPort& port) { port_indexes_.free(port.index); }

 private:
  std::map<std::string, std::unique_ptr<ModelBridge>> bridges_;
  std::map<std::string, ModelPort*> ports_;  // host ports by their bridge's name
  std::map<std::string, ModelListener*> listeners_;
  IndexTable<ModelBridge> bridge_indexes_;
  IndexTable<ModelPort> port_indexes_;
};

}  // namespace rb
