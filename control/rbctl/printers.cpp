// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/printers.hpp"

#include <algorithm>
#include <array>

#include "control/rbctl/brctl_text.hpp"
#include "control/rbctl/spanning_tree_text.hpp"
#include "control/rbctl/stats_text.hpp"
#include "control/rbctl/vlan_text.hpp"

namespace rb {
namespace {

using nlohmann::json;

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

constexpr std::array kPrinters = {
    Printer{"show", bridges_text, bridges_json},
    Printer{"showmacs", macs_text, fdb_json},
    Printer{"showstp", stp_text, bridges_json},
    Printer{"spanning-tree show", trees_text, bridges_json},
    Printer{"fdb get", fdb_entry_text, fdb_entry_json},
    Printer{"fdb show", fdb_text, fdb_json},
    Printer{"vlan show", vlan_text, vlan_json},
    Printer{"vlan map show", vlan_map_text, vlan_map_json},
    Printer{"vlan private show", private_vlan_text, private_vlan_json},
    Printer{"link show", links_text, links_json},
    Printer{"stats", all_stats_text, all_stats_json},
    Printer{"trace", whole_trace_text, whole_json},
    Printer{"dump", dump_text, dump_json},
    Printer{"info", whole_info_text, whole_json},
};

}  // namespace

std::span<const Printer> printers() {
  return kPrinters;
}

const Printer* printer_of(std::string_view command) {
  const auto* const printer = std::ranges::find(kPrinters, command, &Printer::command);
  return printer == kPrinters.end() ? nullptr : printer;
}

}  // namespace rb
