// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/command_line.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "control/words/bridge_settings.hpp"
#include "control/words/port_settings.hpp"
#include "control/words/port_spec.hpp"
#include "control/words/vlan_settings.hpp"
#include "control/words/vlan_words.hpp"
#include "control/words/word_parser.hpp"
#include "ports/base/account_names.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// One command: its first word or two, how its arguments are written, and what reads them.
struct ChangeCommand {
  std::string_view name;
  std::string_view usage;
  Requests (*parse)(WordParser& words);
};

Requests add_bridge(WordParser& words) {
  json params{{"name", words.text(kBridgeName)}};
  if (words.accept("--no-host-port")) params["host_port"] = false;
  return {{"bridge.add", std::move(params)}};
}

Requests delete_bridge(WordParser& words) {
  return {{"bridge.delete", {{"name", words.text(kBridgeName)}}}};
}

Requests add_ports(WordParser& words) {
  const std::string bridge = words.text(kBridgeName);
  Requests requests;
  do {
    const auto spec = parse_port_spec(words.text("the device"));
    if (spec) {
      requests.push_back({"port.add", {{"bridge", bridge}, {"port", *spec}}});
    } else {
      words.fail(spec.error().message);
    }
  } while (words.more());
  return requests;
}

Requests delete_ports(WordParser& words) {
  const std::string bridge = words.text(kBridgeName);
  Requests requests;
  do {
    requests.push_back({"port.delete", {{"bridge", bridge}, {"name", words.text(kPortName)}}});
  } while (words.more());
  return requests;
}

Requests set_bridge(json name, std::string_view key, json value) {
  json params{{"name", std::move(name)}};
  params[std::string(key)] = std::move(value);
  return {{"bridge.set", std::move(params)}};
}

Requests set_ageing(WordParser& words) {
  const std::string bridge = words.text(kBridgeName);
  return set_bridge(bridge, "ageing_s", words.seconds("the ageing time"));
}

Requests set_forward_delay(WordParser& words) {
  const std::string bridge = words.text(kBridgeName);
  return set_bridge(bridge, "forward_delay_s", words.seconds("the forward delay"));
}

Requests set_hello_time(WordParser& words) {
  const std::string bridge = words.text(kBridgeName);
  return set_bridge(bridge, "hello_s", words.seconds("the hello time"));
}

Requests set_max_age(WordParser& words) {
  const std::string bridge = words.text(kBridgeName);
  return set_bridge(bridge, "max_age_s", words.seconds("the maximum age"));
}

Requests set_bridge_priority(WordParser& words) {
  const std::string bridge = words.text(kBridgeName);
  return set_bridge(bridge, "priority", words.integer("the priority"));
}

Requests set_stp(WordParser& words) {
  const std::string bridge = words.text(kBridgeName);
  if (words.accept("rstp")) return set_bridge(bridge, "stp", "rstp");
  return set_bridge(bridge, "stp", words.on_off("stp") ? "on" : "off");
}

Requests check_migration(WordParser& words) {
  return {{"spanning_tree.mcheck", {{"port", words.text(kPortName)}}}};
}

/// The start of a request that sets something of a port of a bridge, as brctl's commands name them.
json bridge_and_port(WordParser& words) {
  json params{{"bridge", words.text(kBridgeName)}};
  params["name"] = words.text(kPortName);
  return params;
}

Requests set_hairpin(WordParser& words) {
  json params = bridge_and_port(words);
  params["hairpin"] = words.on_off("hairpin");
  return {{"port.set", std::move(params)}};
}

Requests set_path_cost(WordParser& words) {
  json params = bridge_and_port(words);
  params["cost"] = words.integer("the path cost");
  return {{"port.set", std::move(params)}};
}

Requests set_port_priority(WordParser& words) {
  json params = bridge_and_port(words);
  params["priority"] = words.integer("the port priority");
  return {{"port.set", std::move(params)}};
}

/// What may stand behind an entry's port, in any order: "static" unless another kind is said; the kernel's word for a
/// local entry is taken as well.
void read_entry_words(WordParser& words, json& params) {
  while (words.more()) {
    if (words.accept("static")) {
      params["kind"] = "static";
    } else if (words.accept("dynamic")) {
      params["kind"] = "dynamic";
    } else if (words.accept("local") || words.accept("permanent")) {
      params["kind"] = "local";
    } else if (words.accept("vlan")) {
      params["vlan"] = words.integer("the VLAN");
    } else if (!words.accept("master")) {
      words.refuse_next();
    }
  }
}

Requests fdb_enter(WordParser& words, std::string method) {
  json params{{"mac", words.mac("the address")}, {"kind", "static"}};
  words.expect("dev");
  params["port"] = words.text(kPortName);
  read_entry_words(words, params);
  return {{std::move(method), std::move(params)}};
}

Requests fdb_add(WordParser& words) {
  return fdb_enter(words, "fdb.add");
}
Requests fdb_replace(WordParser& words) {
  return fdb_enter(words, "fdb.replace");
}

