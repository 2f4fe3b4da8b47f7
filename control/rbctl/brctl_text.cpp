// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/brctl_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "control/rbctl/json_text.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// Seconds as brctl's "%4i.%.2i", cut off after hundredths as brctl does; the tiny addend keeps 99.98 from becoming
/// 99.97.
std::string seconds(const json& object, const char* key) {
  const double value = object.at(key).get<double>();
  const auto hundredths = static_cast<std::int64_t>(std::floor(value * 100 + 1e-6));
  return fmt::format("{:4}.{:02}", hundredths / 100, hundredths % 100);
}

std::string number(const json& object, const char* key) {
  return fmt::format("{:4}", object.at(key).get<std::int64_t>());
}

/// A port id: four hex digits, whether it came as a number or as text.
std::string port_id(const json& object, const char* key) {
  const json& id = object.at(key);
  return id.is_string() ? id.get<std::string>() : fmt::format("{:04x}", id.get<std::uint32_t>());
}

std::string_view flag(const json& object, const char* key, std::string_view word) {
  return object.at(key).get<bool>() ? word : std::string_view{};
}

std::string show_stp_port(const json& port) {
  std::string out = fmt::format("{} ({})\n", text_of(port, "name"), port.at("number").get<int>());
  out += fmt::format(" port id\t\t{}\t\t\tstate\t\t{:>15}\n", port_id(port, "port_id"), text_of(port, "state"));
  out += fmt::format(" designated root\t{}\tpath cost\t\t{}\n", text_of(port, "designated_root"), number(port, "cost"));
  out += fmt::format(" designated bridge\t{}\tmessage age timer\t{}\n", text_of(port, "designated_bridge"),
                     seconds(port, "message_age_timer_s"));
  out += fmt::format(" designated port\t{}\t\t\tforward delay timer\t{}\n", port_id(port, "designated_port"),
                     seconds(port, "forward_delay_timer_s"));
  out += fmt::format(" designated cost\t{}\t\t\thold timer\t\t{}\n", number(port, "designated_cost"),
                     seconds(port, "hold_timer_s"));
  out += fmt::format(" flags\t\t\t{}{}\n", flag(port, "config_pending", "CONFIG_PENDING "),
                     flag(port, "topology_change_ack", "TOPOLOGY_CHANGE_ACK "));
  if (port.at("hairpin").get<bool>()) out += fmt::format(" hairpin mode\t\t{:4}\n", 1);
  return out + '\n';
}

}  // namespace

std::string brctl_help() {
  std::string out = "Usage: brctl [commands]\ncommands:\n";
  for (const BrctlCommand& command : kBrctlCommands) out += fmt::format("\t{:<10}\t{}\n", command.name, command.help);
  return out;
}

std::string brctl_usage(const BrctlCommand& command) {
  return fmt::format("Incorrect number of arguments for command\nUsage: brctl {} {}\n", command.name, command.help);
}

std::string_view show_heading() {
  return "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n";
}

std::string show_bridge(const json& bridge) {
  std::string out = fmt::format("{}\t\t{}\t{}\t\t", text_of(bridge, "name"), text_of(bridge, "id"),
                                bridge.at("stp") == "off" ? "no" : "yes");
  std::string_view indent;
  for (const json& port : bridge.at("ports")) {
    out += fmt::format("{}{}\n", indent, text_of(port, "name"));
    indent = "\t\t\t\t\t\t\t";
  }
  return indent.empty() ? out + '\n' : out;
}

std::string show_macs(json entries) {
  std::sort(entries.begin(), entries.end(), [](const json& a, const json& b) {
    return std::pair(text_of(a, "mac"), a.at("port_number")) < std::pair(text_of(b, "mac"), b.at("port_number"));
  });
  std::string out = "port no\tmac addr\t\tis local?\tageing timer\n";
  for (const json& entry : entries) {
    // The kernel gives a time for entries that age, and 0 for the others.
    out += fmt::format("{:3}\t{}\t{}\t\t{}\n", entry.at("port_number").get<int>(), text_of(entry, "mac"),
                       entry.at("kind") == "local" ? "yes" : "no",
                       entry.at("kind") == "dynamic" ? seconds(entry, "age_s") : "   0.00");
  }
  return out;
}

std::string show_stp(const json& bridge) {
  std::string out = text_of(bridge, "name") + '\n';
  out += fmt::format(" bridge id\t\t{}\n designated root\t{}\n", text_of(bridge, "id"), text_of(bridge, "root_id"));
  out += fmt::format(" root port\t\t{}\t\t\tpath cost\t\t{}\n", number(bridge, "root_port"),
                     number(bridge, "root_path_cost"));
  out += fmt::format(" max age\t\t{}\t\t\tbridge max age\t\t{}\n", seconds(bridge, "max_age_s"),
                     seconds(bridge, "bridge_max_age_s"));
  out += fmt::format(" hello time\t\t{}\t\t\tbridge hello time\t{}\n", seconds(bridge, "hello_s"),
                     seconds(bridge, "bridge_hello_s"));
  out += fmt::format(" forward delay\t\t{}\t\t\tbridge forward delay\t{}\n", seconds(bridge, "forward_delay_s"),
                     seconds(bridge, "bridge_forward_delay_s"));
  out += fmt::format(" ageing time\t\t{}\n", seconds(bridge, "ageing_now_s"));
  out += fmt::format(" hello timer\t\t{}\t\t\ttcn timer\t\t{}\n", seconds(bridge, "hello_timer_s"),
                     seconds(bridge, "tcn_timer_s"));
  out += fmt::format(" topology change timer\t{}\t\t\tgc timer\t\t{}\n", seconds(bridge, "topology_change_timer_s"),
                     seconds(bridge, "gc_timer_s"));
  out += fmt::format(" flags\t\t\t{}{}\n\n\n", flag(bridge, "topology_change", "TOPOLOGY_CHANGE "),
                     flag(bridge, "topology_change_detected", "TOPOLOGY_CHANGE_DETECTED "));
  for (const json& port : bridge.at("ports")) out += show_stp_port(port);
  return out;
}

}  // namespace rb
