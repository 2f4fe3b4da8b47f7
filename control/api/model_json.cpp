// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/api/model_json.hpp"

#include <fmt/core.h>
#include <linux/if.h>

#include <array>
#include <cmath>

namespace rb {
namespace {

using nlohmann::json;

/// Interface flags by the names and in the order in which iproute2 prints them (ip/ipaddress.c print_link_flags).
json link_flags_json(std::uint32_t flags) {
  struct Flag {
    std::uint32_t bit;
    const char* name;
  };
  constexpr std::array<Flag, 11> kFlags = {{{IFF_LOOPBACK, "LOOPBACK"},
                                            {IFF_BROADCAST, "BROADCAST"},
                                            {IFF_POINTOPOINT, "POINTOPOINT"},
                                            {IFF_MULTICAST, "MULTICAST"},
                                            {IFF_NOARP, "NOARP"},
                                            {IFF_ALLMULTI, "ALLMULTI"},
                                            {IFF_PROMISC, "PROMISC"},
                                            {IFF_SLAVE, "SLAVE"},
                                            {IFF_DEBUG, "DEBUG"},
                                            {IFF_UP, "UP"},
                                            {1U << 16, "LOWER_UP"}}};
  json names = json::array();
  if ((flags & IFF_UP) != 0 && (flags & IFF_RUNNING) == 0) names.push_back("NO-CARRIER");
  for (const Flag& flag : kFlags) {
    if ((flags & flag.bit) != 0) names.push_back(flag.name);
  }
  return names;
}

/// Whatever the device says, a port whose cable is pulled has no carrier.
std::uint32_t shown_flags(const ModelPort& port) {
  constexpr std::uint32_t kCarrier = IFF_RUNNING | 1U << 16;  // IFF_LOWER_UP
  return port.settings.carrier ? port.device.link.flags : port.device.link.flags & ~kCarrier;
}

json offloads_json(Offloads offloads) {
  struct Name {
    std::uint8_t bit;
    const char* name;
  };
  constexpr std::array<Name, 5> kNames = {{{Offloads::kCsum, "csum"},
                                           {Offloads::kTso4, "tso4"},
                                           {Offloads::kTso6, "tso6"},
                                           {Offloads::kEcn, "ecn"},
                                           {Offloads::kUso, "uso"}}};
  json names = json::array();
  for (const Name& name : kNames) {
    if (offloads.has(name.bit)) names.push_back(name.name);
  }
  return names;
}

json traffic_json(const std::array<PortTotals::Traffic, kCastKindCount>& traffic) {
  constexpr std::array<const char*, kCastKindCount> kNames = {"unicast", "multicast", "broadcast"};
  json object;
  for (std::size_t kind = 0; kind < kCastKindCount; ++kind)
    object[kNames[kind]] = {{"frames", traffic[kind].frames}, {"bytes", traffic[kind].bytes}};
  return object;
}

double seconds(std::int64_t milliseconds) {
  return static_cast<double>(milliseconds) / 1000;
}

/// What a tree knows of a port; without one each bridge is its own root, and each of its ports designated.
stp::PortStatus tree_status(const SwitchModel& model, const ModelBridge& bridge, const ModelPort& port) {
  if (const auto status = model.trees().trees().port_status(bridge.index, static_cast<stp::PortNumber>(port.number)))
    return *status;
  stp::PortStatus status;
  status.designated = {
      .root = bridge.id(), .root_path_cost = 0, .designated_bridge = bridge.id(), .designated_port = port.id()};
  return status;
}

stp::BridgeStatus tree_status(const SwitchModel& model, const ModelBridge& bridge) {
  if (const auto status = model.trees().trees().bridge_status(bridge.index)) return *status;
  const auto milliseconds = [](double time) { return std::llround(time * 1000); };
  stp::BridgeStatus status;
  status.id = status.root = bridge.id();
  status.times = {.message_age = 0,
                  .max_age = milliseconds(bridge.settings.max_age_s),
                  .hello = milliseconds(bridge.settings.hello_s),
                  .forward_delay = milliseconds(bridge.settings.forward_delay_s)};
  return status;
}

/// The name of the root port, or null where the bridge is the root.
json root_port_json(const ModelBridge& bridge, const stp::BridgeStatus& status) {
  for (const ModelPort* port : bridge.port_list(WithHost::kNo)) {
    if (port->number == status.root_port) return port->name;
  }
  return nullptr;
}

/// Why a port does not do what it should; "" when it does.
std::string trouble_of(const SwitchModel& model, const ModelBridge& bridge, const ModelPort& port) {
  if (!port.settings.carrier) {
    return fmt::format("the carrier is off; 'rbctl link set dev {} carrier on' plugs the cable in again", port.name);
  }
  if (port.loop_closed) {
    return fmt::format(
        "there is a loop behind it, so the loop guard has closed it for a time; 'rbctl link set {} "
        "loop_guard report' opens it at once",
        bridge.name);
  }
  if (!model.trees().trees().counts(port.bridge, static_cast<stp::PortNumber>(port.number)).guarded)
    return port.device.error;
  return fmt::format(
      "a BPDU came in, and the guard closed the port; 'rbctl link set dev {} guard on' opens it again, and so does a "
      "link that goes down and up",
      port.name);
}

json tree_port_json(const SwitchModel& model, const ModelBridge& bridge, const ModelPort& port) {
  const stp::PortStatus status = tree_status(model, bridge, port);
  const auto counts = model.trees().trees().counts(bridge.index, static_cast<stp::PortNumber>(port.number));
  json guards = json::array(), malformed = json::object();
  for (const Setting<PortSettings>& setting : port_settings()) {
    if (setting.of_tree && setting.get(port.settings) == true) guards.push_back(setting.name);
  }
  for (std::size_t error = 0; error < counts.malformed.size(); ++error) {
    malformed[std::string(bpdu_error_name(static_cast<stp::BpduError>(error)))] = counts.malformed[error];
  }
  return {{"name", port.name},
          {"number", port.number},
          {"priority", port.settings.priority},
          {"port_id", port.id()},
          {"role", port_role_name(status.role)},
          {"state", kStpStateNames.name(model.trees().state_of(port))},
          {"cost", TreeModel::path_cost_of(bridge, port)},
          {"oper_edge", status.edge},
          {"oper_p2p", status.point_to_point},
          {"speaks", status.sends_rstp ? "rstp" : "stp"},
          {"designated_root", bridge_id_text(status.designated.root)},
          {"designated_bridge", bridge_id_text(status.designated.designated_bridge)},
          {"designated_port", status.designated.designated_port},
          {"designated_cost", status.designated.root_path_cost},
          {"proposing", status.proposing},
          {"agreed", status.agreed},
          {"disputed", status.disputed},
          {"guarded", counts.guarded},
          {"root_guarded", status.root_guarded},
          {"loop_inconsistent", status.loop_inconsistent},
          {"self_looped", status.self_looped},
          {"received", status.received},
          {"sent", status.sent - counts.suppressed},
          {"received_tcn", status.received_tcn},
          {"sent_tcn", status.sent_tcn},
          {"ignored", status.ignored},
          {"suppressed", counts.suppressed},
          {"transitions", status.transitions},
          {"malformed", std::move(malformed)},
          {"guards", std::move(guards)}};
}

}  // namespace

std::optional<FdbKind> fdb_kind_of(std::string_view name) noexcept {
  for (const FdbKind kind : {FdbKind::kDynamic, FdbKind::kStatic, FdbKind::kLocal}) {
    if (fdb_kind_name(kind) == name) return kind;
  }
  return std::nullopt;
}

std::string bridge_id_text(stp::BridgeId id) {
  return fmt::format("{:04x}.{:012x}", id.priority(), id.address().to_number());
}

json port_json(const SwitchModel& model, const ModelBridge& bridge, const ModelPort& port) {
  const stp::PortStatus status = tree_status(model, bridge, port);
  const PortOptions& options = port.driver->options();
  json object = json::object();
  write_settings(port_settings(), port.settings, object);
  write_settings(port_vlan_settings(), port.vlans, object);
  // The state and the cost are shown as they are now, whatever is set.
  object.update({{"name", port.name},
                 {"bridge", bridge.name},
                 {"kind", options.kind().name},
                 {"number", port.number},
                 {"ifindex", port.device.link.ifindex},
                 {"device_name", port.device.link.name},
                 {"netns", options.text("netns")},
                 {"flags", link_flags_json(shown_flags(port))},
                 {"mtu", port.device.link.mtu},
                 {"address", to_string(port.device.link.address)},
                 {"device", device_state_name(port.device.state)},
                 {"state", kStpStateNames.name(model.trees().state_of(port))},
                 {"cost", TreeModel::path_cost_of(bridge, port)},
                 {"cost_auto", !port.settings.cost},
                 {"port_id", port.id()},
                 {"designated_root", bridge_id_text(status.designated.root)},
                 {"designated_bridge", bridge_id_text(status.designated.designated_bridge)},
                 {"designated_port", status.designated.designated_port},
                 {"designated_cost", status.designated.root_path_cost},
                 {"message_age_timer_s", seconds(status.message_age_timer)},
                 {"forward_delay_timer_s", seconds(status.forward_delay_timer)},
                 {"hold_timer_s", seconds(status.hold_timer)},
                 {"config_pending", status.config_pending},
                 {"topology_change_ack", status.topology_change_ack},
                 {"queues", port.device.queue_count},
                 {"created", options.flag("create")},
                 {"persistent", false},
                 {"offload", options.flag("offload")},
                 {"offloads", offloads_json(port.device.offloads)},
                 {"host", port.host}});
  if (std::string trouble = trouble_of(model, bridge, port); !trouble.empty()) object["trouble"] = std::move(trouble);
  if (port.arrival)
    object.update({{"listener", port.arrival->listener}, {"pid", port.arrival->pid}, {"uid", port.arrival->uid}});
  port.driver->describe(object);
  return object;
}

json bridge_json(const SwitchModel& model, const ModelBridge& bridge) {
  const BridgeSettings& settings = bridge.settings;
  const stp::BridgeStatus status = tree_status(model, bridge);
  json ports = json::array();
  for (const ModelPort* port : bridge.port_list(WithHost::kNo)) ports.push_back(port_json(model, bridge, *port));
  json listeners = json::array();
  for (const ModelListener* listener : bridge.listener_list()) {
    json object = {{"name", listener->name}, {"address", listener->driver->options().address()}};
    listener->driver->describe(object);
    listeners.push_back(std::move(object));
  }
  const ModelPort* host = bridge.host_port;
  json object = json::object();
  write_settings(bridge_settings(), settings, object);
  write_settings(bridge_vlan_settings(), bridge.vlans, object);
  // The root of the tree decides the times; the bridge's own are shown besides.
  object.update({{"name", bridge.name},
                 {"ifindex", host != nullptr ? host->device.link.ifindex : 0},
                 {"id", bridge_id_text(status.id)},
                 {"address", to_string(bridge.address())},
                 {"host_port", host != nullptr},
                 {"host_up", host != nullptr && host->device.link.admin_up()},
                 {"root_id", bridge_id_text(status.root)},
                 {"root_port", status.root_port},
                 {"root_path_cost", status.root_path_cost},
                 {"max_age_s", seconds(status.times.max_age)},
                 {"bridge_max_age_s", settings.max_age_s},
                 {"hello_s", seconds(status.times.hello)},
                 {"bridge_hello_s", settings.hello_s},
                 {"forward_delay_s", seconds(status.times.forward_delay)},
                 {"bridge_forward_delay_s", settings.forward_delay_s},
                 {"ageing_now_s", model.trees().ageing_s(bridge)},
                 {"hello_timer_s", seconds(status.hello_timer)},
                 {"tcn_timer_s", seconds(status.tcn_timer)},
                 {"topology_change_timer_s", seconds(status.topology_change_timer)},
                 {"gc_timer_s", seconds(model.time_to_sweep().count())},
                 {"topology_change", status.topology_change},
                 {"topology_change_detected", status.topology_change_detected},
                 {"listeners", std::move(listeners)},
                 {"ports", std::move(ports)}});
  return object;
}

json tree_json(const SwitchModel& model, const ModelBridge& bridge) {
  json object = {{"name", bridge.name}, {"stp", kStpModeNames.name(bridge.settings.stp)}};
  if (bridge.settings.stp == StpMode::kOff) return object;
  const stp::BridgeStatus status = tree_status(model, bridge);
  json ports = json::array();
  for (const ModelPort* port : bridge.port_list(WithHost::kNo)) ports.push_back(tree_port_json(model, bridge, *port));
  object.update({{"id", bridge_id_text(status.id)},
                 {"root_id", bridge_id_text(status.root)},
                 {"root_port", root_port_json(bridge, status)},
                 {"root_path_cost", status.root_path_cost},
                 {"path_cost", kPathCostsNames.name(bridge.settings.path_costs)},
                 {"max_age_s", seconds(status.times.max_age)},
                 {"hello_s", seconds(status.times.hello)},
                 {"forward_delay_s", seconds(status.times.forward_delay)},
                 {"topology_change", status.topology_change},
                 {"topology_changes", status.topology_changes},
                 {"since_topology_change_s",
                  status.since_topology_change ? json(seconds(*status.since_topology_change)) : json()},
                 {"ports", std::move(ports)}});
  return object;
}

json tree_event_json(const SwitchModel& model, const ModelEvent& event) {
  json object = {{"kind", "stp"}, {"event", event.what}, {"bridge", event.bridge->name}};
  if (event.port != nullptr) {
    object["port"] = event.port->name;
    object["on"] = event.on;
    return object;
  }
  const stp::BridgeStatus status = tree_status(model, *event.bridge);
  object.update({{"root_id", bridge_id_text(status.root)},
                 {"root_port", root_port_json(*event.bridge, status)},
                 {"root_path_cost", status.root_path_cost},
                 {"topology_changes", status.topology_changes}});
  return object;
}

json fdb_entry_json(const SwitchModel& model, const FdbEntry& entry) {
  const ModelPort* port = model.port_at(entry.port);
  const ModelBridge* bridge = model.vlans().bridge_of_fid(entry.fid);
  json object = {{"mac", to_string(entry.mac)},
                 {"port", port != nullptr ? port->name : ""},
                 {"port_number", port != nullptr ? port->number : 0},
                 {"bridge", bridge != nullptr ? bridge->name : ""},
                 {"kind", fdb_kind_name(entry.kind)},
                 {"age_s", entry.age_s}};
  if (const Vid vid = model.vlans().vid_of_fid(entry.fid); vid != kNoVid) object["vlan"] = vid;
  return object;
}

json stats_json(const PortTotals& totals) {
  json drops;
  for (std::size_t reason = 0; reason < kDropReasonCount; ++reason) {
    drops[std::string(drop_reason_name(static_cast<DropReason>(reason)))] = totals.drops[reason];
  }
  return {{"rx", traffic_json(totals.rx)}, {"tx", traffic_json(totals.tx)}, {"forwarded", totals.forwarded},
          {"flooded", totals.flooded},     {"copies", totals.copies},       {"drops", std::move(drops)}};
}

}  // namespace rb
