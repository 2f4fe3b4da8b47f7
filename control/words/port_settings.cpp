// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/port_settings.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace rb {
namespace {

using nlohmann::json;

/// The bridge's path_cost says which costs are possible, so the row takes any number that the member can hold, and
/// check_settings() judges the number.
Setting<PortSettings> cost_setting() {
  return {
      {.name = "cost",
       .key = "cost",
       .type = &number_type({.lowest = INT64_MIN, .highest = INT64_MAX, .instead = "auto"}),
       .meaning = "The cost of the way through this port to the root, 1 to 65535 (to 200000000 where the bridge has "
                  "path_cost long); auto takes the cost from the speed of the device."},
      [](const PortSettings& port) { return port.cost ? json(*port.cost) : json("auto"); },
      [](PortSettings& port, const json& value) -> Result<> {
        port.cost.reset();
        if (value.is_number())
          port.cost = static_cast<std::uint32_t>(std::clamp<std::int64_t>(value.get<std::int64_t>(), 0, UINT32_MAX));
        return {};
      }};
}

Setting<PortSettings> rate_in_setting() {
  return {{.name = "rate_in",
           .key = "rate_in",
           .type = &rate_type(),
           .meaning = "The most that the switch takes from the port, in bits and in frames a second; more is dropped "
                      "(over_rate_in). A super-frame counts as the frames that it becomes."},
          [](const PortSettings& port) {
            return json{{"bits_per_s", port.rate_in.bits_per_s}, {"frames_per_s", port.rate_in.frames_per_s}};
          },
          [](PortSettings& port, const json& value) -> Result<> {
            port.rate_in = {.frames_per_s = value.value("frames_per_s", std::uint64_t{0}),
                            .bits_per_s = value.value("bits_per_s", std::uint64_t{0})};
            return {};
          }};
}

Setting<PortSettings> tree_flag_setting(std::string_view name, bool PortSettings::* member, std::string_view meaning) {
  return with(flag_setting(name, member, meaning), [](auto& row) { row.of_tree = true; });
}

SettingTable<PortSettings> make_table() {
  using P = PortSettings;
  return {
      flag_setting(
          "carrier", &P::carrier,
          "The cable of the port is plugged in. Off pulls the cable: the station sees no carrier where its kind "
          "of port can show this, and the switch neither reads nor writes frames."),
      rate_in_setting(),
      flag_setting("learning", &P::learning, "The MAC table learns the sources of the frames that the port receives."),
      flag_setting("flood", &P::flood, "Unicast frames to unknown stations leave by the port."),
      flag_setting("mcast_flood", &P::mcast_flood, "Multicast frames leave by the port."),
      flag_setting("bcast_flood", &P::bcast_flood, "Broadcast frames leave by the port."),
      flag_setting("hairpin", &P::hairpin, "Frames may leave by the port by which they came in."),
      flag_setting("isolated", &P::isolated, "Frames do not pass between two isolated ports."),
      tree_flag_setting("guard", &P::guard, "BPDU guard: a BPDU that comes in closes the port."),
      flag_setting("locked", &P::locked, "Only frames from stations that the MAC table has at this port come in."),
      tree_flag_setting("root_block", &P::root_block, "The port never becomes the root port."),
      tree_flag_setting("bpdu_filter", &P::bpdu_filter, "BPDUs neither leave by the port nor come in."),
      tree_flag_setting(
          "loop_guard", &P::loop_guard,
          "A port that stops hearing its designated bridge stays closed instead of taking that bridge's place."),
      tree_flag_setting("restricted_tcn", &P::restricted_tcn,
                        "Topology changes that are heard at this port are not passed on."),
      cost_setting(),
      choice_setting("edge", &P::edge, kChoiceNames,
                     "The port leads to a station, so it forwards at once; auto finds out.", {.flag_words = true}),
      choice_setting("p2p", &P::point_to_point, kChoiceNames,
                     "One bridge at most is behind the port, so RSTP may agree quickly; auto asks the device.",
                     {.flag_words = true}),
      number_setting("priority", &P::priority, number_type({.lowest = 0, .highest = 63}),
                     "The upper part of the port identifier: among equal ways the lowest one wins."),
      choice_setting("state", &P::state, kStpStateNames,
                     "The state of the port, set by hand; a spanning tree decides all but disabled.",
                     {.numbers = true}),
  };
}

}  // namespace

const SettingTable<PortSettings>& port_settings() {
  static const SettingTable<PortSettings> table = make_table();
  return table;
}

PortSettings host_port_settings() noexcept {
  PortSettings settings;
  settings.learning = false;
  settings.flood = false;
  return settings;
}

Result<> check_settings(const PortSettings& settings, PathCosts costs) {
  if (!settings.cost || (*settings.cost >= 1 && *settings.cost <= max_path_cost(costs))) return {};
  return fail(ErrorCode::kOutOfRange,
              fmt::format("path cost {} is out of range; it can be 1 to {}", *settings.cost, max_path_cost(costs)));
}

}  // namespace rb
