// SPDX-License-Identifier: GPL-2.0-or-later
// SwitchModel: the truth about bridges and ports, from which every ForwardingState is built.
//
// How it works. The model is made of parts with one duty each: ModelTables (bridges that own their ports), VlanModel,
// TreeModel, PortDevices (the ports' drivers), Listeners, and Changes, the one way in which a change takes effect. The
// functions here check a change, apply it, and commit it. A change that fails leaves everything as it was.
//
// All functions: control thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/base/socket_path.hpp"
#include "control/model/change.hpp"
#include "control/model/listeners.hpp"
#include "control/model/model_observer.hpp"
#include "control/model/model_tables.hpp"
#include "control/model/notices.hpp"
#include "control/model/port_devices.hpp"
#include "control/model/tree_model.hpp"
#include "control/model/vlan_model.hpp"
#include "ports/engine/engine.hpp"
#include "ports/links/link_monitor.hpp"

namespace rb {

class SwitchModel {
 public:
  struct Options {
    EventLoop* loop = nullptr;                     // where timers of spanning trees wait; null: there are none
    std::string socket_path = kDefaultSocketPath;  // tells this daemon from others of this machine
    SpanningTrees::Clock clock = SpanningTrees::steady_now;
    bool host_ports = true;  // bridges get an interface of their own; --no-host-port clears this
  };
  /// All outlive this.
  SwitchModel(Engine& engine, LinkMonitor& links, const PortKinds& kinds, ModelObserver& observer, Options options);
  ~SwitchModel();
  SwitchModel(const SwitchModel&) = delete;
  SwitchModel& operator=(const SwitchModel&) = delete;

  // Bridges.

  Result<> add_bridge(const std::string& name, bool host_port);
  /// With its ports, as the kernel does; kBridgeUp while its own interface is up.
  Result<> delete_bridge(const std::string& name);
  Result<> set_bridge(const std::string& name, const BridgeSettings& settings);
  /// Whether the costs of ports that were set by hand are in the range of `costs`.
  [[nodiscard]] static Result<> check_costs(const ModelBridge& bridge, PathCosts costs);
  [[nodiscard]] Result<ModelBridge*> find_bridge(const std::string& name) const { return tables_.bridge(name); }
  [[nodiscard]] std::vector<const ModelBridge*> bridges() const;  // by name
  Result<> set_bridge_vlans(const std::string& name, const BridgeVlanSettings& settings);

  // Ports. Names are unique over all bridges.

  /// Makes a port, or a listener, as the kind of the options says.
  Result<> add_port(const std::string& bridge, PortRequest request);
  /// A listener goes as a port does, and with it the ports of its peers.
  Result<> delete_port(const std::string& bridge, const std::string& name);
  Result<> set_port(const std::string& name, const PortSettings& settings);
  Result<> set_port_vlans(const std::string& name, const PortVlanSettings& settings);
  /// Opens a port again that its BPDU guard has closed.
  void reopen_port(const ModelPort& port);
  [[nodiscard]] Result<ModelPort*> find_port(const std::string& name) const { return tables_.port(name); }
  [[nodiscard]] const ModelPort* port_at(PortIndex index) const { return tables_.port_at(index); }
  [[nodiscard]] const ModelBridge* bridge_at(BridgeIndex index) const { return tables_.bridge_at(index); }

  // Loops (loop_guard.hpp).

  /// Frames pass the port, and not only those of the switch itself.
  [[nodiscard]] bool forwards(const ModelPort& port) const { return trees_.state_of(port) == StpState::kForwarding; }
  /// Nothing but BPDUs and probes passes a port that is closed.
  void set_loop_closed(PortIndex index, bool closed);

  // The parts.

  [[nodiscard]] const VlanModel& vlans() const noexcept { return vlans_; }
  [[nodiscard]] TreeModel& trees() noexcept { return trees_; }
  [[nodiscard]] const TreeModel& trees() const noexcept { return trees_; }
  [[nodiscard]] PortDevices& devices() noexcept { return devices_; }
  [[nodiscard]] Changes& changes() noexcept { return changes_; }
  [[nodiscard]] Notices& notices() noexcept { return notices_; }
  [[nodiscard]] Engine& engine() const noexcept { return engine_; }
  [[nodiscard]] const PortKinds& kinds() const noexcept { return kinds_; }
  [[nodiscard]] std::chrono::milliseconds time_to_sweep() const { return observer_.time_to_sweep(); }

  /// While one lives, changes are collected, and committed as one when the last one goes.
  class Batch : public Changes::Batch {
   public:
    explicit Batch(SwitchModel& model) : Changes::Batch(model.changes_) {}
  };

 private:
  [[nodiscard]] Result<std::unique_ptr<ModelPort>> make_host_port(ModelBridge& bridge);
  Result<> add_port(ModelBridge& bridge, std::unique_ptr<PortDriver> driver, std::optional<Arrival> arrival);
  void remove_port(ModelPort& port);
  void remove_listener(ModelListener& listener);
  /// The same on every start; locally administered, unicast.
  [[nodiscard]] MacAddress stable_address(const std::string& bridge) const;

  Engine& engine_;
  LinkMonitor& links_;
  const PortKinds& kinds_;
  ModelObserver& observer_;
  Options options_;
  Notices notices_;
  ModelTables tables_;
  VlanModel vlans_;
  TreeModel trees_;
  Changes changes_;
  PortDevices devices_;
  Listeners listeners_;
};

}  // namespace rb
