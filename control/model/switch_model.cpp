// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/switch_model.hpp"

#include <fmt/core.h>
#include <xxhash.h>

#include <fstream>
#include <utility>

#include "control/base/random_number.hpp"
#include "ports/base/interface_name.hpp"
#include "ports/base/netns.hpp"

namespace rb {
namespace {

/// A port identifier has ten bits for the number, below the priority (BR_PORT_BITS of the kernel's bridge).
constexpr unsigned kMaxPortNumber = (1U << 10) - 1;

/// Tells this machine from others: its id, or its name where it has no id (containers often have none).
std::string machine_identity() {
  std::string identity;
  std::ifstream("/etc/machine-id") >> identity;
  if (identity.empty() || identity == "uninitialized") std::ifstream("/proc/sys/kernel/hostname") >> identity;
  return identity;
}

Change change_of(const ModelBridge& bridge, std::string_view what) {
  Change change;
  change.events.push_back({ModelEvent::Kind::kBridge, what, &bridge});
  return change;
}

Change change_of(const ModelBridge& bridge, const ModelPort& port, std::string_view what) {
  Change change;
  change.events.push_back({ModelEvent::Kind::kPort, what, &bridge, &port});
  return change;
}

}  // namespace

SwitchModel::SwitchModel(Engine& engine, LinkMonitor& links, const PortKinds& kinds, ModelObserver& observer,
                         Options options)
    : engine_(engine),
      links_(links),
      kinds_(kinds),
      observer_(observer),
      options_(std::move(options)),
      vlans_(engine, tables_, notices_),
      trees_(engine, tables_, notices_, observer,
             {.loop = options_.loop, .clock = options_.clock, .publish = [this] { changes_.commit({}); }}),
      changes_(engine, tables_, vlans_, trees_, observer),
      devices_({.engine = engine,
                .links = links,
                .tables = tables_,
                .changes = changes_,
                .notices = notices_,
                .observer = observer,
                .remove = [this](ModelPort& port) { remove_port(port); }}),
      listeners_({.engine = engine,
                  .links = links,
                  .tables = tables_,
                  .notices = notices_,
                  .add_port = [this](ModelBridge& bridge, const Arrival& arrival, std::unique_ptr<PortDriver> driver) {
                    return add_port(bridge, std::move(driver), arrival);
                  }}) {
  if (options_.host_ports && !kinds_.may_make_host_ports) {
    options_.host_ports = false;
    notices_.add("without CAP_NET_ADMIN bridges get no interface of their own on this host");
  }
}

SwitchModel::~SwitchModel() {
  for (const auto& [name, bridge] : tables_.bridges()) bridge->listeners.clear();
  for (const auto& [name, port] : tables_.ports()) port->driver->close();
}

// Bridges.

std::vector<const ModelBridge*> SwitchModel::bridges() const {
  std::vector<const ModelBridge*> all;
  all.reserve(tables_.bridges().size());
  for (const auto& [name, bridge] : tables_.bridges()) all.push_back(bridge.get());
  return all;
}

MacAddress SwitchModel::stable_address(const std::string& bridge) const {
  const bool usual = options_.socket_path == kDefaultSocketPath;
  const std::string seed = machine_identity() + (usual ? "" : options_.socket_path) + bridge;
  MacAddress address = MacAddress::from_number(XXH3_64bits(seed.data(), seed.size()));
  address.octets[0] = static_cast<std::uint8_t>((address.octets[0] & 0xfc) | 2);
  return address;
}

Result<> SwitchModel::add_bridge(const std::string& name, bool host_port) {
  if (Result<> valid = check_interface_name(name); !valid) return valid;
  if (find_bridge(name)) return fail(ErrorCode::kBridgeExists, fmt::format("bridge {} exists already", name), name);
  if (!tables_.check_free(name))
    return fail(ErrorCode::kBridgeExists, fmt::format("{} is a port; a bridge needs a name of its own", name), name);
  const Result<BridgeIndex> index = tables_.free_bridge_index();
  if (!index) return std::unexpected(index.error());

  auto bridge = std::make_unique<ModelBridge>();
  bridge->name = name;
  bridge->index = *index;
  bridge->fid = FidTable::of_bridge(*index);
  bridge->wants_host_port = host_port;
  bridge->stable_address = stable_address(name);
  bridge->probe_sender = random_number();
  std::unique_ptr<ModelPort> own_port;
  if (host_port && options_.host_ports) {
    Result<std::unique_ptr<ModelPort>> port = make_host_port(*bridge);
    if (!port) {
      vlans_.give_back_fids(*bridge);
      return std::unexpected(port.error());
    }
    own_port = std::move(*port);
  }
  ModelBridge& made = tables_.add(std::move(bridge));
  if (own_port != nullptr) made.host_port = &tables_.add(made, std::move(own_port));
  changes_.commit(change_of(made, "add"));
  return {};
}

Result<std::unique_ptr<ModelPort>> SwitchModel::make_host_port(ModelBridge& bridge) {
  const Result<PortIndex> index = tables_.free_port_index();
  if (!index) return std::unexpected(index.error());
  auto port = std::make_unique<ModelPort>();
  port->name = bridge.name;
  port->index = *index;
  port->bridge = bridge.index;
  port->host = true;
  port->settings = host_port_settings();
  port->vlans = default_port_vlans(bridge.vlans.default_pvid);
  if (Result<> taken = vlans_.take_fids(bridge, port->vlans.members); !taken) return std::unexpected(taken.error());
  port->driver = kinds_.make_host_port(bridge.name, bridge.stable_address);
  if (Result<> opened = devices_.open(*port); !opened) {
    if (opened.error().code != ErrorCode::kExists) return std::unexpected(opened.error());
    return fail(ErrorCode::kBridgeExists,
                fmt::format("an interface named {} exists already on this host; choose another name, or add the bridge "
                            "without an interface of its own",
                            bridge.name),
                bridge.name);
  }
  return port;
}

Result<> SwitchModel::delete_bridge(const std::string& name) {
  const Result<ModelBridge*> found = find_bridge(name);
  if (!found) return std::unexpected(found.error());
  ModelBridge& bridge = **found;
  if (bridge.host_port != nullptr && bridge.host_port->attached && bridge.host_port->device.link.admin_up()) {
    return fail(ErrorCode::kBridgeUp, fmt::format("bridge {} is still up; 'ip link set {} down' first", name, name),
                name);
  }
  trees_.remove(bridge);
  Change change;
  change.removed_bridges.push_back(tables_.take_out(bridge));
  for (const ModelPort* port : bridge.port_list(WithHost::kNo))
    change.events.push_back({ModelEvent::Kind::kPort, "delete", &bridge, port});
  change.events.push_back({ModelEvent::Kind::kBridge, "delete", &bridge});
  changes_.commit(std::move(change));
  return {};
}

Result<> SwitchModel::set_bridge(const std::string& name, const BridgeSettings& settings) {
  const Result<ModelBridge*> found = find_bridge(name);
  if (!found) return std::unexpected(found.error());
  if (Result<> checked = check_settings(settings); !checked) return checked;
  ModelBridge& bridge = **found;
  if (Result<> checked = check_costs(bridge, settings.path_costs); !checked) return checked;
  if (settings.stp != StpMode::kOff && settings.stp != bridge.settings.stp) TreeModel::begin(bridge);
  bridge.settings = settings;
  if (settings.ageing_s == 0) bridge.forget_learned = true;
  changes_.commit(change_of(bridge, "change"));
  return {};
}

Result<> SwitchModel::set_bridge_vlans(const std::string& name, const BridgeVlanSettings& settings) {
  const Result<ModelBridge*> bridge = find_bridge(name);
  if (!bridge) return std::unexpected(bridge.error());
  if ((*bridge)->vlans == settings) return {};
  if (Result<> set = vlans_.set(**bridge, settings); !set) return set;
  changes_.commit(change_of(**bridge, "change"));
  return {};
}

Result<> SwitchModel::check_costs(const ModelBridge& bridge, PathCosts costs) {
  for (const ModelPort* port : bridge.port_list(WithHost::kYes)) {
    if (Result<> checked = check_settings(port->settings, costs); !checked) {
      return fail(ErrorCode::kOutOfRange,
                  fmt::format("{}: {}; 'rbctl link set dev {} cost auto' first", port->name, checked.error().message,
                              port->name),
                  port->name);
    }
  }
  return {};
}

// Ports.

Result<> SwitchModel::add_port(const std::string& bridge_name, PortRequest request) {
  const Result<ModelBridge*> bridge = find_bridge(bridge_name);
  if (!bridge) return std::unexpected(bridge.error());
  const std::string name = request.options.name();
  const PortKind* const kind = kinds_.find(request.options.kind());
  if (kind == nullptr) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("this switch has no ports of kind {}", request.options.kind().name), name);
  }
  if (Result<> valid = check_interface_name(name); !valid) return valid;
  if (Result<> free = tables_.check_free(name); !free) return free;
  if (kind->listens()) {
    Result<std::unique_ptr<ListenerDriver>> driver = kind->make_listener(std::move(request.options));
    if (!driver) return std::unexpected(driver.error());
    if (Result<> added = listeners_.add(**bridge, std::move(*driver)); !added) return added;
    changes_.commit(change_of(**bridge, "change"));
    return {};
  }
  Result<std::unique_ptr<PortDriver>> driver = kind->make_port(std::move(request));
  if (!driver) return std::unexpected(driver.error());
  return add_port(**bridge, std::move(*driver), std::nullopt);
}

