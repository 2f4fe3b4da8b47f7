// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/stats_text.hpp"

#include <fmt/core.h>

#include <cstdint>

namespace rb {
namespace {

using nlohmann::json;

std::string traffic_lines(const json& traffic, std::string_view direction) {
  std::string out;
  for (const char* cast : {"unicast", "multicast", "broadcast"}) {
    const json& counts = traffic.at(cast);
    out += fmt::format("    {} {:<9} {:>14} frames {:>18} bytes\n", direction, cast,
                       counts.at("frames").get<std::uint64_t>(), counts.at("bytes").get<std::uint64_t>());
  }
  return out;
}

/// A value for people: text bare, times in tenths of a second, everything else as JSON.
std::string plain(const json& value) {
  if (value.is_number_float()) return fmt::format("{:.1f}", value.get<double>());
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string stats_text(const json& port) {
  std::string out =
      fmt::format("{}: master {}\n", port.at("name").get<std::string>(), port.at("bridge").get<std::string>());
  out += traffic_lines(port.at("rx"), "rx") + traffic_lines(port.at("tx"), "tx");
  out += fmt::format("    forwarded {} flooded {} copies {}\n", port.at("forwarded").get<std::uint64_t>(),
                     port.at("flooded").get<std::uint64_t>(), port.at("copies").get<std::uint64_t>());
  for (const auto& [reason, count] : port.at("drops").items()) {
    if (count != 0) out += fmt::format("    dropped {:<15} {:>8} frames\n", reason, count.get<std::uint64_t>());
  }
  return out;
}

std::string info_text(const json& info) {
  std::string out;
  for (const auto& [key, value] : info.items()) {
    if (!value.is_array()) out += fmt::format("{}: {}\n", key, plain(value));
  }
  for (const json& notice : info.value("notices", json::array())) out += fmt::format("notice: {}\n", plain(notice));
  return out;
}

std::string trace_text(const json& trace) {
  std::string out;
  for (const json& step : trace.at("steps"))
    out += fmt::format("{:<8} {}\n", plain(step.at("stage")), plain(step.at("text")));
  std::string ports;
  for (const json& port : trace.at("egress")) ports += (ports.empty() ? "" : ", ") + plain(port);
  if (!ports.empty()) out += fmt::format("result   leaves by {}\n", ports);
  const json& drop = trace.at("drop");
  if (!drop.is_null()) out += fmt::format("result   dropped: {}\n", plain(drop));
  return out;
}

}  // namespace rb
