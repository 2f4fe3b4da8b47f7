// SPDX-License-Identifier: GPL-2.0-or-later
// Listeners: sockets to which many peers come, each of which becomes a port.
//
// Control thread only.
#pragma once

#include <functional>
#include <string>

#include "control/model/model_tables.hpp"
#include "control/model/notices.hpp"
#include "ports/links/link_monitor.hpp"

namespace rb {

class Listeners {
 public:
  /// All outlive this.
  struct Parts {
    Engine& engine;
    LinkMonitor& links;
    ModelTables& tables;
    Notices& notices;
    /// Makes a port of a bridge.
    std::function<Result<>(ModelBridge&, const Arrival&, std::unique_ptr<PortDriver>)> add_port;
  };
  explicit Listeners(Parts parts) : parts_(std::move(parts)) {}

  Result<> add(ModelBridge& bridge, std::unique_ptr<ListenerDriver> driver);

 private:
  class Place;
  [[nodiscard]] std::string name_for(const ListenerHost::Peer& peer);
  Parts parts_;
};

}  // namespace rb