Result<> SwitchModel::add_port(ModelBridge& bridge, std::unique_ptr<PortDriver> driver,
                               std::optional<Arrival> arrival) {
  auto port = std::make_unique<ModelPort>();
  port->name = driver->options().name();
  if (Result<> valid = check_interface_name(port->name); !valid) return valid;
  if (Result<> free = tables_.check_free(port->name); !free) return free;
  const Result<PortIndex> index = tables_.free_port_index();
  if (!index) return std::unexpected(index.error());
  port->index = *index;
  port->bridge = bridge.index;
  port->number = bridge.free_port_number();
  if (port->number > kMaxPortNumber) {
    return fail(ErrorCode::kTableFull,
                fmt::format("bridge {} has {} ports, and no more are possible", bridge.name, kMaxPortNumber),
                port->name);
  }
  port->arrival = std::move(arrival);
  port->vlans = default_port_vlans(bridge.vlans.default_pvid);
  if (Result<> taken = vlans_.take_fids(bridge, port->vlans.members); !taken) return taken;
  port->driver = std::move(driver);
  if (Result<> opened = devices_.open(*port); !opened) {
    bridge.vlans_stale = true;  // FIDs that were taken for the port go with the next publication
    if (opened.error().name.empty()) opened.error().name = port->name;
    return opened;
  }
  const ModelPort& made = tables_.add(bridge, std::move(port));
  changes_.commit(change_of(bridge, made, "add"));
  return {};
}

