// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/bridge_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "control/words/port_settings.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// The kernel's word for a kind of entry; a dynamic one has none.
std::string_view state_word(const json& entry, const char* key) {
  const std::string kind = text_of(entry, key);
  if (kind == "local") return "permanent";
  return kind == "static" ? "static" : "";
}

/// One flag of `bridge -d link`, in its order: what it is called, and whether a Port has it. The others are off.
struct LinkFlag {
  const char* name;
  bool in_port;
};
constexpr std::array<LinkFlag, 8> kFlagsBeforeRouter = {{{"hairpin", true},
                                                         {"guard", true},
                                                         {"root_block", true},
                                                         {"fastleave", false},
                                                         {"learning", true},
                                                         {"flood", true},
                                                         {"mcast_flood", true},
                                                         {"bcast_flood", true}}};
constexpr std::array<LinkFlag, 5> kFlagsAfterRouter = {{{"mcast_to_unicast", false},
                                                        {"neigh_suppress", false},
                                                        {"vlan_tunnel", false},
                                                        {"isolated", true},
                                                        {"locked", true}}};
constexpr int kMcastRouter = 1;  // "learn where routers are", the kernel's default

template <typename Flags, typename Use>
void for_each_flag(const json& port, const Flags& flags, const Use& use) {
  for (const LinkFlag& flag : flags) use(flag.name, flag.in_port && port.at(flag.name).template get<bool>());
}

/// Calls `use(setting, value)` for each setting of a port that the kernel's bridge does not have, and that differs from
/// its default.
template <typename Use>
void for_each_other_setting(const json& port, const Use& use) {
  constexpr std::array<std::string_view, 3> kShownElsewhere = {"state", "priority", "cost"};
  const auto is_flag = [](const auto& flags, std::string_view name) {
    return std::ranges::any_of(flags, [&](const LinkFlag& flag) { return flag.name == name; });
  };
  const PortSettings defaults;
  for (const Setting<PortSettings>& setting : port_settings()) {
    const std::string key(setting.key);
    const bool shown = is_flag(kFlagsBeforeRouter, setting.name) || is_flag(kFlagsAfterRouter, setting.name) ||
                       std::ranges::find(kShownElsewhere, setting.name) != kShownElsewhere.end();
    if (!shown && port.contains(key) && port.at(key) != setting.get(defaults)) use(setting, port.at(key));
  }
}

std::string link_details(const json& port) {
  std::string out = "    ";
  const auto print = [&](const char* name, bool on) { out += fmt::format("{} {} ", name, on ? "on" : "off"); };
  for_each_flag(port, kFlagsBeforeRouter, print);
  out += fmt::format("mcast_router {} ", kMcastRouter);
  for_each_flag(port, kFlagsAfterRouter, print);
  std::string others;
  for_each_other_setting(port, [&](const SettingInfo& setting, const json& value) {
    others += fmt::format("{}{} {}", others.empty() ? "    " : " ", setting.name, setting.type->print(value));
  });
  return out + '\n' + others + (others.empty() ? "" : "\n");
}

std::string fdb_event_line(const json& event) {
  const std::string kind = text_of(event, "event");
  std::string out = kind == "age" || kind == "delete" ? "Deleted " : "";
  const std::string vlan = event.contains("vlan") ? fmt::format("vlan {} ", event.at("vlan").get<int>()) : "";
  out +=
      fmt::format("{} dev {} {}master {} {}", text_of(event, "mac"), text_of(event, "port"), vlan,
                  text_of(event, "bridge"), event.contains("entry") ? state_word(event, "entry") : std::string_view{});
  if (kind == "move") out += fmt::format("moved from {}", text_of(event, "from"));
  return out + '\n';
}

std::string tree_event_line(const json& event) {
  const std::string start = fmt::format("{} {}", text_of(event, "bridge"), text_of(event, "event"));
  if (event.contains("port"))
    return fmt::format("{} {} {}\n", start, text_of(event, "port"), event.at("on").get<bool>() ? "on" : "off");
  const json& by = event.at("root_port");
  return fmt::format("{} root {}{} cost {} changes {}\n", start, text_of(event, "root_id"),
                     by.is_null() ? std::string() : fmt::format(" by {}", by.get<std::string>()),
                     event.at("root_path_cost").get<std::uint32_t>(),
                     event.at("topology_changes").get<std::uint64_t>());
}

