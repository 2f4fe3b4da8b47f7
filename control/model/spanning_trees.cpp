// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/spanning_trees.hpp"

#include <algorithm>
#include <utility>

namespace rb {

std::string_view tree_event_name(TreeEvent::Kind kind) noexcept {
  switch (kind) {
    case TreeEvent::Kind::kTopologyChange:
      return "topology_change";
    case TreeEvent::Kind::kRoot:
      return "root";
    case TreeEvent::Kind::kPortState:
      return "port_state";
    case TreeEvent::Kind::kGuard:
      return "guard";
    case TreeEvent::Kind::kRootGuard:
      return "root_guard";
    case TreeEvent::Kind::kLoopGuard:
      return "loop_guard";
    case TreeEvent::Kind::kSelfLooped:
      return "self_looped";
  }
  return "";
}

stp::TimeMs SpanningTrees::steady_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

SpanningTrees::SpanningTrees(Engine& engine, EventLoop* loop, Clock clock, Model model)
    : engine_(engine), clock_(std::move(clock)), model_(std::move(model)) {
  if (loop != nullptr) timer_.emplace(*loop, [this] { model_.take_waiting(); }, Urgency::kUrgent);
}

// Around a publication.

void SpanningTrees::renew(BridgeIndex bridge, const stp::BridgeParameters& parameters,
                          std::span<const TreePort> ports) {
  const auto [at, made] = trees_.try_emplace(bridge, parameters, clock_());
  Tree& tree = at->second;
  if (made) tree.told = tree.machines.status(clock_());
  if (tree.machines.parameters() != parameters) tree.machines.set_parameters(parameters, clock_());
  std::map<stp::PortNumber, PortIndex> indexes;
  for (const TreePort& setup : ports) indexes[setup.number] = setup.index;
  for (auto port = tree.ports.begin(); port != tree.ports.end();) {
    const auto left = port++;
    const auto stays = indexes.find(left->first);
    if (stays != indexes.end() && stays->second == left->second.setup.index) continue;
    tree.machines.remove_port(left->first, clock_());
    tree.ports.erase(left);
  }
  for (const TreePort& setup : ports) renew_port(tree, setup);
  take_effects(tree);
}

void SpanningTrees::remove(BridgeIndex bridge) {
  const auto found = trees_.find(bridge);
  if (found == trees_.end()) return;
  for (const auto& [number, port] : found->second.ports) {
    if (port.setup.enabled && port.told != StpState::kForwarding)
      to_tell_.push_back({TreeEvent::Kind::kPortState, bridge, port.setup.index});
  }
  trees_.erase(found);
}

void SpanningTrees::renew_port(Tree& tree, const TreePort& setup) {
  const auto [at, made] = tree.ports.try_emplace(setup.number);
  Port& port = at->second;
  if (!setup.enabled) port.counts.guarded = false;
  if (made) {
    tree.machines.add_port(setup.number, setup.parameters, clock_());
  } else if (setup.parameters != port.setup.parameters) {
    tree.machines.set_port(setup.number, setup.parameters, clock_());
  }
  port.setup = setup;
  const bool enabled = setup.enabled && !port.counts.guarded;
  if (tree.machines.port_status(setup.number, clock_()).enabled != enabled)
    tree.machines.set_enabled(setup.number, enabled, clock_());
  if (made) port.told = state_of(tree, port);  // who is told of the port is told that, too
}

void SpanningTrees::settle() {
  states_changed_ = false;
  for (const PortIndex port : std::exchange(to_flush_, {})) engine_.fdb().flush_port(port);
  for (const Leaving& leaving : std::exchange(to_send_, {})) engine_.send(leaving.port, leaving.frame);
  for (const TreeEvent& event : std::exchange(to_tell_, {})) model_.tell(event);
  for (auto& [bridge, tree] : trees_) tell_changes(bridge, tree);
  arm();
}

void SpanningTrees::take_effects(Tree& tree) {
  tree.to_tell = true;  // roles change without an effect
  for (const stp::Effect& effect : tree.machines.take_effects()) {
    if (const auto* ageing = std::get_if<stp::SetShortAgeing>(&effect)) {
      tree.short_ageing = ageing->on;
      continue;
    }
    // A port that was removed in the same run may be spoken of.
    const auto port_of = [&](stp::PortNumber number) {
      const auto found = tree.ports.find(number);
      return found == tree.ports.end() ? nullptr : &found->second;
    };
    if (const auto* state = std::get_if<stp::SetPortState>(&effect)) {
      states_changed_ = true;
      if (Port* port = port_of(state->port)) port->state = state->state;
    } else if (const auto* flush = std::get_if<stp::FlushPort>(&effect)) {
      if (const Port* port = port_of(flush->port)) to_flush_.insert(port->setup.index);
    } else if (const auto* send = std::get_if<stp::SendBpdu>(&effect)) {
      Port* port = port_of(send->port);
      if (port == nullptr) continue;
      if (port->setup.bpdu_filter) {
        ++port->counts.suppressed;
      } else {
        to_send_.push_back({port->setup.index, stp::encode(send->bpdu, port->setup.source)});
      }
    }
  }
}

// What happens.

void SpanningTrees::receive(BridgeIndex bridge, stp::PortNumber number, std::span<const std::byte> frame) {
  const auto found = trees_.find(bridge);
  if (found == trees_.end()) return;
  Tree& tree = found->second;
  const auto port_at = tree.ports.find(number);
  if (port_at == tree.ports.end()) return;
  Port& port = port_at->second;
  const std::expected<stp::Bpdu, stp::BpduError> bpdu = stp::decode(frame);
  if (!bpdu) ++port.counts.malformed[static_cast<std::size_t>(bpdu.error())];
  const bool is_bpdu = bpdu || bpdu.error() != stp::BpduError::kNotSpanningTree;
  if (port.setup.guard && port.setup.enabled && is_bpdu) {
    if (std::exchange(port.counts.guarded, true)) return;
    tree.machines.set_enabled(number, false, clock_());
    states_changed_ = true;
  } else if (bpdu) {
    tree.machines.receive(number, *bpdu, clock_());
  }
  take_effects(tree);
}

void SpanningTrees::run() {
  for (auto& [bridge, tree] : trees_) {
    const std::optional<stp::TimeMs> deadline = tree.machines.next_deadline();
    if (!deadline || *deadline > clock_()) continue;
    tree.machines.advance(clock_());
    take_effects(tree);
  }
  states_changed_ ? model_.publish() : settle();
}

void SpanningTrees::check_migration(BridgeIndex bridge, stp::PortNumber port) {
  const auto found = trees_.find(bridge);
  if (found == trees_.end() || !found->second.ports.contains(port)) return;
  found->second.machines.check_migration(port, clock_());
  take_effects(found->second);
  run();
}

bool SpanningTrees::reopen(BridgeIndex bridge, stp::PortNumber number) {
  const auto found = trees_.find(bridge);
  if (found == trees_.end()) return false;
  const auto port = found->second.ports.find(number);
  if (port == found->second.ports.end() || !std::exchange(port->second.counts.guarded, false)) return false;
  found->second.to_tell = true;
  return true;
}

void SpanningTrees::arm() {
  if (!timer_) return;
  std::optional<stp::TimeMs> first;
  const auto consider = [&](stp::TimeMs when) { first = std::min(first.value_or(when), when); };
  for (const auto& [bridge, tree] : trees_) {
    if (const auto deadline = tree.machines.next_deadline()) consider(*deadline);
    if (tree.to_tell) consider(tree.next_tell);
  }
  if (!first) return timer_->stop();
  // A timer of 0 would never expire.
  timer_->start_once(std::chrono::milliseconds(std::max<stp::TimeMs>(*first - clock_(), 1)));
}

// What there is to know.

void SpanningTrees::tell_changes(BridgeIndex bridge, Tree& tree) {
  if (!tree.to_tell || clock_() < tree.next_tell) return;
  tree.to_tell = false;
  tree.next_tell = clock_() + kTellPause.count();
  const stp::BridgeStatus now = tree.machines.status(clock_()), before = std::exchange(tree.told, now);
  if (now.root != before.root || now.root_port != before.root_port || now.root_path_cost != before.root_path_cost)
    model_.tell({TreeEvent::Kind::kRoot, bridge});
  for (auto& [number, port] : tree.ports) tell_port_changes(bridge, tree, port);
  if (now.topology_changes != before.topology_changes) model_.tell({TreeEvent::Kind::kTopologyChange, bridge});
}

void SpanningTrees::tell_port_changes(BridgeIndex bridge, const Tree& tree, Port& port) {
  const auto tell = [&](TreeEvent::Kind kind, bool on) { model_.tell({kind, bridge, port.setup.index, on}); };
  const auto tell_flag = [&](TreeEvent::Kind kind, bool now, bool& told) {
    if (std::exchange(told, now) != now) tell(kind, now);
  };
  const stp::PortStatus status = tree.machines.port_status(port.setup.number, clock_());
  tell_flag(TreeEvent::Kind::kGuard, port.counts.guarded, port.told_guarded);
  tell_flag(TreeEvent::Kind::kRootGuard, status.root_guarded, port.told_root_guarded);
  tell_flag(TreeEvent::Kind::kLoopGuard, status.loop_inconsistent, port.told_loop_inconsistent);
  tell_flag(TreeEvent::Kind::kSelfLooped, status.self_looped, port.told_self_looped);
  const StpState state = state_of(tree, port);
  if (std::exchange(port.told, state) != state) tell(TreeEvent::Kind::kPortState, true);
}

StpState SpanningTrees::state_of(const Tree& tree, const Port& port) const {
  if (!port.setup.enabled || port.counts.guarded) return StpState::kDisabled;
  switch (port.state) {
    case stp::PortState::kForwarding:
      return StpState::kForwarding;
    case stp::PortState::kLearning:
      return StpState::kLearning;
    case stp::PortState::kDiscarding:
      break;
  }
  const bool waiting = tree.machines.port_status(port.setup.number, clock_()).waiting;
  return waiting ? StpState::kListening : StpState::kBlocking;
}

const SpanningTrees::Tree* SpanningTrees::find(BridgeIndex bridge) const {
  const auto found = trees_.find(bridge);
  return found == trees_.end() ? nullptr : &found->second;
}

const SpanningTrees::Port* SpanningTrees::find(BridgeIndex bridge, stp::PortNumber number) const {
  const Tree* tree = find(bridge);
  if (tree == nullptr) return nullptr;
  const auto found = tree->ports.find(number);
  return found == tree->ports.end() ? nullptr : &found->second;
}

std::optional<stp::BridgeStatus> SpanningTrees::bridge_status(BridgeIndex bridge) const {
  const Tree* tree = find(bridge);
  if (tree == nullptr) return std::nullopt;
  return tree->machines.status(clock_());
}

std::optional<stp::PortStatus> SpanningTrees::port_status(BridgeIndex bridge, stp::PortNumber port) const {
  if (find(bridge, port) == nullptr) return std::nullopt;
  return find(bridge)->machines.port_status(port, clock_());
}

std::optional<StpState> SpanningTrees::port_state(BridgeIndex bridge, stp::PortNumber number) const {
  const Port* port = find(bridge, number);
  if (port == nullptr) return std::nullopt;
  return state_of(*find(bridge), *port);
}

std::optional<double> SpanningTrees::short_ageing_s(BridgeIndex bridge) const {
  const Tree* tree = find(bridge);
  if (tree == nullptr || !tree->short_ageing) return std::nullopt;
  return static_cast<double>(tree->machines.status(clock_()).times.forward_delay) / 1000;
}

SpanningTrees::PortCounts SpanningTrees::counts(BridgeIndex bridge, stp::PortNumber number) const {
  const Port* port = find(bridge, number);
  return port == nullptr ? PortCounts{} : port->counts;
}

}  // namespace rb
