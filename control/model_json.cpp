#include "control/model_json.hpp"

#include <fmt/core.h>
#include <linux/if.h>

#include <array>

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

unsigned port_id(const ModelPort& port) {
  return unsigned{port.settings.priority} << 10 | port.number;
}

}  // namespace

std::optional<FdbKind> fdb_kind_of(std::string_view name) noexcept {
  for (const FdbKind kind : {FdbKind::kDynamic, FdbKind::kStatic, FdbKind::kLocal}) {
    if (fdb_kind_name(kind) == name) return kind;
  }
  return std::nullopt;
}

std::string bridge_id(const ModelBridge& bridge) {
  return fmt::format("{:04x}.{:012x}", bridge.settings.priority, bridge.address().to_number());
}

json port_json(const ModelBridge& bridge, const ModelPort& port) {
  json object = {{"name", port.name},
                 {"bridge", bridge.name},
                 {"kind", port_kind_name(port.spec.kind)},
                 {"number", port.number},
                 {"ifindex", port.link.ifindex},
                 {"device_name", port.link.name},
                 {"netns", port.spec.netns_label},
                 {"flags", link_flags_json(port.link.flags)},
                 {"mtu", port.link.mtu},
                 {"address", to_string(port.link.address)},
                 {"device", device_state_name(port.device)},
                 {"state", stp_state_name(port.state())},
                 {"priority", port.settings.priority},
                 {"cost", port.settings.cost},
                 {"port_id", port_id(port)},
                 // Without spanning tree every bridge is its own root, and each of its ports designated.
                 {"designated_root", bridge_id(bridge)},
                 {"designated_bridge", bridge_id(bridge)},
                 {"designated_port", port_id(port)},
                 {"designated_cost", 0},
                 {"message_age_timer_s", 0.0},
                 {"forward_delay_timer_s", 0.0},
                 {"hold_timer_s", 0.0},
                 {"config_pending", false},
                 {"topology_change_ack", false},
                 {"queues", port.queue_count},
                 {"created", port.spec.tap.create},
                 {"persistent", port.persistent},
                 {"offload", port.spec.offload},
                 {"offloads", offloads_json(port.offloads)},
                 {"host", port.host},
                 {"admit", admit_name(port.vlans.admit)},
                 {"ingress_filtering", port.vlans.ingress_filtering},
                 {"default_pcp", port.vlans.default_pcp},
                 {"pcp_map", port.vlans.regenerated}};
  for (const PortFlag& flag : port_flags()) object[flag.name] = port.settings.*flag.member;
  if (!port.trouble.empty()) object["trouble"] = port.trouble;
  if (!port.spec.listener.empty())
    object.update({{"listener", port.spec.listener}, {"pid", port.spec.peer_pid}, {"uid", port.spec.peer_uid}});
  return object;
}

json bridge_json(const SwitchModel& model, const ModelBridge& bridge) {
  const BridgeSettings& settings = bridge.settings;
  json ports = json::array();
  for (const ModelPort* port : model.ports_of(bridge, SwitchModel::WithHost::kNo))
    ports.push_back(port_json(bridge, *port));
  json listeners = json::array();
  for (const ModelListener* listener : model.listeners_of(bridge))
    listeners.push_back({{"name", listener->name}, {"address", listener->address.text}});
  const ModelPort* host = bridge.host_port;
  return {{"name", bridge.name},
          {"ifindex", host != nullptr ? host->link.ifindex : 0},
          {"id", bridge_id(bridge)},
          {"address", to_string(bridge.address())},
          {"host_port", host != nullptr},
          {"host_up", host != nullptr && host->link.admin_up()},
          {"priority", settings.priority},
          {"stp", "off"},
          {"root_id", bridge_id(bridge)},
          {"root_port", 0},
          {"root_path_cost", 0},
          {"max_age_s", settings.max_age_s},
          {"bridge_max_age_s", settings.max_age_s},
          {"hello_s", settings.hello_s},
          {"bridge_hello_s", settings.hello_s},
          {"forward_delay_s", settings.forward_delay_s},
          {"bridge_forward_delay_s", settings.forward_delay_s},
          {"ageing_s", settings.ageing_s},
          {"hello_timer_s", 0.0},
          {"tcn_timer_s", 0.0},
          {"topology_change_timer_s", 0.0},
          {"gc_timer_s", 0.0},
          {"topology_change", false},
          {"topology_change_detected", false},
          {"group_fwd_mask", settings.group_fwd_mask},
          {"forward", group_fwd_names(settings.group_fwd_mask)},
          {"vlan_filtering", bridge.vlans.filtering},
          {"vlan_protocol", vlan_protocol_name(bridge.vlans.tpid)},
          {"vlan_default_pvid", bridge.vlans.default_pvid},
          {"vlan_learning", bridge.vlans.shared_learning ? "shared" : "independent"},
          {"listeners", std::move(listeners)},
          {"ports", std::move(ports)}};
}

json fdb_entry_json(const SwitchModel& model, const FdbEntry& entry) {
  const ModelPort* port = model.port_at(entry.port);
  const ModelBridge* bridge = model.bridge_of_fid(entry.fid);
  json object = {{"mac", to_string(entry.mac)},
                 {"port", port != nullptr ? port->name : ""},
                 {"port_number", port != nullptr ? port->number : 0},
                 {"bridge", bridge != nullptr ? bridge->name : ""},
                 {"kind", fdb_kind_name(entry.kind)},
                 {"age_s", entry.age_s}};
  if (const Vid vid = model.vid_of_fid(entry.fid); vid != kNoVid) object["vlan"] = vid;
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