std::string loop_event_line(const json& event) {
  const json& ports = event.at("ports");
  std::string out =
      fmt::format("{} {} dev {}", text_of(event, "bridge"), text_of(event, "event"), ports.at(0).get<std::string>());
  if (ports.size() > 1) out += " dev " + ports.at(1).get<std::string>();
  if (event.contains("mac")) {
    const std::string vlan = event.contains("vlan") ? fmt::format(" vlan {}", event.at("vlan").get<int>()) : "";
    out += fmt::format(" {}{} moves {}", text_of(event, "mac"), vlan, event.at("moves").get<unsigned>());
  }
  if (event.contains("closed_s")) out += fmt::format(" for {} s", event.at("closed_s").get<double>());
  return out + '\n';
}

std::string port_event_line(const json& event) {
  const std::string deleted = text_of(event, "event") == "delete" ? "Deleted " : "";
  if (event.contains("port")) return deleted + link_lines(event.at("port"), {});
  return fmt::format("{}{} master {}\n", deleted, text_of(event, "name"), text_of(event, "bridge"));
}

}  // namespace

std::string fdb_line(const json& entry, const BridgeTextOptions& options) {
  std::string out = fmt::format("{} dev {} ", text_of(entry, "mac"), text_of(entry, "port"));
  if (entry.contains("vlan")) out += fmt::format("vlan {} ", entry.at("vlan").get<int>());
  if (options.statistics) out += fmt::format("used {0}/{0} ", entry.at("age_s").get<std::int64_t>());
  return out + fmt::format("master {} {}\n", text_of(entry, "bridge"), state_word(entry, "kind"));
}

OrderedJson fdb_object(const json& entry, const BridgeTextOptions& options) {
  OrderedJson object = {{"mac", text_of(entry, "mac")}, {"ifname", text_of(entry, "port")}};
  if (entry.contains("vlan")) object["vlan"] = entry.at("vlan").get<int>();
  if (options.statistics) {
    object["used"] = entry.at("age_s").get<std::int64_t>();
    object["updated"] = entry.at("age_s").get<std::int64_t>();
  }
  object["flags"] = OrderedJson::array();
  object["master"] = text_of(entry, "bridge");
  object["state"] = state_word(entry, "kind");
  return object;
}

std::string link_lines(const json& port, const BridgeTextOptions& options) {
  std::string flags;
  for (const json& flag : port.at("flags")) flags += (flags.empty() ? "" : ",") + flag.get<std::string>();
  std::string out =
      fmt::format("{}: {}: <{}> mtu {} master {} state {} priority {} cost {} \n", port.at("ifindex").get<int>(),
                  text_of(port, "name"), flags, port.at("mtu").get<int>(), text_of(port, "bridge"),
                  text_of(port, "state"), port.at("priority").get<int>(), port.at("cost").get<int>());
  if (port.contains("trouble")) out += fmt::format("    trouble: {}\n", text_of(port, "trouble"));
  return options.details ? out + link_details(port) : out;
}

OrderedJson link_object(const json& port, const BridgeTextOptions& options) {
  OrderedJson object = {{"ifindex", port.at("ifindex").get<int>()},   {"ifname", text_of(port, "name")},
                        {"flags", OrderedJson(port.at("flags"))},     {"mtu", port.at("mtu").get<int>()},
                        {"master", text_of(port, "bridge")},          {"state", text_of(port, "state")},
                        {"priority", port.at("priority").get<int>()}, {"cost", port.at("cost").get<int>()}};
  if (port.contains("trouble")) object["trouble"] = text_of(port, "trouble");
  if (!options.details) return object;
  const auto enter = [&](const char* name, bool on) { object[name] = on; };
  for_each_flag(port, kFlagsBeforeRouter, enter);
  object["mcast_router"] = kMcastRouter;
  for_each_flag(port, kFlagsAfterRouter, enter);
  for_each_other_setting(port, [&](const SettingInfo& setting, const json& value) {
    object[std::string(setting.key)] = OrderedJson(value);
  });
  return object;
}

std::string event_line(const json& event, MonitorBanner banner) {
  const std::string kind = text_of(event, "kind");
  const bool with_banner = banner == MonitorBanner::kWith;
  if (kind == "fdb") return (with_banner ? "[NEIGH]" : "") + fdb_event_line(event);
  if (kind == "port") return (with_banner ? "[LINK]" : "") + port_event_line(event);
  if (kind == "stp") return (with_banner ? "[STP]" : "") + tree_event_line(event);
  if (kind == "loop") return (with_banner ? "[LOOP]" : "") + loop_event_line(event);
  if (kind == "lost") return fmt::format("{} events were lost\n", event.at("count").get<std::uint64_t>());
  return fmt::format("{}{}{} {}\n", with_banner ? "[LINK]" : "", text_of(event, "event") == "delete" ? "Deleted " : "",
                     kind, event.value("name", ""));
}

}  // namespace rb
