// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/tree_model.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace rb {
namespace {

std::int64_t milliseconds(double seconds) {
  return std::llround(seconds * 1000);
}

bool chosen(stp::Choice choice, bool otherwise) {
  return choice == stp::Choice::kAuto ? otherwise : choice == stp::Choice::kOn;
}

}  // namespace

/// An address that no other port has: that of the bridge, locally administered, the port's number mixed into the second
/// and third octet (the bridges of one maker differ in the others).
MacAddress TreeModel::source_of(const ModelPort& port) const {
  const std::uint64_t bridge = tables_.bridge_of(port).id().address().to_number(), number = port.number;
  return MacAddress::from_number((bridge | std::uint64_t{0x02} << 40) ^ number << 24);
}

StpState TreeModel::state_of(const ModelPort& port) const {
  if (!port.enabled()) return StpState::kDisabled;
  if (port.loop_closed) return StpState::kBlocking;
  if (port.host) return port.settings.state;  // it is no port of the tree
  return trees_.port_state(port.bridge, static_cast<stp::PortNumber>(port.number)).value_or(port.settings.state);
}

std::uint32_t TreeModel::path_cost_of(const ModelBridge& bridge, const ModelPort& port) {
  if (port.settings.cost) return *port.settings.cost;
  return path_cost_of_speed(port.device.speed.mbit_s, bridge.settings.path_costs);
}

double TreeModel::ageing_s(const ModelBridge& bridge) const {
  const double usual = bridge.settings.ageing_s;
  return std::min(usual, trees_.short_ageing_s(bridge.index).value_or(usual));
}

TreePort TreeModel::tree_port(const ModelPort& port) const {
  const PortSettings& settings = port.settings;
  return {.index = port.index,
          .number = static_cast<stp::PortNumber>(port.number),
          .enabled = port.enabled(),
          .guard = settings.guard,
          .bpdu_filter = settings.bpdu_filter,
          .source = source_of(port),
          .parameters = {.id = port.id(),
                         .path_cost = path_cost_of(tables_.bridge_of(port), port),
                         .edge = settings.edge,
                         .point_to_point = chosen(settings.point_to_point, !port.device.speed.half_duplex),
                         .restricted_role = settings.root_block,
                         .restricted_tcn = settings.restricted_tcn,
                         .loop_guard = settings.loop_guard}};
}

void TreeModel::begin(ModelBridge& bridge) {
  bridge.forget_learned = true;  // no port forwards any more
  // What was set by hand instead of a spanning tree.
  for (auto& [name, port] : bridge.ports) {
    if (port->host) continue;
    if (port->settings.state != StpState::kDisabled) port->settings.state = StpState::kForwarding;
  }
}

void TreeModel::prepare() {
  for (const auto& [name, bridge] : tables_.bridges()) {
    const BridgeSettings& settings = bridge->settings;
    if (settings.stp == StpMode::kOff) {
      trees_.remove(bridge->index);
      continue;
    }
    std::vector<TreePort> ports;
    for (const auto& [port_name, port] : bridge->ports) {
      if (!port->host) ports.push_back(tree_port(*port));
    }
    const stp::Protocol protocol = settings.stp == StpMode::kOn ? stp::Protocol::kStp : stp::Protocol::kRstp;
    trees_.renew(bridge->index,
                 {.id = bridge->id(),
                  .protocol = protocol,
                  .max_age = milliseconds(settings.max_age_s),
                  .hello = milliseconds(settings.hello_s),
                  .forward_delay = milliseconds(settings.forward_delay_s)},
                 ports);
  }
}

bool TreeModel::take_punted() {
  const std::vector<PuntedFrame> frames = engine_.take_punted(kPuntedAtOnce);
  for (const PuntedFrame& punted : frames) {
    const ModelPort* port = tables_.port_at(punted.port);
    if (port == nullptr) continue;
    switch (punted.kind) {
      case PuntKind::kBpdu:
        trees_.receive(port->bridge, static_cast<stp::PortNumber>(port->number), punted.octets);
        break;
      case PuntKind::kLoopProbe:
        observer_.loop_probe_came(punted);
        break;
    }
  }
  trees_.run();
  return frames.size() == kPuntedAtOnce;
}

Result<> TreeModel::check_migration(const ModelPort& port) {
  const ModelBridge& bridge = tables_.bridge_of(port);
  if (bridge.settings.stp != StpMode::kRstp || port.host) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("{} speaks no RSTP, so there is nothing to find out; 'rbctl stp {} rstp' begins it",
                            port.name, bridge.name),
                port.name);
  }
  trees_.check_migration(bridge.index, static_cast<stp::PortNumber>(port.number));
  return {};
}

Result<> TreeModel::check_state(const ModelPort& port, StpState state) const {
  const ModelBridge& bridge = tables_.bridge_of(port);
  if (bridge.settings.stp == StpMode::kOff || port.host || state == StpState::kDisabled) return {};
  const bool closed = port.settings.state == StpState::kDisabled ||
                      trees_.counts(bridge.index, static_cast<stp::PortNumber>(port.number)).guarded;
  if (closed && state == StpState::kForwarding) return {};
  return fail(ErrorCode::kBusy,
              fmt::format("the spanning tree of {} decides the state of {}; 'state disabled' takes the port out of it, "
                          "'state forwarding' back in, and 'rbctl stp {} off' ends it",
                          bridge.name, port.name, bridge.name),
              port.name);
}

void TreeModel::tell(const TreeEvent& event) {
  if (tables_.bridge_at(event.bridge) == nullptr) return;
  const ModelBridge& bridge = *tables_.bridge_at(event.bridge);
  const ModelPort* port = tables_.port_at(event.port);
  if (event.port != kNoPort && port == nullptr) return;
  if (event.kind == TreeEvent::Kind::kPortState)
    return observer_.model_changed({ModelEvent::Kind::kPort, "change", &bridge, port});
  if (event.kind == TreeEvent::Kind::kGuard && event.on) {
    notices_.add(
        fmt::format("bridge {}: a BPDU has come in by {}, and its guard has closed it", bridge.name, port->name));
  }
  observer_.model_changed({ModelEvent::Kind::kTree, tree_event_name(event.kind), &bridge, port, event.on});
}

}  // namespace rb
