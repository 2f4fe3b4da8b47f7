// SPDX-License-Identifier: GPL-2.0-or-later
// The part of SwitchModel that has other processes as ports: streams, datagrams, and those who come to a listener.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "control/base/log.hpp"
#include "control/kinds/peer_flags.hpp"
#include "control/model/switch_model.hpp"
#include "ports/base/account_names.hpp"
#include "ports/base/interface_name.hpp"
#include "ports/base/netns.hpp"
#include "ports/socket/dgram_device.hpp"

namespace rb {

Result<> SwitchModel::open_peer(ModelPort& port) {
  port.queue_count = 1;
  if (!port.spec.arrived)
    return wait_for_peer(port, [this, &port](UniqueFd socket) { peer_connected(port, std::move(socket)); });
  port.link = {.name = port.name, .flags = kPeerFlags, .address = {}};
  return attach_stream(port, std::exchange(port.spec.arrived, {}));
}

Result<> SwitchModel::wait_for_peer(ModelPort& port, PeerLink::Connected connected) {
  if (options_.loop == nullptr) return fail(ErrorCode::kNotSupported, "there is nobody to wait for a peer");
  Result<std::unique_ptr<PeerLink>> peer = PeerLink::open(*options_.loop, port.spec.peer, std::move(connected));
  if (!peer) return std::unexpected(peer.error());
  port.peer = std::move(*peer);
  port.link = {.name = port.name, .flags = kPeerFlags, .address = {}};
  port.device = DeviceState::kDown;
  return {};
}

Result<> SwitchModel::open_dgram_port(ModelPort& port) {
  if (options_.loop == nullptr) return fail(ErrorCode::kNotSupported, "there is nobody to wait for a peer");
  const PortSpec& spec = port.spec;
  Result<std::unique_ptr<PortDevice>> device =
      open_dgram({.local = spec.peer.address, .peer = spec.peer_at, .owner = spec.peer.owner});
  if (!device) return std::unexpected(device.error());
  if (Result<> attached = engine_.attach(port.index, std::move(*device)); !attached) return attached;
  port.attached = true;
  port.queue_count = 1;
  port.device = DeviceState::kUp;
  port.link = {.name = port.name, .flags = kConnectedFlags, .address = {}};
  return {};
}

Result<> SwitchModel::attach_stream(ModelPort& port, UniqueFd socket) {
  const Result<> attached =
      engine_.attach(port.index, std::make_unique<StreamPortDevice>(std::move(socket), port.spec.framing));
  if (!attached) return attached;
  port.attached = true;
  port.device = DeviceState::kUp;
  port.link.flags = kConnectedFlags;
  return {};
}

void SwitchModel::peer_connected(ModelPort& port, UniqueFd socket) {
  if (const Result<> attached = attach_stream(port, std::move(socket)); !attached) {
    log_message(LogLevel::kWarning, fmt::format("port {}: {}", port.name, attached.error().message), port.name);
    return port.peer->refused();
  }
  port.peer->settled();
  publish();
  tell(ModelEvent::Kind::kPort, "change", *bridge_at(port.bridge), &port);
}

void SwitchModel::peer_lost(ModelPort& port) {
  if (port.peer == nullptr) {
    (void)delete_port(std::string(bridge_at(port.bridge)->name), std::string(port.name));
    return;
  }
  port.device = DeviceState::kDown;
  port.link.flags = kPeerFlags;
  publish();
  (void)engine_.detach(port.index);
  port.attached = false;
  engine_.fdb().flush_port(port.index);
  tell(ModelEvent::Kind::kPort, "change", *bridge_at(port.bridge), &port);
  port.peer->lost();
}

Result<> SwitchModel::add_listener(const std::string& bridge_name, ModelListener listener) {
  const Result<ModelBridge*> bridge = find_bridge(bridge_name);
  if (!bridge) return std::unexpected(bridge.error());
  if (Result<> valid = check_interface_name(listener.name); !valid) return valid;
  if (Result<> free = check_free(listener.name); !free) return free;
  if (options_.loop == nullptr) return fail(ErrorCode::kNotSupported, "there is nobody to wait for peers");
  Result<std::unique_ptr<PeerListener>> socket =
      PeerListener::open(*options_.loop, listener.address, listener.owner,
                         [this, name = listener.name](ArrivedPeer peer) { peer_arrived(name, std::move(peer)); });
  if (!socket) return std::unexpected(socket.error());
  listener.socket = std::move(*socket);
  listener.bridge = (*bridge)->index;
  std::string name = listener.name;
  listeners_.emplace(std::move(name), std::move(listener));
  tell(ModelEvent::Kind::kBridge, "change", **bridge);
  return {};
}

std::vector<const ModelListener*> SwitchModel::listeners_of(const ModelBridge& bridge) const {
  std::vector<const ModelListener*> found;
  for (const auto& [name, listener] : listeners_) {
    if (listener.bridge == bridge.index) found.push_back(&listener);
  }
  return found;
}

Result<> SwitchModel::check_free(const std::string& name) const {
  if (bridges_.contains(name)) {
    return fail(ErrorCode::kIsBridge, fmt::format("{} is a bridge itself; a bridge cannot be a port of a bridge", name),
                name);
  }
  const auto port = ports_.find(name);
  const auto listener = listeners_.find(name);
  if (port == ports_.end() && listener == listeners_.end()) return {};
  const BridgeIndex bridge = port != ports_.end() ? port->second->bridge : listener->second.bridge;
  return fail(ErrorCode::kAlreadyMember,
              fmt::format("{} is a port of bridge {} already; 'delif' takes it out", name, bridge_at(bridge)->name),
              name);
}

std::string SwitchModel::name_for(const ArrivedPeer& peer) {
  // Not that of an interface, which somebody may want to add.
  const auto usable = [&](const std::string& name) {
    return check_interface_name(name) && check_free(name) && !links_.get(netns_id(-1), name);
  };
  if (usable(peer.name)) return peer.name;
  // "alice-4711", or "alice-4711.2": as much of the user's name as has room.
  std::string user = account_name(peer.uid);
  if (!is_plain_name(user)) user = std::to_string(peer.uid);
  std::string end = fmt::format("-{}", peer.pid);
  for (std::size_t number = 2;; ++number) {
    std::string name = user.substr(0, kMaxInterfaceName - std::min(end.size(), kMaxInterfaceName)) + end;
    if (usable(name) || number > kMaxPorts) return name;
    end = fmt::format("-{}.{}", peer.pid, number);
  }
}

void SwitchModel::peer_arrived(const std::string& listener_name, ArrivedPeer peer) {
  ModelListener& listener = listeners_.at(listener_name);
  const auto same_user = std::ranges::count_if(ports_, [&](const auto& entry) {
    return entry.second->spec.listener == listener_name && entry.second->spec.peer_uid == peer.uid;
  });
  // Whoever may connect must not use all ports up.
  if (peer.uid != 0 && static_cast<std::size_t>(same_user) >= listener.max_per_user) return;
  PortSpec spec;
  spec.kind = PortKind::kStream;
  spec.name = name_for(peer);
  spec.offload = false;
  spec.peer.address = listener.address;
  spec.framing = listener.framing;
  spec.listener = listener_name;
  spec.peer_pid = peer.pid;
  spec.peer_uid = peer.uid;
  spec.arrived = std::move(peer.socket);
  const Result<> added = add_port(bridge_at(listener.bridge)->name, std::move(spec));
  // Told once, not each time that somebody tries again.
  if (!added && !std::exchange(listener.refusing, true))
    notice(fmt::format("listener {}: {}", listener_name, added.error().message));
  if (added) listener.refusing = false;
}

void SwitchModel::delete_listener(const std::string& name) {
  const std::string bridge = bridge_at(listeners_.at(name).bridge)->name;
  listeners_.erase(name);
  std::vector<std::string> members;
  for (const auto& [port_name, port] : ports_) {
    if (port->spec.listener == name) members.push_back(port_name);
  }
  for (const std::string& member : members) (void)delete_port(bridge, member);
  tell(ModelEvent::Kind::kBridge, "change", *find_bridge(bridge).value());
}

}  // namespace rb
