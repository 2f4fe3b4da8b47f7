// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/switch_model.hpp"

#include "control/base/log.hpp"
#include "control/base/random_number.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include "ports/base/interface_name.hpp"

namespace rb {
namespace {

/// As many bridges as there are FIDs to tell them apart, within reason.
constexpr std::size_t kMaxBridges = 1024;
/// A port identifier has ten bits for the number, below the priority (BR_PORT_BITS of the kernel's bridge).
constexpr unsigned kMaxPortNumber = (1U << 10) - 1;
constexpr std::size_t kMaxNotices = 256;

Error no_such_bridge(const std::string& name) {
  return {ErrorCode::kNoSuchBridge, fmt::format("bridge {} does not exist; 'rbctl show' lists the bridges", name),
          name};
}

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

}  // namespace

SwitchModel::SwitchModel(Engine& engine, LinkMonitor& links, Options options)
    : engine_(engine),
      links_(links),
      options_(std::move(options)),
      bridge_by_index_(kMaxBridges),
      port_by_index_(kMaxPorts),
      fids_(kMaxBridges),
      trees_(engine, options_.loop, options_.clock,
             {.publish = [this] { publish(); },
              .tell = [this](const TreeEvent& event) { tell_tree(event); },
              .take_waiting = [this] { (void)take_punted(); }}) {
  if (options_.host_ports && !may_create_taps()) {
    options_.host_ports = false;
    notice("without CAP_NET_ADMIN bridges get no interface of their own on this host");
  }
}

SwitchModel::~SwitchModel() {
  for (auto& [name, port] : ports_) close_device(*port);
}

// Bridges.

Result<ModelBridge*> SwitchModel::find_bridge(const std::string& name) {
  const auto found = bridges_.find(name);
  if (found == bridges_.end()) return std::unexpected(no_such_bridge(name));
  return found->second.get();
}

std::vector<const ModelBridge*> SwitchModel::bridges() const {
  std::vector<const ModelBridge*> all;
  all.reserve(bridges_.size());
  for (const auto& [name, bridge] : bridges_) all.push_back(bridge.get());
  return all;
}

Result<> SwitchModel::add_bridge(const std::string& name, bool host_port) {
  if (Result<> valid = check_interface_name(name); !valid) return valid;
  if (bridges_.contains(name))
    return fail(ErrorCode::kBridgeExists, fmt::format("bridge {} exists already", name), name);
  if (ports_.contains(name) || listeners_.contains(name))
    return fail(ErrorCode::kBridgeExists, fmt::format("{} is a port; a bridge needs a name of its own", name), name);
  const auto free = std::ranges::find(bridge_by_index_, nullptr);
  if (free == bridge_by_index_.end())
    return fail(ErrorCode::kTableFull, fmt::format("there are {} bridges, and no more are possible", kMaxBridges));

  auto bridge = std::make_unique<ModelBridge>();
  bridge->name = name;
  bridge->index = static_cast<BridgeIndex>(free - bridge_by_index_.begin());
  bridge->fid = FidTable::of_bridge(bridge->index);
  bridge->wants_host_port = host_port;
  bridge->stable_address = stable_address(name);
  bridge->probe_sender = random_number();
  ModelBridge& made = *bridge;
  *free = bridge.get();
  bridges_[name] = std::move(bridge);
  if (host_port && options_.host_ports) {
    if (Result<> added = add_host_port(made); !added) {
      const std::unique_ptr<ModelBridge> failed = take_out(made);
      for (const auto& [vid, fid] : failed->fids) fids_.give_back(fid);
      return added;
    }
  }
  publish();
  tell(ModelEvent::Kind::kBridge, "add", made);
  return {};
}

Result<> SwitchModel::add_host_port(ModelBridge& bridge) {
  const std::optional<PortIndex> index = free_index();
  if (!index)
    return fail(ErrorCode::kTableFull, fmt::format("there are {} ports, and no more are possible", kMaxPorts));
  auto port = std::make_unique<ModelPort>();
  port->name = bridge.name;
  port->index = *index;
  port->bridge = bridge.index;
  port->host = true;
  port->settings = host_port_settings();
  port->vlans = default_port_vlans(bridge.vlans.default_pvid);
  if (Result<> taken = take_fids(bridge, port->vlans.members); !taken) return taken;
  port->spec.name = bridge.name;
  port->spec.tap.create = true;
  if (Result<> opened = open_host_device(*port, Opening::kFirst); !opened) {
    if (opened.error().code == ErrorCode::kExists) {
      return fail(ErrorCode::kBridgeExists,
                  fmt::format("an interface named {} exists already on this host; choose another name, or add the "
                              "bridge without an interface of its own",
                              bridge.name),
                  bridge.name);
    }
    return opened;
  }
  bridge.host_port = &keep(std::move(port));
  return {};
}

Result<> SwitchModel::delete_bridge(const std::string& name) {
  const Result<ModelBridge*> found = find_bridge(name);
  if (!found) return std::unexpected(found.error());
  ModelBridge& bridge = **found;
  if (bridge.host_port != nullptr && bridge.host_port->attached && bridge.host_port->link.admin_up()) {
    return fail(ErrorCode::kBridgeUp, fmt::format("bridge {} is still up; 'ip link set {} down' first", name, name),
                name);
  }
  // Published first: no worker learns for it any more. Then forgotten, and only then its numbers are free.
  std::erase_if(listeners_, [&](const auto& entry) { return entry.second.bridge == bridge.index; });
  const std::unique_ptr<ModelBridge> last = take_out(bridge);
  std::vector<std::unique_ptr<ModelPort>> members;
  for (auto at = ports_.begin(); at != ports_.end();) {
    const auto port = at++;
    if (port->second->bridge == last->index) members.push_back(take_out(port));
  }
  publish();
  for (const std::unique_ptr<ModelPort>& port : members) forget_device(*port);
  engine_.fdb().remove_if([&](const FdbEntry& entry) { return fids_.owner(entry.fid).bridge == last->index; },
                          engine_.now_s());
  for (const auto& [vid, fid] : last->fids) fids_.give_back(fid);
  for (const std::unique_ptr<ModelPort>& port : members) {
    if (!port->host) tell(ModelEvent::Kind::kPort, "delete", *last, port.get());
  }
  tell(ModelEvent::Kind::kBridge, "delete", *last);
  return {};
}

Result<> SwitchModel::set_bridge(const std::string& name, const BridgeSettings& settings) {
  const Result<ModelBridge*> found = find_bridge(name);
  if (!found) return std::unexpected(found.error());
  if (Result<> checked = check_settings(settings); !checked) return checked;
  ModelBridge& bridge = **found;
  if (Result<> checked = check_costs(bridge, settings.path_costs); !checked) return checked;
  if (settings.stp != StpMode::kOff && settings.stp != bridge.settings.stp) begin_tree(bridge);
  bridge.settings = settings;
  if (settings.ageing_s == 0) bridge.forget_learned = true;
  publish_soon();
  tell_change(ModelEvent::Kind::kBridge, bridge);
  return {};
}

// Ports.

Result<ModelPort*> SwitchModel::find_port(const std::string& name) {
  const auto found = ports_.find(name);
  if (found == ports_.end()) {
    return fail(ErrorCode::kNoSuchPort,
                fmt::format("{} is not a port of any bridge; 'rbctl show' lists the ports", name), name);
  }
  return found->second.get();
}

std::vector<const ModelPort*> SwitchModel::ports_of(const ModelBridge& bridge, WithHost with_host) const {
  std::vector<const ModelPort*> members;
  for (const auto& [name, port] : ports_) {
    if (port->bridge == bridge.index && (!port->host || with_host == WithHost::kYes)) members.push_back(port.get());
  }
  return members;
}

const ModelPort* SwitchModel::port_at(PortIndex index) const {
  return index < port_by_index_.size() ? port_by_index_[index] : nullptr;
}

const ModelBridge* SwitchModel::bridge_at(BridgeIndex index) const {
  return index < bridge_by_index_.size() ? bridge_by_index_[index] : nullptr;
}

const ModelBridge* SwitchModel::bridge_of_fid(Fid fid) const {
  return bridge_at(fids_.owner(fid).bridge);
}

ModelPort& SwitchModel::keep(std::unique_ptr<ModelPort> port) {
  ModelPort& kept = *port;
  port_by_index_[kept.index] = &kept;
  bridge_by_index_[kept.bridge]->vlans_stale = true;
  ports_[kept.name] = std::move(port);
  return kept;
}

std::unique_ptr<ModelPort> SwitchModel::take_out(std::map<std::string, std::unique_ptr<ModelPort>>::iterator port) {
  port_by_index_[port->second->index] = nullptr;
  // Deleted with its bridge, it has none any more.
  if (ModelBridge* bridge = bridge_by_index_[port->second->bridge]; bridge != nullptr) bridge->vlans_stale = true;
  return std::move(ports_.extract(port).mapped());
}

std::unique_ptr<ModelBridge> SwitchModel::take_out(ModelBridge& bridge) {
  bridge_by_index_[bridge.index] = nullptr;
  trees_.remove(bridge.index);
  return std::move(bridges_.extract(bridge.name).mapped());
}

std::optional<PortIndex> SwitchModel::free_index() const {
  const auto free = std::ranges::find(port_by_index_, nullptr);
  if (free == port_by_index_.end()) return std::nullopt;
  return static_cast<PortIndex>(free - port_by_index_.begin());
}

unsigned SwitchModel::free_number(BridgeIndex bridge) const {
  std::vector<bool> used(kMaxPorts + 2);
  used[0] = true;
  for (const auto& [name, port] : ports_) {
    if (port->bridge == bridge) used[port->number] = true;
  }
  return static_cast<unsigned>(std::ranges::find(used, false) - used.begin());
}

Result<> SwitchModel::add_port(const std::string& bridge_name, PortSpec spec) {
  const Result<ModelBridge*> bridge = find_bridge(bridge_name);
  if (!bridge) return std::unexpected(bridge.error());
  const std::string name = spec.name;
  if (Result<> valid = check_interface_name(name); !valid) return valid;
  if (Result<> free = check_free(name); !free) return free;
  const std::optional<PortIndex> index = free_index();
  if (!index)
    return fail(ErrorCode::kTableFull, fmt::format("there are {} ports, and no more are possible", kMaxPorts));
  const unsigned number = free_number((*bridge)->index);
  if (number > kMaxPortNumber) {
    return fail(ErrorCode::kTableFull,
                fmt::format("bridge {} has {} ports, and no more are possible", bridge_name, kMaxPortNumber), name);
  }
  auto port = std::make_unique<ModelPort>();
  port->name = name;
  port->index = *index;
  port->bridge = (*bridge)->index;
  port->number = number;
  port->spec = std::move(spec);
  port->vlans = default_port_vlans((*bridge)->vlans.default_pvid);
  if (Result<> taken = take_fids(**bridge, port->vlans.members); !taken) return taken;
  if (Result<> opened = open_device(*port, Opening::kFirst); !opened) {
    (*bridge)->vlans_stale = true;  // FIDs that were taken for it go with the next publication
    if (opened.error().name.empty()) opened.error().name = name;
    return opened;
  }
  const ModelPort& made = keep(std::move(port));
  publish();
  tell(ModelEvent::Kind::kPort, "add", **bridge, &made);
  return {};
}

Result<> SwitchModel::delete_port(const std::string& bridge_name, const std::string& name) {
  const Result<ModelBridge*> bridge = find_bridge(bridge_name);
  if (!bridge) return std::unexpected(bridge.error());
  if (const auto listener = listeners_.find(name);
      listener != listeners_.end() && listener->second.bridge == (*bridge)->index) {
    delete_listener(name);
    return {};
  }
  const auto found = ports_.find(name);
  if (found == ports_.end()) {
    if (!links_.get(netns_id(-1), name))
      return fail(ErrorCode::kNoSuchInterface, fmt::format("interface {} does not exist", name), name);
    return fail(ErrorCode::kNoSuchPort, fmt::format("{} is not a port of {}", name, bridge_name), name);
  }
  if (found->second->bridge != (*bridge)->index || found->second->host)
    return fail(ErrorCode::kNoSuchPort, fmt::format("{} is not a port of {}", name, bridge_name), name);
  const std::unique_ptr<ModelPort> last = take_out(found);
  publish();
  forget_device(*last);
  engine_.fdb().remove_if([&](const FdbEntry& entry) { return entry.port == last->index; }, engine_.now_s());
  tell(ModelEvent::Kind::kPort, "delete", **bridge, last.get());
  return {};
}

void SwitchModel::forget_device(ModelPort& port) {
  close_device(port);
  // What it has still handed over must not be taken for another's that gets its index.
  std::size_t left = engine_.max_punted() + kPuntedAtOnce;
  while (left > kPuntedAtOnce && take_punted()) left -= kPuntedAtOnce;
  engine_.fdb().flush_port(port.index);
  engine_.clear_counters({&port.index, 1});
}

Result<> SwitchModel::set_port(const std::string& name, const PortSettings& settings) {
  const Result<ModelPort*> found = find_port(name);
  if (!found) return std::unexpected(found.error());
  ModelPort& port = **found;
  const PathCosts costs = bridge_at(port.bridge)->settings.path_costs;
  if (Result<> checked = check_settings(settings, costs); !checked) return checked;
  if (settings.state != port.settings.state) {
    if (Result<> checked = check_state(port, settings.state); !checked) return checked;
  }
  const bool stops_learning = port.settings.state == StpState::kForwarding && settings.state != StpState::kForwarding;
  port.settings = settings;
  publish();
  if (stops_learning) engine_.fdb().flush_port(port.index);
  tell(ModelEvent::Kind::kPort, "change", *bridge_at(port.bridge), &port);
  return {};
}

// What workers and watchers get.

void SwitchModel::publish() {
  unpublished_ = false;
  for (auto& [name, bridge] : bridges_) renew_relay_vlans(*bridge);
  renew_trees();
  std::vector<BridgeState> bridges;
  for (const auto& [name, bridge] : bridges_) {
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
  std::vector<PortState> ports;
  for (const auto& [name, port] : ports_) {
    if (ports.size() <= port->index) ports.resize(port->index + 1U);
    PortState& state = ports[port->index];
    state.bridge = port->bridge;
    state.gate = gate_of(state_of(*port));
    state.learning = port->settings.learning;
    state.flood = port->settings.flood || (port->host && port->link.promiscuous());
    state.mcast_flood = port->settings.mcast_flood;
    state.bcast_flood = port->settings.bcast_flood;
    state.hairpin = port->settings.hairpin;
    state.isolated = port->settings.isolated;
    state.locked = port->settings.locked;
    state.bpdu_filter = port->settings.bpdu_filter;
    state.mtu = port->link.mtu;
    state.accepts = port->offloads;
    const bool by_kernel = port->spec.kind == PortKind::kTap || port->spec.kind == PortKind::kPacket;
    state.trust = by_kernel ? Trust::kKernel : Trust::kPeer;
    state.vlans = port->relay_vlans;
  }
  enter_own_addresses();
  engine_.publish(std::make_unique<ForwardingState>(std::move(bridges), std::move(ports)));
  settle_vlans();
  forget_own_addresses();
  trees_.settle();
  for (const LaterEvent& later : std::exchange(later_events_, {})) {
    const auto bridge = bridges_.find(later.bridge);
    const auto port = ports_.find(later.port);
    if (bridge == bridges_.end() || (!later.port.empty() && port == ports_.end())) continue;
    tell(later.kind, "change", *bridge->second, later.port.empty() ? nullptr : port->second.get());
  }
}

void SwitchModel::tell_change(ModelEvent::Kind kind, const ModelBridge& bridge, const ModelPort* port) {
  if (!unpublished_) return tell(kind, "change", bridge, port);
  later_events_.push_back({kind, bridge.name, port == nullptr ? std::string() : port->name});
}

void SwitchModel::tell(ModelEvent::Kind kind, std::string_view what, const ModelBridge& bridge, const ModelPort* port) {
  if (listener_) listener_({kind, what, &bridge, port});
}

void SwitchModel::notice(std::string text) {
  log_message(LogLevel::kNotice, text);
  // What others can bring about again and again, under names of their own, takes no more room than this.
  if (std::ranges::find(notices_, text) != notices_.end()) return;
  if (notices_.size() == kMaxNotices) notices_.erase(notices_.begin());
  notices_.push_back(std::move(text));
}

}  // namespace rb