Result<> SwitchModel::delete_port(const std::string& bridge_name, const std::string& name) {
  const Result<ModelBridge*> bridge = find_bridge(bridge_name);
  if (!bridge) return std::unexpected(bridge.error());
  ModelListener* const listener = tables_.listener(name);
  if (listener != nullptr && listener->bridge == (*bridge)->index) {
    remove_listener(*listener);
    return {};
  }
  const Result<ModelPort*> port = find_port(name);
  if (!port && !links_.get(netns_id(-1), name))
    return fail(ErrorCode::kNoSuchInterface, fmt::format("interface {} does not exist", name), name);
  if (!port || (*port)->bridge != (*bridge)->index || (*port)->host)
    return fail(ErrorCode::kNoSuchPort, fmt::format("{} is not a port of {}", name, bridge_name), name);
  remove_port(**port);
  return {};
}

void SwitchModel::remove_port(ModelPort& port) {
  Change change = change_of(tables_.bridge_of(port), port, "delete");
  change.removed_ports.push_back(tables_.take_out(port));
  changes_.commit(std::move(change));
}

void SwitchModel::remove_listener(ModelListener& listener) {
  const Batch together(*this);
  ModelBridge& bridge = *tables_.bridge_at(listener.bridge);
  const std::unique_ptr<ModelListener> last = tables_.take_out(listener);
  for (const ModelPort* port : bridge.port_list(WithHost::kNo)) {
    if (port->arrival && port->arrival->listener == last->name) remove_port(*tables_.port_at(port->index));
  }
  changes_.commit(change_of(bridge, "change"));
}

Result<> SwitchModel::set_port(const std::string& name, const PortSettings& settings) {
  const Result<ModelPort*> found = find_port(name);
  if (!found) return std::unexpected(found.error());
  ModelPort& port = **found;
  const ModelBridge& bridge = tables_.bridge_of(port);
  if (Result<> checked = check_settings(settings, bridge.settings.path_costs); !checked) return checked;
  if (settings.state != port.settings.state) {
    if (Result<> checked = trees_.check_state(port, settings.state); !checked) return checked;
  }
  Change change = change_of(bridge, port, "change");
  if (port.settings.state == StpState::kForwarding && settings.state != StpState::kForwarding)
    change.flushed_ports.push_back(port.index);
  const bool carrier_changes = settings.carrier != port.settings.carrier;
  if (carrier_changes) {
    if (Result<> shown = PortDevices::show_carrier(port, settings.carrier); !shown) return shown;
  }
  port.settings = settings;
  if (carrier_changes) {
    // After the publication: frames that have waited in a device are read only when they can be forwarded.
    change.followers.push_back([this, &port] { devices_.follow_carrier(port); });
    if (!settings.carrier) change.flushed_ports.push_back(port.index);
  }
  changes_.commit(std::move(change));
  return {};
}

Result<> SwitchModel::set_port_vlans(const std::string& name, const PortVlanSettings& settings) {
  const Result<ModelPort*> port = find_port(name);
  if (!port) return std::unexpected(port.error());
  if (Result<> set = vlans_.set(**port, settings); !set) return set;
  changes_.commit(change_of(tables_.bridge_of(**port), **port, "change"));
  return {};
}

void SwitchModel::reopen_port(const ModelPort& port) {
  if (trees_.reopen(port)) changes_.commit({});
}

void SwitchModel::set_loop_closed(PortIndex index, bool closed) {
  ModelPort& port = *tables_.port_at(index);
  if (std::exchange(port.loop_closed, closed) == closed) return;
  Change change = change_of(tables_.bridge_of(port), port, "change");
  if (closed) change.flushed_ports.push_back(index);
  changes_.commit(std::move(change));
}

}  // namespace rb
