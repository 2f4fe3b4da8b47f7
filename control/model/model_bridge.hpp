// SPDX-License-Identifier: GPL-2.0-or-later
// ModelBridge: one bridge with its ports and listeners, as the model has them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/model/model_port.hpp"
#include "control/words/bridge_settings.hpp"
#include "control/words/vlan_settings.hpp"

namespace rb {

/// One socket for many peers of a bridge; each that connects becomes a port.
struct ModelListener {
  std::string name;
  BridgeIndex bridge = kNoBridge;
  bool refusing = false;                   // the last peer could not be given a port
  std::unique_ptr<ListenerHost> place;     // what the driver sees of the listener
  std::unique_ptr<ListenerDriver> driver;  // destroyed before `place`
};

enum class WithHost : std::uint8_t { kNo, kYes };

struct ModelBridge {
  std::string name;
  BridgeIndex index = kNoBridge;
  Fid fid = 0;
  BridgeSettings settings;
  bool wants_host_port = true;

  std::map<std::string, std::unique_ptr<ModelPort>> ports;  // by name; the bridge's own port among them
  std::map<std::string, std::unique_ptr<ModelListener>> listeners;
  ModelPort* host_port = nullptr;  // the bridge's own port; null: the bridge has none

  // VLANs (VlanModel).
  BridgeVlanSettings vlans;
  VidSet vids;                                     // of which some port is a member, as last published
  std::map<Vid, Fid> fids;                         // of the bridge's VLANs; of private ones the primary's alone
  std::shared_ptr<const BridgeVlans> relay_vlans;  // null: filtering is off
  bool vlans_stale = true;                         // `vids` and `relay_vlans` have to be rebuilt
  bool forget_learned = false;                     // all stations, after the next publication
  std::vector<Fid> local_fids;                     // where the FDB has local_address as the bridge's own, ascending
  MacAddress local_address;

  MacAddress stable_address;       // made of the bridge's name and this daemon
  std::uint64_t probe_sender = 0;  // the number by which a loop probe names this bridge; random

  /// The ports by name; the bridge's own port when `with_host` says so.
  [[nodiscard]] std::vector<const ModelPort*> port_list(WithHost with_host) const;
  [[nodiscard]] std::vector<const ModelListener*> listener_list() const;
  /// The lowest number that no port has.
  [[nodiscard]] unsigned free_port_number() const;
  /// The VLANs of which some port is a member.
  [[nodiscard]] VidSet member_vids() const;
  /// The address of the bridge's own interface; zero without one.
  [[nodiscard]] MacAddress address() const noexcept {
    return host_port != nullptr ? host_port->device.link.address : MacAddress{};
  }
  [[nodiscard]] stp::BridgeId id() const noexcept {
    return stp::BridgeId::of(settings.priority, address().is_zero() ? stable_address : address());
  }
};

}  // namespace rb
