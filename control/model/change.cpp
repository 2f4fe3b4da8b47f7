// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/change.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace rb {
namespace {

PortGate gate_of(StpState state) {
  switch (state) {
    case StpState::kDisabled:
      return PortGate::kDown;
    case StpState::kListening:
    case StpState::kBlocking:
      return PortGate::kDiscarding;
    case StpState::kLearning:
      return PortGate::kLearning;
    case StpState::kForwarding:
      return PortGate::kForwarding;
  }
  return PortGate::kDown;
}

void close_device(ModelPort& port) {
  if (std::exchange(port.opened, false)) port.driver->close();
}

template <typename Item>
void append(std::vector<Item>& to, std::vector<Item>& from) {
  std::ranges::move(from, std::back_inserter(to));
}

bool is_of_removed(const Change& change, const ModelEvent& event) {
  const auto is = [](const auto* object) { return [object](const auto& removed) { return removed.get() == object; }; };
  if (std::ranges::any_of(change.removed_bridges, is(event.bridge))) return true;
  return event.port != nullptr && std::ranges::any_of(change.removed_ports, is(event.port));
}

}  // namespace

void Changes::commit(Change change) {
  if (in_batch()) {
    if (change.released) change.released();
    change.released = {};
    for (const auto& port : change.removed_ports) close_device(*port);
    for (const auto& bridge : change.removed_bridges) {
      bridge->listeners.clear();
      for (const auto& [name, port] : bridge->ports) close_device(*port);
    }
  }
  append(waiting_.events, change.events);
  append(waiting_.flushed_ports, change.flushed_ports);
  append(waiting_.followers, change.followers);
  append(waiting_.removed_ports, change.removed_ports);
  append(waiting_.removed_bridges, change.removed_bridges);
  if (change.released) {
    waiting_.released = [first = std::move(waiting_.released), then = std::move(change.released)] {
      if (first) first();
      then();
    };
  }
  anything_waits_ = true;
  if (!in_batch() && !committing_) commit_waiting();
}

void Changes::end_batch() {
  if (--batch_depth_ == 0 && anything_waits_ && !committing_) commit_waiting();
}

void Changes::let_others_change(const std::function<void()>& act) {
  if (anything_waits_) return;
  const unsigned depth = std::exchange(batch_depth_, 0);
  act();
  batch_depth_ = depth;
}

void Changes::commit_waiting() {
  committing_ = true;
  while (std::exchange(anything_waits_, false)) {
    const Change change = std::exchange(waiting_, {});
    engine_.publish(make_state());
    if (change.released) change.released();
    for (const auto& follow : change.followers) follow();
    std::vector<const ModelPort*> gone;
    gone.reserve(change.removed_ports.size());
    for (const auto& port : change.removed_ports) gone.push_back(port.get());
    for (const auto& bridge : change.removed_bridges) {
      bridge->listeners.clear();
      for (const auto& [name, port] : bridge->ports) gone.push_back(port.get());
    }
    for (const auto& port : change.removed_ports) close_device(*port);
    for (const auto& bridge : change.removed_bridges) {
      for (const auto& [name, port] : bridge->ports) close_device(*port);
    }
    for (const PortIndex port : change.flushed_ports) engine_.fdb().flush_port(port);
    vlans_.settle();
    if (!gone.empty() || !change.removed_bridges.empty()) forget(gone, change);
    if (!anything_waits_) trees_.settle();  // else the next publication settles them
    tell(change);
  }
  committing_ = false;
}

void Changes::forget(const std::vector<const ModelPort*>& ports, const Change& change) {
  // Frames that the ports have handed over must not be taken for frames of ports that get the same indexes.
  constexpr std::size_t kAtOnce = TreeModel::kPuntedAtOnce;
  std::size_t left = engine_.max_punted() + kAtOnce;
  while (left > kAtOnce && trees_.take_punted()) left -= kAtOnce;
  std::set<PortIndex> indexes;
  std::set<BridgeIndex> bridges;
  for (const ModelPort* port : ports) indexes.insert(port->index);
  for (const auto& bridge : change.removed_bridges) bridges.insert(bridge->index);
  engine_.fdb().remove_if(
      [&](const FdbEntry& entry) {
        return indexes.contains(entry.port) || bridges.contains(vlans_.bridge_index_of_fid(entry.fid));
      },
      engine_.now_s());
  for (const PortIndex index : indexes) engine_.fdb().flush_port(index);
  const std::vector<PortIndex> list(indexes.begin(), indexes.end());
  engine_.clear_counters(list);
  for (const ModelPort* port : ports) tables_.free(*port);
  for (const auto& bridge : change.removed_bridges) {
    vlans_.give_back_fids(*bridge);
    tables_.free(*bridge);
  }
}

void Changes::tell(const Change& change) {
  for (auto event = change.events.begin(); event != change.events.end(); ++event) {
    const bool is_change = event->what == "change";
    if (is_change && is_of_removed(change, *event)) continue;
    // Several changes of one object in a batch are one.
    const auto same = [&](const ModelEvent& earlier) {
      return earlier.what == "change" && earlier.kind == event->kind && earlier.bridge == event->bridge &&
             earlier.port == event->port;
    };
    if (is_change && std::any_of(change.events.begin(), event, same)) continue;
    observer_.model_changed(*event);
  }
}

std::unique_ptr<const ForwardingState> Changes::make_state() const {
  vlans_.prepare();
  trees_.prepare();
  std::vector<BridgeState> bridges;
  std::vector<PortState> ports;
  for (const auto& [name, bridge] : tables_.bridges()) {
    if (bridges.size() <= bridge->index) bridges.resize(bridge->index + 1U);
    BridgeState& state = bridges[bridge->index];
    state.present = true;
    state.fid = bridge->fid;
    state.learning = bridge->settings.ageing_s != 0;
    state.group_fwd_mask = bridge->settings.group_fwd_mask;
    state.stp = bridge->settings.stp != StpMode::kOff;
    if (bridge->settings.loop.sends_probes()) state.probe_sender = bridge->probe_sender;
    state.vlans = bridge->relay_vlans;
  }
  for (const auto& [name, port] : tables_.ports()) {
    if (ports.size() <= port->index) ports.resize(port->index + 1U);
    PortState& state = ports[port->index];
    state.bridge = port->bridge;
    state.gate = gate_of(trees_.state_of(*port));
    state.learning = port->settings.learning;
    state.flood = port->settings.flood || (port->host && port->device.link.promiscuous());
    state.mcast_flood = port->settings.mcast_flood;
    state.bcast_flood = port->settings.bcast_flood;
    state.hairpin = port->settings.hairpin;
    state.isolated = port->settings.isolated;
    state.locked = port->settings.locked;
    state.rate_in = port->settings.rate_in;
    state.bpdu_filter = port->settings.bpdu_filter;
    state.mtu = port->device.link.mtu;
    state.accepts = port->device.offloads;
    state.trust = port->driver->trust();
    state.vlans = port->relay_vlans;
  }
  return std::make_unique<ForwardingState>(std::move(bridges), std::move(ports));
}

}  // namespace rb
