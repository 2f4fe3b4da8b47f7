// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/spanning_tree_text.hpp"

#include <fmt/core.h>

#include <array>
#include <cstdint>

#include "control/rbctl/json_text.hpp"

namespace rb {
namespace {

using nlohmann::json;

std::uint64_t count(const json& object, const char* key) {
  return object.at(key).get<std::uint64_t>();
}

std::string_view yes_no(const json& object, const char* key) {
  return object.at(key).get<bool>() ? "yes" : "no";
}

/// What is out of the ordinary, and what has been set to keep it so.
std::string remarks(const json& port) {
  struct Remark {
    const char* key;
    const char* text;
  };
  constexpr std::array<Remark, 5> kRemarks = {{{"guarded", "closed by its BPDU guard"},
                                               {"root_guarded", "held back by its root guard"},
                                               {"loop_inconsistent", "held back by its loop guard"},
                                               {"self_looped", "hears itself"},
                                               {"disputed", "disputed"}}};
  std::string out;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  for (const Remark& remark : kRemarks) {
    if (port.at(remark.key).get<bool>()) add(remark.text);
  }
  for (const char* handshake : {"proposing", "agreed"}) {  // which STP does not know
    if (port.at("speaks") == "rstp" && port.at(handshake).get<bool>()) add(handshake);
  }
  for (const json& guard : port.at("guards")) add(guard.get<std::string>());
  for (const auto& [error, malformed] : port.at("malformed").items()) {
    if (malformed != 0) add(fmt::format("{} {}", malformed.get<std::uint64_t>(), error));
  }
  if (const std::uint64_t suppressed = count(port, "suppressed"); suppressed != 0)
    add(fmt::format("{} suppressed", suppressed));
  return out;
}

std::string port_line(const json& port) {
  const auto id = fmt::format("{}.{}", count(port, "priority"), count(port, "number"));
  std::string line = fmt::format(
      "  {:<15} {:<10} {:<10} {:>9} {:>7} {:<4} {:<4} {:<6} {:>8} {:>8} {:>6} {:>6} {:>7}  {}", text_of(port, "name"),
      text_of(port, "role"), text_of(port, "state"), count(port, "cost"), id, yes_no(port, "oper_edge"),
      yes_no(port, "oper_p2p"), text_of(port, "speaks"), count(port, "received"), count(port, "sent"),
      count(port, "received_tcn"), count(port, "sent_tcn"), count(port, "ignored"), remarks(port));
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

}  // namespace

std::string spanning_tree_text(const json& bridge) {
  const std::string name = text_of(bridge, "name"), stp = text_of(bridge, "stp");
  if (stp == "off") return fmt::format("{}: no spanning tree\n", name);
  std::string out = fmt::format("{}: {} id {}", name, stp == "on" ? "stp" : stp, text_of(bridge, "id"));
  const json& by = bridge.at("root_port");
  if (by.is_null()) {
    out += " is the root\n";
  } else {
    out += fmt::format(" root {} by {} cost {}\n", text_of(bridge, "root_id"), by.get<std::string>(),
                       count(bridge, "root_path_cost"));
  }
  out += fmt::format("  max age {:g} hello {:g} forward delay {:g} path cost {}\n",
                     bridge.at("max_age_s").get<double>(), bridge.at("hello_s").get<double>(),
                     bridge.at("forward_delay_s").get<double>(), text_of(bridge, "path_cost"));
  const json& since = bridge.at("since_topology_change_s");
  out += fmt::format("  topology changes {}{}{}\n", count(bridge, "topology_changes"),
                     since.is_null() ? "" : fmt::format(", the last {:.0f} s ago", since.get<double>()),
                     bridge.at("topology_change").get<bool>() ? ", one is going around" : "");
  if (bridge.at("ports").empty()) return out;
  out += fmt::format("  {:<15} {:<10} {:<10} {:>9} {:>7} {:<4} {:<4} {:<6} {:>8} {:>8} {:>6} {:>6} {:>7}\n", "port",
                     "role", "state", "cost", "id", "edge", "p2p", "speaks", "received", "sent", "tc in", "tc out",
                     "ignored");
  for (const json& port : bridge.at("ports")) out += port_line(port);
  return out;
}

}  // namespace rb
