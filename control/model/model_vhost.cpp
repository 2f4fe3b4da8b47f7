// SPDX-License-Identifier: GPL-2.0-or-later
// The part of SwitchModel that has guests' vhost-user front ends as ports.
#include <fmt/core.h>

#include <utility>

#include "control/base/log.hpp"
#include "control/kinds/peer_flags.hpp"
#include "control/model/switch_model.hpp"
#include "ports/vhost/vhost_port.hpp"

namespace rb {

Result<> SwitchModel::open_vhost_port(ModelPort& port) {
  Result<> waits =
      wait_for_peer(port, [this, &port](UniqueFd socket) { front_end_connected(port, std::move(socket)); });
  if (!waits) return waits;
  auto device = std::make_unique<VhostPortDevice>(engine_.worker_count());
  port.rings = std::make_unique<VhostRings>(engine_, port.index, *device);
  if (Result<> attached = engine_.attach(port.index, std::move(device)); !attached) {
    port.peer.reset();
    return attached;
  }
  port.attached = true;
  return {};
}

void SwitchModel::front_end_connected(ModelPort& port, UniqueFd socket) {
  VhostConnection::Watcher watcher{
      .changed = [this, &port] { front_end_changed(port); },
      .ended = [this, &port](const VhostEnd& how) { front_end_ended(port, how); },
      .refused = [&port](const std::string& why) { port.trouble = why; },
  };
  port.trouble.clear();
  port.front_end = std::make_unique<VhostConnection>(
      *options_.loop, std::move(socket), VhostOptions{.offload = port.spec.offload}, *port.rings, std::move(watcher));
}

void SwitchModel::front_end_changed(ModelPort& port) {
  const VhostBackend& state = port.front_end->state();
  const DeviceState device_before = port.device;
  const DeviceState device = state.is_up() ? DeviceState::kUp : DeviceState::kDown;
  if (device == device_before && port.offloads == state.accepts() && port.queue_count == state.pair_count() &&
      port.link.mtu == state.mtu())
    return;
  port.device = device;
  port.offloads = state.accepts();
  port.queue_count = state.pair_count();
  port.link.mtu = state.mtu();
  port.link.flags = device == DeviceState::kUp ? kConnectedFlags : kPeerFlags;
  publish();
  // What has waited in the guest's rings is taken only now, when it is forwarded.
  if (device != device_before) port.rings->set_open(device == DeviceState::kUp);
  if (device == DeviceState::kUp) port.peer->settled();
  // A guest that has gone down may come up elsewhere.
  if (device_before == DeviceState::kUp && device == DeviceState::kDown) engine_.fdb().flush_port(port.index);
  tell(ModelEvent::Kind::kPort, "change", *bridge_at(port.bridge), &port);
}

void SwitchModel::front_end_ended(ModelPort& port, const VhostEnd& how) {
  port.device = DeviceState::kDown;
  port.link.flags = kPeerFlags;
  port.queue_count = 0;
  publish();
  port.rings->set_open(false);
  port.front_end.reset();
  (void)port.rings->take_trouble();
  engine_.fdb().flush_port(port.index);
  if (!how.why.empty()) {
    port.trouble = how.why;
    log_message(LogLevel::kWarning,
                fmt::format("port {}: {}{}", port.name, how.turned_away ? "the guest was turned away: " : "", how.why),
                port.name);
  }
  tell(ModelEvent::Kind::kPort, "change", *bridge_at(port.bridge), &port);
  // Whoever does wrong again and again is waited for less and less often.
  how.turned_away ? port.peer->refused() : port.peer->lost();
}

}  // namespace rb