Requests fdb_delete(WordParser& words) {
  json params{{"mac", words.mac("the address")}};
  words.expect("dev");
  params["port"] = words.text(kPortName);
  while (words.more()) {
    if (words.accept("vlan")) {
      params["vlan"] = words.integer("the VLAN");
    } else if (!words.accept("master")) {
      words.refuse_next();
    }
  }
  return {{"fdb.delete", std::move(params)}};
}

bool read_kind_to_flush(WordParser& words, json& params) {
  for (const char* kind : {"static", "dynamic", "all"}) {
    if (!words.accept(kind)) continue;
    params["kind"] = kind;
    return true;
  }
  return false;
}

Requests fdb_flush(WordParser& words) {
  json params = json::object();
  while (words.more()) {
    if (words.accept("br")) {
      params["bridge"] = words.text(kBridgeName);
    } else if (words.accept("dev")) {
      params["port"] = words.text(kPortName);
    } else if (words.accept("vlan")) {
      params["vlan"] = words.integer("the VLAN");
    } else if (!read_kind_to_flush(words, params)) {
      words.refuse_next();
    }
  }
  if (params.empty()) words.fail("'br' or 'dev' is missing");
  return {{"fdb.flush", std::move(params)}};
}

/// Settings from two tables, in any order, up to the end of the command.
template <typename Owner, typename VlanOwner>
void read_settings(WordParser& words, const SettingTable<Owner>& table, const SettingTable<VlanOwner>& vlan_table,
                   json& params) {
  if (!words.more()) words.fail("nothing to set");
  while (words.more()) {
    if (!read_setting(words, table, params) && !read_setting(words, vlan_table, params)) words.refuse_next();
  }
}

Requests link_set(WordParser& words) {
  const bool port = words.accept("dev");
  json params{{"name", words.text(port ? kPortName : kBridgeName)}};
  if (port) {
    read_settings(words, port_settings(), port_vlan_settings(), params);
    return {{"port.set", std::move(params)}};
  }
  read_settings(words, bridge_settings(), bridge_vlan_settings(), params);
  return {{"bridge.set", std::move(params)}};
}

Requests clear_stats(WordParser& words) {
  json params = json::object();
  if (words.accept("dev")) params["port"] = words.text(kPortName);
  return {{"stats.clear", std::move(params)}};
}

/// The number of a user or group, or 0 and an error.
std::uint32_t read_id(WordParser& words, std::string_view what, Result<std::uint32_t> (*look_up)(const std::string&)) {
  const std::string name = words.text(what);
  const auto id = look_up(name);
  if (!id) words.fail(id.error().message);
  return id.value_or(0);
}

Requests add_tap(WordParser& words) {
  words.accept("dev");
  json params{{"name", words.text("the tap's name")}};
  while (words.more()) {
    if (words.accept("user")) {
      params["owner"] = read_id(words, "user", user_id);
    } else if (words.accept("group")) {
      params["group"] = read_id(words, "group", group_id);
    } else if (words.accept("multi_queue")) {
      params["multi_queue"] = true;
    } else {
      words.refuse_next();
    }
  }
  return {{"tap.add", std::move(params)}};
}

Requests delete_tap_device(WordParser& words) {
  words.accept("dev");
  return {{"tap.delete", {{"name", words.text("the tap's name")}}}};
}

constexpr std::string_view kLinkSetUsage =
    "link set dev PORT [learning|flood|mcast_flood|bcast_flood|hairpin|isolated|locked on|off]... [cost N|auto] "
    "[priority N] [state S]\n       [guard|root_block|loop_guard|bpdu_filter|restricted_tcn on|off]... [edge "
    "auto|on|off] [p2p auto|on|off]\n       [admit all|tagged|untagged] [ingress_filtering on|off] [default_pcp N] "
    "[pcp_map N,N,N,N,N,N,N,N]\n       rbctl link set BRIDGE [forward lacp,dot1x,lldp,...|none] [group_fwd_mask N] "
    "[ageing SECONDS] [path_cost short|long]\n       [loop_guard off|report|block] [loop_probe SECONDS|off] [loop_hold "
    "SECONDS]\n       [vlan_filtering on|off] [vlan_protocol 802.1Q|802.1ad] "
    "[vlan_default_pvid N] "
    "[vlan_learning shared|independent]";

constexpr std::string_view kPortUsage =
    "port PORT mode access vid VID\n       rbctl port PORT mode trunk|native-tagged|native-untagged vids "
    "VID[-VID],... [native VID]\n       rbctl port PORT mode dot1q-tunnel vid VID";

