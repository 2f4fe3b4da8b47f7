// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/read_command.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <functional>

#include "control/rbctl/brctl_text.hpp"
#include "control/rbctl/spanning_tree_text.hpp"
#include "control/rbctl/stats_text.hpp"
#include "control/rbctl/vlan_text.hpp"
#include "control/words/frame_words.hpp"
#include "control/words/word_parser.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// One command: its first word or two, its usage, what reads its arguments, and what prints the answer as text and as
/// JSON.
struct ReadCommand {
  std::string_view name;
  std::string_view usage;
  Request (*parse)(WordParser& words);
  std::string (*text)(const json& result, const BridgeTextOptions& options);
  OrderedJson (*object)(const json& result, const BridgeTextOptions& options);
};

// Arguments.

Request parse_bridges(WordParser& words) {
  json names = json::array();
  while (words.more()) names.push_back(words.text(kBridgeName));
  return names.empty() ? Request{"bridge.list"} : Request{"bridge.list", {{"names", names}}};
}

Request parse_one_bridge(WordParser& words) {
  return {"bridge.list", {{"names", json::array({words.text(kBridgeName)})}}};
}

Request parse_mac_table(WordParser& words) {
  return {"fdb.list", {{"bridge", words.text(kBridgeName)}}};
}

Request parse_fdb_show(WordParser& words) {
  json params = json::object();
  while (words.more()) {
    if (words.accept("br")) {
      params["bridge"] = words.text(kBridgeName);
    } else if (words.accept("dev") || words.accept("brport")) {
      params["port"] = words.text(kPortName);
    } else if (words.accept("vlan")) {
      params["vlan"] = words.integer("the VLAN");
    } else if (words.accept("static")) {
      params["kind"] = "static";
    } else if (words.accept("dynamic")) {
      params["kind"] = "dynamic";
    } else if (words.accept("local") || words.accept("permanent")) {
      params["kind"] = "local";
    } else {
      words.refuse_next();
    }
  }
  return {"fdb.list", params};
}

Request parse_fdb_get(WordParser& words) {
  json params{{"mac", words.mac("the address")}};
  words.expect("br");
  params["bridge"] = words.text(kBridgeName);
  if (words.accept("vlan")) params["vlan"] = words.integer("the VLAN");
  return {"fdb.get", params};
}

Request parse_link_show(WordParser& words) {
  json params = json::object();
  while (words.more()) {
    if (words.accept("dev")) {
      params["name"] = words.text(kPortName);
    } else if (words.accept("master") || words.accept("br")) {
      params["bridge"] = words.text(kBridgeName);
    } else {
      words.refuse_next();
    }
  }
  return {"port.list", params};
}

Request parse_vlan_show(WordParser& words) {
  json params = json::object();
  while (words.more()) {
    if (words.accept("dev")) {
      params["port"] = words.text(kPortName);
    } else if (words.accept("vid")) {
      params["vid"] = words.integer("the VLAN");
    } else {
      words.refuse_next();
    }
  }
  return {"vlan.list", params};
}

Request parse_vlan_map_show(WordParser& words) {
  json params = json::object();
  if (words.accept("dev")) params["port"] = words.text(kPortName);
  return {"vlan.list", params};
}

Request parse_private_show(WordParser& words) {
  json params = json::object();
  if (words.accept("dev")) params["bridge"] = words.text(kBridgeName);
  return {"vlan.private.list", params};
}

Request parse_spanning_tree(WordParser& words) {
  json params = json::object();
  if (words.more()) params["bridge"] = words.text(kBridgeName);
  return {"spanning_tree.list", params};
}

Request parse_stats(WordParser& words) {
  json params = json::object();
  while (words.more()) {
    if (words.accept("dev")) {
      params["port"] = words.text(kPortName);
    } else if (words.accept("br")) {
      params["bridge"] = words.text(kBridgeName);
    } else {
      words.refuse_next();
    }
  }
  return {"stats.get", params};
}

Request parse_trace(WordParser& words) {
  json params{{"bridge", words.text(kBridgeName)}};
  // Boost.Program_options has no option of this name, so it arrives as a word.
  if (!words.accept("--in")) words.expect("in");
  params["port"] = words.text(kPortName);
  params["frame"] = read_frame(words);
  return {"trace", params};
}

Request parse_dump(WordParser& /*words*/) {
  return {"config.dump"};
}
Request parse_info(WordParser& /*words*/) {
  return {"daemon.info"};
}

// Text.

template <auto kLine>
std::string lines_of(const json& list, const BridgeTextOptions& options) {
  std::string out;
  for (const json& item : list) out += kLine(item, options);
  return out;
}

template <auto kObject>
OrderedJson objects_of(const json& list, const BridgeTextOptions& options) {
  OrderedJson out = OrderedJson::array();
  for (const json& item : list) out.push_back(kObject(item, options));
  return out;
}

std::string bridges_text(const json& result, const BridgeTextOptions& /*options*/) {
  std::string out;
  for (const json& bridge : result.at("bridges")) {
    if (out.empty()) out = show_heading();
    out += show_bridge(bridge);
  }
  return out;
}

