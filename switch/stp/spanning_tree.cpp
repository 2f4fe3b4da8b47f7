// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/stp/spanning_tree.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "switch/stp/variables.hpp"

namespace rb::stp {
namespace {

constexpr TimeMs kNever = std::numeric_limits<TimeMs>::max();

/// Limits received times to the range that a bridge may have. Hello times are at least a second (17.21.20
/// recordTimes()). Without the upper limits (table 17-1) one message could be valid for minutes.
Times believable(Times times) {
  times.hello = std::clamp<std::int64_t>(times.hello, kSecond, 10 * kSecond);
  times.max_age = std::clamp<std::int64_t>(times.max_age, 6 * kSecond, 40 * kSecond);
  times.forward_delay = std::clamp<std::int64_t>(times.forward_delay, 2 * kSecond, 30 * kSecond);
  return times;
}

/// Runs the machines of a port until none of them moves. True if any moved.
bool run_port(Variables& bridge, PortVariables& port) {
  bool moved = false;
  while (port_receive(bridge, port) || protocol_migration(bridge, port) || bridge_detection(port) ||
         port_information(bridge, port) || role_transitions(bridge, port) || state_transition(bridge, port) ||
         topology_change(bridge, port)) {
    moved = true;
  }
  return moved;
}

TimeMs earliest_deadline(PortVariables& port, TimeMs otherwise) {
  port.each_timer([&](const Timer& timer) { otherwise = std::min(otherwise, timer.deadline().value_or(otherwise)); });
  return otherwise;
}

void note_short_ageing(Variables& bridge) {
  const bool short_ageing = !bridge.rstp_version() && bridge.topology_change();
  if (short_ageing == bridge.short_ageing) return;
  bridge.short_ageing = short_ageing;
  bridge.effects.emplace_back(SetShortAgeing{short_ageing});
}

void run(Variables& bridge) {
  for (bool moved = true; moved;) {
    moved = false;
    for (auto& [number, port] : bridge.ports) moved = run_port(bridge, port) || moved;
    moved = role_selection(bridge) || moved;
  }
  bridge.concerns_all = false;
  bridge.earliest = kNever;
  for (auto& [number, port] : bridge.ports) {
    port_transmit(bridge, port);
    bridge.earliest = earliest_deadline(port, bridge.earliest);
  }
  note_short_ageing(bridge);
}

/// Runs the machines after an event at one port. Most events concern no other port, and a bridge may have a thousand.
void run(Variables& bridge, PortVariables& port) {
  run_port(bridge, port);
  if (bridge.concerns_all || port.reselect) return run(bridge);
  port_transmit(bridge, port);
  bridge.earliest = earliest_deadline(port, bridge.earliest);
  if (port.number == bridge.root_port) note_short_ageing(bridge);
}

/// BEGIN for one port.
PortVariables begin_port(const Variables& bridge, PortNumber number, const PortParameters& parameters) {
  PortVariables port;
  port.number = number;
  port.parameters = parameters;
  port.designated_times = bridge.bridge_times();
  port.send_rstp = bridge.rstp_version();
  port.oper_edge = port.admin_edge();
  port.mdelay_while.hold(kMigrateTime);
  port.edge_delay_while.hold(kMigrateTime);
  return port;
}

PortState state_of(const PortVariables& port) {
  if (port.forwarding) return PortState::kForwarding;
  return port.learning ? PortState::kLearning : PortState::kDiscarding;
}

}  // namespace

std::string_view port_state_name(PortState state) noexcept {
  switch (state) {
    case PortState::kDiscarding:
      return "discarding";
    case PortState::kLearning:
      return "learning";
    case PortState::kForwarding:
      return "forwarding";
  }
  return "discarding";
}

SpanningTree::SpanningTree(const BridgeParameters& parameters, TimeMs now) : variables_(std::make_unique<Variables>()) {
  variables_->parameters = parameters;
  variables_->now = now;
  run(*variables_);
}
SpanningTree::~SpanningTree() = default;
SpanningTree::SpanningTree(SpanningTree&&) noexcept = default;
SpanningTree& SpanningTree::operator=(SpanningTree&&) noexcept = default;

void SpanningTree::set_parameters(const BridgeParameters& parameters, TimeMs now) {
  advance(now);
  Variables& bridge = *variables_;
  if (parameters == bridge.parameters) return;
  const bool begin = parameters.protocol != bridge.parameters.protocol;
  bridge.parameters = parameters;
  bridge.reselect = true;
  if (!begin) return run(bridge);
  std::vector<PortVariables*> enabled;
  for (auto& [number, port] : bridge.ports) {
    if (state_of(port) != PortState::kDiscarding)
      bridge.effects.emplace_back(SetPortState{number, PortState::kDiscarding});
    // The topology change machine begins in INACTIVE, which flushes (17.31): the bridge will not hear of changes that
    // happen from now on.
    if (port.topology_state != TopologyState::kInactive) bridge.effects.emplace_back(FlushPort{number});
    if (port.port_enabled) enabled.push_back(&port);
    const PortStatus counted = port.counted;
    port = begin_port(bridge, number, port.parameters);
    port.counted = counted;
  }
  run(bridge);
  for (PortVariables* port : enabled) port->port_enabled = true;
  run(bridge);
}

void SpanningTree::add_port(PortNumber number, const PortParameters& parameters, TimeMs now) {
  advance(now);
  assert(!variables_->ports.contains(number));
  variables_->ports.emplace(number, begin_port(*variables_, number, parameters));
  run(*variables_);
}

void SpanningTree::set_port(PortNumber number, const PortParameters& parameters, TimeMs now) {
  advance(now);
  PortVariables& port = variables_->ports.at(number);
  if (parameters == port.parameters) return;
  if (parameters.edge != port.parameters.edge && parameters.edge != Choice::kAuto)
    port.oper_edge = parameters.edge == Choice::kOn;  // until a BPDU comes in
  if (!parameters.loop_guard) port.loop_inconsistent = false;
  port.parameters = parameters;
  port.reselect = true;
  port.selected = false;
  run(*variables_);
}

void SpanningTree::remove_port(PortNumber number, TimeMs now) {
  set_enabled(number, false, now);
  variables_->ports.erase(number);
  variables_->reselect = true;
  run(*variables_);
}

void SpanningTree::set_enabled(PortNumber number, bool enabled, TimeMs now) {
  advance(now);
  PortVariables& port = variables_->ports.at(number);
  if (port.port_enabled == enabled) return;
  port.port_enabled = enabled;
  run(*variables_);
}

void SpanningTree::check_migration(PortNumber number, TimeMs now) {
  advance(now);
  variables_->ports.at(number).mcheck = variables_->rstp_version();  // 17.19.13
  run(*variables_);
}

void SpanningTree::receive(PortNumber number, const Bpdu& bpdu, TimeMs now) {
  Variables& bridge = *variables_;
  bridge.now = std::max(now, bridge.now);
  PortVariables& port = bridge.ports.at(number);
  ++port.counted.received;
  const bool notification = bpdu.kind == Bpdu::Kind::kTopologyChangeNotification;
  if (notification || bpdu.topology_change) ++port.counted.received_tcn;
  // A port ignores its own BPDUs (9.3.4), but its own BPDU proves a loop behind the port.
  const bool own = !notification && bpdu.priority.designated_bridge.address() == bridge.parameters.id.address() &&
                   bpdu.priority.designated_port == port.parameters.id;
  if (own || !port.port_enabled) {
    ++port.counted.ignored;
    if (own && port.port_enabled) {
      port.oper_edge = false;
      // The port is held back for as long as it may be silent: an STP port sends nothing until its information about
      // the root is too old.
      port.self_looped_while.start(now, bridge.rstp_version() ? 3 * port.hello_time() : 2 * port.max_age());
      run(bridge, port);
    }
    return;
  }
  // STP does not know rapid messages (IEEE 802.1D-1998 9.3.3). If this bridge acted on them, an RSTP port at the other
  // side would never hear STP and would take itself for an edge port.
  if (!bridge.rstp_version() && bpdu.kind == Bpdu::Kind::kRapid) {
    ++port.counted.ignored;
    return;
  }
  port.message = bpdu;
  port.message.times = believable(bpdu.times);
  port.rcvd_bpdu = true;
  run(bridge, port);
}

void SpanningTree::advance(TimeMs now) {
  assert(now >= variables_->now);
  Variables& bridge = *variables_;
  bridge.now = std::max(now, bridge.now);
  if (bridge.now < bridge.earliest) return;
  for (auto& [number, port] : bridge.ports) {
    if (port.tx_tick.advance(bridge.now) && --port.tx_count != 0) port.tx_tick.start(bridge.now, kSecond);
    port.each_timer([&](Timer& timer) { (void)timer.advance(bridge.now); });
  }
  run(bridge);
}

std::optional<TimeMs> SpanningTree::next_deadline() const {
  return variables_->earliest == kNever ? std::nullopt : std::optional(variables_->earliest);
}

std::vector<Effect> SpanningTree::take_effects() {
  return std::exchange(variables_->effects, {});
}

const BridgeParameters& SpanningTree::parameters() const noexcept {
  return variables_->parameters;
}

BridgeStatus SpanningTree::status(TimeMs now) const {
  const Variables& bridge = *variables_;
  BridgeStatus status;
  status.id = bridge.parameters.id;
  status.root = bridge.root_priority.root;
  status.root_port = bridge.root_port;
  status.root_path_cost = bridge.root_priority.root_path_cost;
  status.times = bridge.root_times;
  status.topology_change = bridge.topology_change();
  for (const auto& [number, port] : bridge.ports) {
    if (bridge.is_root()) status.hello_timer = std::max(status.hello_timer, port.hello_when.left(now));
    const bool ours_to_tell = bridge.rstp_version() || bridge.is_root() || number == bridge.root_port;
    const std::int64_t change = ours_to_tell ? port.tc_while.left(now) : 0;
    if (change == 0) continue;
    status.topology_change_detected = true;
    if (number == bridge.root_port && !port.send_rstp) {
      status.tcn_timer = port.hello_when.left(now);
    } else {
      status.topology_change_timer = std::max(status.topology_change_timer, change);
    }
  }
  status.topology_changes = bridge.topology_changes;
  if (bridge.last_topology_change) status.since_topology_change = now - *bridge.last_topology_change;
  return status;
}

PortStatus SpanningTree::port_status(PortNumber number, TimeMs now) const {
  const Variables& bridge = *variables_;
  const PortVariables& port = bridge.ports.at(number);
  PortStatus status = port.counted;
  const bool active = port.role == PortRole::kRoot || port.role == PortRole::kDesignated;
  status.enabled = port.port_enabled;
  status.role = port.role;
  status.state = state_of(port);
  status.waiting = port.port_enabled && active && !port.learning && !port.held_back();
  status.designated = port.info_is == InfoIs::kReceived ? port.port_priority : port.designated_priority;
  status.edge = port.oper_edge;
  status.point_to_point = port.parameters.point_to_point;
  status.sends_rstp = port.send_rstp;
  status.proposing = port.proposing;
  status.agreed = port.agreed;
  status.disputed = port.disputed;
  status.root_guarded = port.parameters.restricted_role && port.info_is == InfoIs::kReceived &&
                        port.port_priority.root < bridge.root_priority.root;
  status.loop_inconsistent = port.loop_inconsistent;
  status.self_looped = !port.self_looped_while.zero();
  status.config_pending = port.new_info && !port.tx_tick.zero() && port.role == PortRole::kDesignated;
  status.topology_change_ack = port.tc_ack;
  status.message_age_timer = port.info_is == InfoIs::kReceived ? port.rcvd_info_while.left(now) : 0;
  status.forward_delay_timer = active && !port.forwarding ? port.fd_while.left(now) : 0;
  status.hold_timer = port.tx_tick.left(now);
  return status;
}

}  // namespace rb::stp
