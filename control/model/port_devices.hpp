// SPDX-License-Identifier: GPL-2.0-or-later
// PortDevices: brings the ports' drivers together with the workers, and with what happens to devices.
//
// Control thread only.
#pragma once

#include <functional>

#include "control/model/change.hpp"
#include "control/model/model_observer.hpp"
#include "control/model/model_tables.hpp"
#include "control/model/notices.hpp"
#include "ports/engine/engine.hpp"
#include "ports/links/link_monitor.hpp"

namespace rb {

class PortDevices {
 public:
  /// All outlive this.
  struct Parts {
    Engine& engine;
    LinkMonitor& links;
    ModelTables& tables;
    Changes& changes;
    Notices& notices;
    ModelObserver& observer;
    std::function<void(ModelPort&)> remove;  // deletes a port
  };
  explicit PortDevices(Parts parts) : parts_(std::move(parts)) {}

  /// Opens the device of a port that has a driver and is in no table yet. An error leaves nothing behind.
  Result<> open(ModelPort& port);
  /// Follows what has happened to interfaces.
  void take_link_events();
  /// Reading from a port's device has failed.
  void failed(PortIndex index);
  /// Lets drivers try again what they asked to try later; false when no driver asks for it again.
  bool retry();
  /// Has the driver show the station that the cable is plugged in, or pulled. A refusal says what to do instead.
  static Result<> show_carrier(ModelPort& port, bool on);
  /// Takes the device from the workers while the carrier is off, so that nobody reads from the device or writes to it,
  /// and gives the device back when the carrier is on.
  void follow_carrier(ModelPort& port);
  /// What this process has made, and what would outlive the process, goes with the process after all.
  void undo_all();

 private:
  class Place;
  Parts parts_;
};

}  // namespace rb