std::string stp_text(const json& result, const BridgeTextOptions& /*options*/) {
  std::string out;
  for (const json& bridge : result.at("bridges")) out += show_stp(bridge);
  return out;
}

std::string trees_text(const json& result, const BridgeTextOptions& /*options*/) {
  std::string out;
  for (const json& bridge : result.at("bridges")) out += spanning_tree_text(bridge);
  return out;
}

std::string macs_text(const json& result, const BridgeTextOptions& /*options*/) {
  return show_macs(result.at("entries"));
}

std::string fdb_text(const json& result, const BridgeTextOptions& options) {
  return lines_of<fdb_line>(result.at("entries"), options);
}

std::string fdb_entry_text(const json& result, const BridgeTextOptions& options) {
  return fdb_line(result.at("entry"), options);
}

std::string links_text(const json& result, const BridgeTextOptions& options) {
  return lines_of<link_lines>(result.at("ports"), options);
}

std::string all_stats_text(const json& result, const BridgeTextOptions& /*options*/) {
  std::string out;
  for (const json& port : result.at("ports")) out += stats_text(port);
  return out;
}

std::string dump_text(const json& result, const BridgeTextOptions& /*options*/) {
  std::string out;
  for (const json& line : result.at("lines")) out += line.get<std::string>() + '\n';
  return out;
}

std::string whole_info_text(const json& result, const BridgeTextOptions& /*options*/) {
  return info_text(result);
}
std::string whole_trace_text(const json& result, const BridgeTextOptions& /*options*/) {
  return trace_text(result);
}

// JSON.

OrderedJson fdb_json(const json& result, const BridgeTextOptions& options) {
  return objects_of<fdb_object>(result.at("entries"), options);
}

OrderedJson fdb_entry_json(const json& result, const BridgeTextOptions& options) {
  return OrderedJson::array({fdb_object(result.at("entry"), options)});
}

OrderedJson links_json(const json& result, const BridgeTextOptions& options) {
  return objects_of<link_object>(result.at("ports"), options);
}

OrderedJson bridges_json(const json& result, const BridgeTextOptions& /*options*/) {
  return OrderedJson(result.at("bridges"));
}

OrderedJson all_stats_json(const json& result, const BridgeTextOptions& /*options*/) {
  return OrderedJson(result.at("ports"));
}

OrderedJson dump_json(const json& result, const BridgeTextOptions& /*options*/) {
  return OrderedJson(result.at("lines"));
}

OrderedJson whole_json(const json& result, const BridgeTextOptions& /*options*/) {
  return OrderedJson(result);
}

constexpr std::string_view kFdbShowUsage =
    "fdb show [br BRIDGE] [dev PORT] [brport PORT] [vlan VID] [static|dynamic|local|permanent]";
constexpr std::string_view kVlanShowUsage = "vlan show [dev PORT] [vid VID]";
constexpr std::string_view kVlanMapUsage =
    "vlan map show [dev PORT]\n       rbctl vlan map add dev PORT vid VID to VLAN\n       rbctl vlan map del dev PORT "
    "vid VID";
constexpr std::string_view kPrivateVlanUsage =
    "vlan private show [dev BRIDGE]\n       rbctl vlan private dev BRIDGE vid VID primary|isolated of VID|community of "
    "VID|none";
constexpr std::string_view kTraceUsage =
    "trace BRIDGE --in PORT HEX|FIELDS\n       FIELDS: src MAC dst MAC [type 0x0800] [vlan VID] [size OCTETS]";

constexpr std::array kCommands = {
    ReadCommand{"show", "show [BRIDGE...]", parse_bridges, bridges_text, bridges_json},
    ReadCommand{"showmacs", "showmacs BRIDGE", parse_mac_table, macs_text, fdb_json},
    ReadCommand{"showstp", "showstp BRIDGE", parse_one_bridge, stp_text, bridges_json},
    ReadCommand{"spanning-tree show", "spanning-tree [BRIDGE]", parse_spanning_tree, trees_text, bridges_json},
    ReadCommand{"spanning-tree", "spanning-tree [BRIDGE]", parse_spanning_tree, trees_text, bridges_json},
    ReadCommand{"fdb get", "fdb get MAC br BRIDGE [vlan VID]", parse_fdb_get, fdb_entry_text, fdb_entry_json},
    ReadCommand{"fdb show", kFdbShowUsage, parse_fdb_show, fdb_text, fdb_json},
    ReadCommand{"fdb", kFdbShowUsage, parse_fdb_show, fdb_text, fdb_json},
    ReadCommand{"vlan show", kVlanShowUsage, parse_vlan_show, vlan_text, vlan_json},
    ReadCommand{"vlan", kVlanShowUsage, parse_vlan_show, vlan_text, vlan_json},
    ReadCommand{"vlan map show", kVlanMapUsage, parse_vlan_map_show, vlan_map_text, vlan_map_json},
    ReadCommand{"vlan map", kVlanMapUsage, parse_vlan_map_show, vlan_map_text, vlan_map_json},
    ReadCommand{"vlan private show", kPrivateVlanUsage, parse_private_show, private_vlan_text, private_vlan_json},
    ReadCommand{"vlan private", kPrivateVlanUsage, parse_private_show, private_vlan_text, private_vlan_json},
    ReadCommand{"link show", "link show [dev PORT] [master BRIDGE]", parse_link_show, links_text, links_json},
    ReadCommand{"link", "link show [dev PORT] [master BRIDGE]", parse_link_show, links_text, links_json},
    ReadCommand{"stats", "stats [dev PORT] [br BRIDGE]", parse_stats, all_stats_text, all_stats_json},
    ReadCommand{"trace", kTraceUsage, parse_trace, whole_trace_text, whole_json},
    ReadCommand{"dump", "dump", parse_dump, dump_text, dump_json},
    ReadCommand{"info", "info", parse_info, whole_info_text, whole_json},
};

