// SPDX-License-Identifier: GPL-2.0-or-later
// Objects of docs/control-protocol.md with the values of the golden transcripts.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace rb::test {

inline nlohmann::json port_object(const std::string& name, int number) {
  return {{"name", name},
          {"bridge", "br0"},
          {"kind", "tap"},
          {"number", number},
          {"ifindex", 46},
          {"flags", {"NO-CARRIER", "BROADCAST", "MULTICAST", "UP"}},
          {"mtu", 1500},
          {"state", "disabled"},
          {"priority", 32},
          {"cost", 2},
          {"port_id", 0x8000 + number},
          {"designated_root", "8000.020000000010"},
          {"designated_bridge", "8000.020000000010"},
          {"designated_port", 0x8000 + number},
          {"designated_cost", 0},
          {"message_age_timer_s", 0},
          {"forward_delay_timer_s", 0},
          {"hold_timer_s", 0},
          {"config_pending", false},
          {"topology_change_ack", false},
          {"learning", true},
          {"flood", true},
          {"mcast_flood", true},
          {"bcast_flood", true},
          {"hairpin", false},
          {"isolated", false},
          {"guard", false},
          {"locked", false},
          {"root_block", false}};
}

/// A new bridge with these ports.
inline nlohmann::json bridge_object(const std::string& name, nlohmann::json ports) {
  return {{"name", name},
          {"id", ports.empty() ? "8000.000000000000" : "8000.020000000010"},
          {"stp", "off"},
          {"root_id", "8000.020000000010"},
          {"root_port", 0},
          {"root_path_cost", 0},
          {"max_age_s", 20},
          {"bridge_max_age_s", 20},
          {"hello_s", 2},
          {"bridge_hello_s", 2},
          {"forward_delay_s", 15},
          {"bridge_forward_delay_s", 15},
          {"ageing_s", 300},
          {"ageing_now_s", 300},
          {"hello_timer_s", 0},
          {"tcn_timer_s", 0},
          {"topology_change_timer_s", 0},
          {"gc_timer_s", 0},
          {"topology_change", false},
          {"topology_change_detected", false},
          {"ports", std::move(ports)}};
}

inline nlohmann::json fdb_entry(const std::string& mac, const std::string& port, int port_number,
                                const std::string& kind, int age_s = 0) {
  return {{"mac", mac},      {"port", port}, {"port_number", port_number},
          {"bridge", "br0"}, {"kind", kind}, {"age_s", age_s}};
}

}  // namespace rb::test