constexpr std::array kCommands = {
    ChangeCommand{"addbr", "addbr BRIDGE [--no-host-port]", add_bridge},
    ChangeCommand{"delbr", "delbr BRIDGE", delete_bridge},
    ChangeCommand{"addif", "addif BRIDGE DEVICE...", add_ports},
    ChangeCommand{"delif", "delif BRIDGE PORT...", delete_ports},
    ChangeCommand{"hairpin", "hairpin BRIDGE PORT on|off", set_hairpin},
    ChangeCommand{"setageing", "setageing BRIDGE SECONDS", set_ageing},
    ChangeCommand{"setbridgeprio", "setbridgeprio BRIDGE PRIORITY", set_bridge_priority},
    ChangeCommand{"setfd", "setfd BRIDGE SECONDS", set_forward_delay},
    ChangeCommand{"sethello", "sethello BRIDGE SECONDS", set_hello_time},
    ChangeCommand{"setmaxage", "setmaxage BRIDGE SECONDS", set_max_age},
    ChangeCommand{"setpathcost", "setpathcost BRIDGE PORT COST", set_path_cost},
    ChangeCommand{"setportprio", "setportprio BRIDGE PORT PRIORITY", set_port_priority},
    ChangeCommand{"stp", "stp BRIDGE on|rstp|off", set_stp},
    ChangeCommand{"spanning-tree mcheck", "spanning-tree mcheck PORT", check_migration},
    ChangeCommand{"fdb add", "fdb add MAC dev PORT [vlan VID] [static|dynamic|local]", fdb_add},
    ChangeCommand{"fdb replace", "fdb replace MAC dev PORT [vlan VID] [static|dynamic|local]", fdb_replace},
    ChangeCommand{"fdb del", "fdb del MAC dev PORT [vlan VID]", fdb_delete},
    ChangeCommand{"fdb flush", "fdb flush [dev PORT] [br BRIDGE] [vlan VID] [static|dynamic|all]", fdb_flush},
    ChangeCommand{"vlan add", "vlan add dev PORT vid VID[-VID] [pvid] [untagged] [self]", add_vlans},
    ChangeCommand{"vlan del", "vlan del dev PORT vid VID[-VID] [self]", delete_vlans},
    ChangeCommand{"vlan map add", "vlan map add dev PORT vid VID to VLAN", add_translation},
    ChangeCommand{"vlan map del", "vlan map del dev PORT vid VID", delete_translation},
    ChangeCommand{"vlan private dev", "vlan private dev BRIDGE vid VID primary|isolated of VID|community of VID|none",
                  set_private_vlan},
    ChangeCommand{"port", kPortUsage, set_port_mode},
    ChangeCommand{"link set", kLinkSetUsage, link_set},
    ChangeCommand{"stats clear", "stats clear [dev PORT]", clear_stats},
    ChangeCommand{"tap add", "tap add NAME [user USER] [group GROUP] [multi_queue]", add_tap},
    ChangeCommand{"tap del", "tap del NAME", delete_tap_device},
};

std::span<const std::string> without_program_name(std::span<const std::string> words) {
  return !words.empty() && words[0] == "rbctl" ? words.subspan(1) : words;
}

/// The command that the first words name, and how many words that took.
struct FoundCommand {
  const ChangeCommand* command = nullptr;
  std::size_t word_count = 0;
};

FoundCommand find_command(std::span<const std::string> words) {
  std::string name;
  for (std::size_t count = 1; count <= std::min<std::size_t>(words.size(), 3); ++count) {
    if (count > 1) name += ' ';
    name += words[count - 1];
    for (const ChangeCommand& command : kCommands) {
      if (command.name == name) return {&command, count};
    }
  }
  return {};
}

}  // namespace

bool is_change_command(std::span<const std::string> words) {
  return find_command(without_program_name(words)).command != nullptr;
}

bool is_iproute2_command(std::span<const std::string> words) {
  words = without_program_name(words);
  const std::string first = words.empty() ? std::string() : words[0],
                    second = words.size() < 2 ? std::string() : words[1];
  if (first == "vlan") return second != "map" && second != "private";
  if (first == "link") return second != "set" || (words.size() > 2 && words[2] == "dev");
  return first == "fdb" || first == "mdb";
}

Result<Requests> parse_change_command(std::span<const std::string> words) {
  words = without_program_name(words);
  const FoundCommand found = find_command(words);
  if (found.command == nullptr) {
    const std::string name = words.empty() ? std::string() : words[0];
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is not a command that changes something", name));
  }
  WordParser parser(words.subspan(found.word_count), found.command->usage);
  Requests requests = found.command->parse(parser);
  const auto finished = parser.finish();
  if (!finished) return std::unexpected(finished.error());
  return requests;
}

Result<std::vector<std::string>> split_words(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  std::vector<std::string> words;
  bool in_word = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (kBlanks.find(c) != std::string_view::npos) {
      in_word = false;
      continue;
    }
    if (!in_word && c == '#') break;
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c != '\'' && c != '"') {
      words.back() += c;
      continue;
    }
    const std::size_t end = line.find(c, i + 1);
    if (end == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("the quote {} has no end: {}", c, line.substr(i)));
    }
    words.back() += line.substr(i + 1, end - i - 1);
    i = end;
  }
  return words;
}

}  // namespace rb
