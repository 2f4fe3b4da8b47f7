// SPDX-License-Identifier: GPL-2.0-or-later
// ModelPort: one port of a bridge, as the model has the port.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "control/model/port_kind.hpp"
#include "control/words/bridge_settings.hpp"
#include "control/words/port_settings.hpp"
#include "control/words/vlan_settings.hpp"
#include "switch/stp/spanning_tree.hpp"

namespace rb {

/// Nothing here belongs to one kind of ports alone: that is the driver's.
struct ModelPort {
  std::string name;  // the name by which the port was added; the port keeps the name when the device is renamed
  PortIndex index = kNoPort;
  BridgeIndex bridge = kNoBridge;
  unsigned number = 0;  // within its bridge, from 1; 0: the bridge's own port
  bool host = false;    // the bridge's own port
  PortSettings settings;
  PortVlanSettings vlans;
  std::shared_ptr<const PortVlans> relay_vlans;  // made of `vlans`; null: to be made, or filtering is off

  DeviceStatus device;
  bool opened = false;                    // the driver has opened the device, and must close the device
  bool attached = false;                  // there is a device
  bool retry_wanted = false;              // by the driver
  bool loop_closed = false;               // by the loop guard, for a time
  std::unique_ptr<PortDevice> unplugged;  // the device while the carrier is off; else the workers have it
  std::optional<Arrival> arrival;         // of a port that a listener has made
  std::unique_ptr<PortHost> place;        // what the driver sees of the port
  std::unique_ptr<PortDriver> driver;     // destroyed before `place`

  /// As the kernel's bridge has the identifier: six bits of priority, ten of number.
  [[nodiscard]] stp::PortId id() const noexcept {
    return static_cast<stp::PortId>(unsigned{settings.priority} << 10 | number);
  }
  /// Frames can pass the device, its cable is plugged in, and nobody has disabled the port.
  [[nodiscard]] bool enabled() const noexcept {
    return device.carries() && settings.carrier && settings.state != StpState::kDisabled;
  }
};

}  // namespace rb