/// The command that the first words name, most words first, and how many words that took.
struct FoundCommand {
  const ReadCommand* command = nullptr;
  std::size_t word_count = 0;
};

FoundCommand find_command(std::span<const std::string> words) {
  for (std::size_t count = std::min<std::size_t>(words.size(), 3); count > 0; --count) {
    std::string name = words[0];
    for (std::size_t i = 1; i < count; ++i) name += ' ' + words[i];
    const auto* const command = std::ranges::find(kCommands, name, &ReadCommand::name);
    if (command != kCommands.end()) return {command, count};
  }
  return {};
}

/// Of many ports one by one: of all together they may be more than the daemon lists in one answer.
Result<json> list_vlans(const Request& request, const CallDaemon& call) {
  auto all = call(request);
  if (all || all.error().code != ErrorCode::kLimit || request.params.contains("port")) return all;
  const auto bridges = call({"bridge.list", json::object()});
  if (!bridges) return std::unexpected(bridges.error());
  json ports = json::array();
  const auto add = [&](const json& name) {
    Request one = request;
    one.params["port"] = name;
    auto listed = call(one);
    if (!listed && listed.error().code == ErrorCode::kNoSuchPort) return Result<>{};  // deleted meanwhile
    if (!listed) return Result<>(std::unexpected(listed.error()));
    for (json& port : listed->at("ports")) ports.push_back(std::move(port));
    return Result<>{};
  };
  for (const json& bridge : bridges->at("bridges")) {
    std::vector<json> names;
    if (bridge.at("host_port")) names.push_back(bridge.at("name"));
    std::vector<const json*> members;
    for (const json& port : bridge.at("ports")) members.push_back(&port);
    std::ranges::sort(members, {}, [](const json* port) { return port->at("number").get<int>(); });
    for (const json* port : members) names.push_back(port->at("name"));
    for (const json& name : names) {
      if (const Result<> added = add(name); !added) return std::unexpected(added.error());
    }
  }
  return json{{"ports", std::move(ports)}};
}

}  // namespace

Result<std::string> run_read_command(std::span<const std::string> words, const OutputOptions& options,
                                     const CallDaemon& call) {
  const FoundCommand found = find_command(words);
  if (found.command == nullptr) {
    const std::string name = words.empty() ? std::string() : words[0];
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is not a command; 'rbctl --help' lists them", name));
  }
  WordParser parser(words.subspan(found.word_count), found.command->usage);
  Request request = found.command->parse(parser);
  if (const auto finished = parser.finish(); !finished) return std::unexpected(finished.error());
  if (options.statistics && request.method == "vlan.list") request.params["statistics"] = true;
  const auto result = request.method == "vlan.list" ? list_vlans(request, call) : call(request);
  if (!result) return std::unexpected(result.error());
  const BridgeTextOptions text_options{options.statistics, options.details, options.compress};
  try {
    if (!options.json) return found.command->text(*result, text_options);
    return json_text(found.command->object(*result, text_options),
                     options.pretty ? JsonLayout::kPretty : JsonLayout::kLine);
  } catch (const json::exception& error) {
    return fail(ErrorCode::kSystem,
                fmt::format("the daemon's answer lacks something ({}); is it another version?", error.what()));
  }
}

Result<MonitorCommand> parse_monitor_command(std::span<const std::string> words) {
  WordParser parser(words, "monitor [all|fdb|link|stp|loop]...");
  MonitorCommand command{{"monitor", json::object()}, MonitorBanner::kWithout};
  json kinds = json::array();
  while (parser.more()) {
    if (parser.accept("all")) {
      command.banner = MonitorBanner::kWith;
    } else if (parser.accept("fdb")) {
      kinds.push_back("fdb");
    } else if (parser.accept("link")) {
      kinds.push_back("port");
      kinds.push_back("bridge");
    } else if (parser.accept("stp")) {
      kinds.push_back("stp");
    } else if (parser.accept("loop")) {
      kinds.push_back("loop");
    } else {
      parser.refuse_next();
    }
  }
  if (const auto finished = parser.finish(); !finished) return std::unexpected(finished.error());
  if (!kinds.empty() && command.banner == MonitorBanner::kWithout) command.request.params["kinds"] = kinds;
  return command;
}

}  // namespace rb
