// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/vlan_words.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace rb {
namespace {

using nlohmann::json;

/// "10" or "100-199", as `vid` and `vid_end`. Numbers are the daemon's to judge; what is none is refused here.
void read_vids(WordParser& words, json& params) {
  const std::string text = words.text("a VLAN");
  const std::size_t dash = text.find('-', 1);
  const auto first = parse_integer(text.substr(0, dash));
  const auto last = dash == std::string::npos ? first : parse_integer(text.substr(dash + 1));
  if (!first || !last)
    return words.fail(fmt::format("'{}' is no VLAN and no range of VLANs, such as 10 or 100-199", text));
  params["vid"] = *first;
  if (dash != std::string::npos) params["vid_end"] = *last;
}

/// vlan add and del: what stands behind "vid" for each, in any order as iproute2 takes it.
Requests change_vlans(WordParser& words, const char* method, bool adds) {
  json params = json::object();
  while (words.more()) {
    if (words.accept("dev")) {
      params["port"] = words.text(kPortName);
    } else if (words.accept("vid")) {
      read_vids(words, params);
    } else if (words.accept("pvid")) {
      if (adds) params["pvid"] = true;
    } else if (words.accept("untagged")) {
      if (adds) params["untagged"] = true;
    } else if (!words.accept("self") && !words.accept("master")) {  // which of them is clear from the name
      words.refuse_next();
    }
  }
  for (const char* needed : {"port", "vid"}) {
    if (!params.contains(needed)) words.fail(fmt::format("'{}' is missing", needed[0] == 'p' ? "dev" : needed));
  }
  return {{method, std::move(params)}};
}

}  // namespace

nlohmann::json split_list(std::string_view text) {
  json list = json::array();
  while (!text.empty() && text != "none") {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) list.push_back(std::string(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return list;
}

Requests add_vlans(WordParser& words) {
  return change_vlans(words, "vlan.add", true);
}
Requests delete_vlans(WordParser& words) {
  return change_vlans(words, "vlan.delete", false);
}

Requests add_translation(WordParser& words) {
  words.expect("dev");
  json params{{"port", words.text(kPortName)}};
  words.expect("vid");
  params["vid"] = words.integer("the VID on the wire");
  words.expect("to");
  params["to"] = words.integer("the VLAN");
  return {{"vlan.map.add", std::move(params)}};
}

Requests delete_translation(WordParser& words) {
  words.expect("dev");
  json params{{"port", words.text(kPortName)}};
  words.expect("vid");
  params["vid"] = words.integer("the VID on the wire");
  return {{"vlan.map.delete", std::move(params)}};
}

Requests set_private_vlan(WordParser& words) {
  json params{{"bridge", words.text(kBridgeName)}};
  words.expect("vid");
  params["vid"] = words.integer("the VLAN");
  params["kind"] = words.text("primary, isolated, community or none");
  if (words.accept("of")) params["primary"] = words.integer("the primary VLAN");
  return {{"vlan.private", std::move(params)}};
}

Requests set_port_mode(WordParser& words) {
  json params{{"port", words.text(kPortName)}};
  words.expect("mode");
  params["mode"] = words.text("access, trunk, native-tagged, native-untagged or dot1q-tunnel");
  while (words.more()) {
    if (words.accept("vid")) {
      params["vid"] = words.integer("the VLAN");
    } else if (words.accept("vids")) {
      params["vids"] = split_list(words.text("VLANs"));
    } else if (words.accept("native")) {
      params["native"] = words.integer("the native VLAN");
    } else {
      words.refuse_next();
    }
  }
  return {{"vlan.mode", std::move(params)}};
}

}  // namespace rb
