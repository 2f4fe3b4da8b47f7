// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/vlan_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

namespace rb {
namespace {

using nlohmann::json;

/// In the order in which iproute2 lists devices: a bridge's own interface after its ports, or before them where it
/// prints statistics.
std::vector<const json*> in_order(const json& result, const BridgeTextOptions& options) {
  std::vector<const json*> ports;
  for (const json& port : result.at("ports")) {
    if (!port.at("vlans").empty()) ports.push_back(&port);
  }
  const auto is_own = [](const json* port) { return port->at("name") == port->at("bridge"); };
  if (!options.statistics) {
    auto begin = ports.begin();
    while (begin != ports.end()) {
      const json& bridge = (*begin)->at("bridge");
      const auto end = std::find_if(begin, ports.end(), [&](const json* port) { return port->at("bridge") != bridge; });
      // The daemon lists it first.
      if (is_own(*begin)) std::rotate(begin, begin + 1, end);
      begin = end;
    }
  }
  return ports;
}

/// Calls `use(vlan, first, last)` for each line: ranges where they are asked for, else each VLAN of them.
template <typename Use>
void for_each_line(const json& port, const BridgeTextOptions& options, Use use) {
  for (const json& vlan : port.at("vlans")) {
    const int first = vlan.at("vid"), last = vlan.value("vid_end", first);
    if (options.compress) {
      use(vlan, first, last);
      continue;
    }
    for (int vid = first; vid <= last; ++vid) use(vlan, vid, vid);
  }
}

std::string statistics_lines(const json& vlan) {
  std::string out;
  for (const char* way : {"rx", "tx"}) {
    out += fmt::format("{:20}{}: {} bytes {} packets\n", "", way[0] == 'r' ? "RX" : "TX",
                       vlan.at(fmt::format("{}_bytes", way)).get<std::uint64_t>(),
                       vlan.at(fmt::format("{}_packets", way)).get<std::uint64_t>());
  }
  // Beyond iproute2: nothing is printed where nothing was lost.
  if (const auto drops = vlan.at("drops").get<std::uint64_t>(); drops != 0)
    out += fmt::format("{:20}dropped: {} packets\n", "", drops);
  return out;
}

}  // namespace

std::string vlan_text(const json& result, const BridgeTextOptions& options) {
  std::string out = options.statistics ? "port              vlan-id\n" : "port              vlan-id  \n";
  for (const json* port : in_order(result, options)) {
    std::string name = text_of(*port, "name");
    for_each_line(*port, options, [&](const json& vlan, int first, int last) {
      const std::string vids = first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
      out += fmt::format("{:16}  {}{}{}\n", name, vids, vlan.at("pvid").get<bool>() ? " PVID" : "",
                         vlan.at("untagged").get<bool>() ? " Egress Untagged" : "");
      if (options.statistics) out += statistics_lines(vlan);
      name.clear();
    });
  }
  return out;
}

OrderedJson vlan_json(const json& result, const BridgeTextOptions& options) {
  OrderedJson ports = OrderedJson::array();
  for (const json* port : in_order(result, options)) {
    OrderedJson vlans = OrderedJson::array();
    for_each_line(*port, options, [&](const json& vlan, int first, int last) {
      OrderedJson object = {{options.statistics ? "vid" : "vlan", first}};
      if (last != first) object["vlanEnd"] = last;
      OrderedJson flags = OrderedJson::array();
      if (vlan.at("pvid").get<bool>()) flags.push_back("PVID");
      if (vlan.at("untagged").get<bool>()) flags.push_back("Egress Untagged");
      if (!flags.empty()) object["flags"] = std::move(flags);
      for (const char* counter : {"rx_bytes", "rx_packets", "tx_bytes", "tx_packets", "drops"}) {
        if (vlan.contains(counter)) object[counter] = vlan.at(counter).get<std::uint64_t>();
      }
      vlans.push_back(std::move(object));
    });
    ports.push_back({{"ifname", text_of(*port, "name")}, {"vlans", std::move(vlans)}});
  }
  return ports;
}

std::string vlan_map_text(const json& result, const BridgeTextOptions& /*options*/) {
  std::string out;
  for (const json& port : result.at("ports")) {
    for (const json& map : port.at("map")) {
      out += fmt::format("{} vid {} to {}\n", text_of(port, "name"), map.at("vid").get<int>(), map.at("to").get<int>());
    }
  }
  return out;
}

OrderedJson vlan_map_json(const json& result, const BridgeTextOptions& /*options*/) {
  OrderedJson list = OrderedJson::array();
  for (const json& port : result.at("ports")) {
    for (const json& map : port.at("map")) {
      list.push_back(
          {{"ifname", text_of(port, "name")}, {"vid", map.at("vid").get<int>()}, {"to", map.at("to").get<int>()}});
    }
  }
  return list;
}

std::string private_vlan_text(const json& result, const BridgeTextOptions& /*options*/) {
  std::string out;
  for (const json& vlan : result.at("vlans")) {
    out += fmt::format("{} vid {} {}{}\n", text_of(vlan, "bridge"), vlan.at("vid").get<int>(), text_of(vlan, "kind"),
                       vlan.contains("primary") ? fmt::format(" of {}", vlan.at("primary").get<int>()) : "");
  }
  return out;
}

OrderedJson private_vlan_json(const json& result, const BridgeTextOptions& /*options*/) {
  return OrderedJson(result.at("vlans"));
}

}  // namespace rb
