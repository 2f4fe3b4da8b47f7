// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/bridge_settings.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace rb {
namespace {

using nlohmann::json;

struct GroupName {
  std::string_view name;
  unsigned bit;
};
/// IEEE 802.1Q-2022 table 8-1, and the protocols that use the addresses.
constexpr std::array<GroupName, 5> kGroupNames = {
    {{"lacp", 0x2}, {"dot1x", 0x3}, {"provider", 0x8}, {"mvrp", 0xd}, {"lldp", 0xe}}};
constexpr std::array<std::string_view, 5> kGroupWords = {"lacp", "dot1x", "provider", "mvrp", "lldp"};

Result<> check_group_fwd_mask(std::uint16_t mask) {
  if ((mask & 3) == 0) return {};
  return fail(ErrorCode::kInvalidArgument,
              "bits 0 (spanning tree) and 1 (pause) cannot be set in group_fwd_mask: without spanning "
              "tree 01:80:c2:00:00:00 is flooded anyway, and pause frames never pass a bridge");
}

/// A row for a time that brctl sets by a command of its own.
Setting<BridgeSettings> time_setting(std::string_view name, std::string_view key, std::string_view command,
                                     double BridgeSettings::* member, SecondsOptions range, std::string_view meaning) {
  return with(number_setting(name, member, seconds_type(range), meaning), [&](auto& row) {
    row.key = key;
    row.command = command;
  });
}

Setting<BridgeSettings> group_fwd_mask_setting() {
  return {{.name = "group_fwd_mask",
           .key = "group_fwd_mask",
           .type = &number_type({.lowest = 0, .highest = 0xffff}),
           .meaning = "The groups of forward as a mask: bit X stands for 01:80:c2:00:00:0X.",
           .is_alias = true},
          [](const BridgeSettings& bridge) { return json(bridge.group_fwd_mask); },
          [](BridgeSettings& bridge, const json& value) -> Result<> {
            const auto mask = value.get<std::uint16_t>();
            if (Result<> checked = check_group_fwd_mask(mask); !checked) return checked;
            bridge.group_fwd_mask = mask;
            return {};
          }};
}

Setting<BridgeSettings> forward_setting() {
  return {{.name = "forward",
           .key = "forward",
           .type = &text_list_type("GROUP,...|none", kGroupWords),
           .meaning = "Reserved groups 01:80:c2:00:00:0X that the bridge floods instead of dropping: lacp, dot1x, "
                      "provider, mvrp, lldp, or the digit X from 2 to 15."},
          [](const BridgeSettings& bridge) { return json(group_fwd_names(bridge.group_fwd_mask)); },
          [](BridgeSettings& bridge, const json& value) -> Result<> {
            const Result<std::uint16_t> mask = group_fwd_mask_of(value.get<std::vector<std::string>>());
            if (!mask) return std::unexpected(mask.error());
            bridge.group_fwd_mask = *mask;
            return {};
          }};
}

/// The probes stand behind the action: a request that says both sets the time that it says.
Setting<BridgeSettings> loop_guard_setting() {
  return {
      {.name = "loop_guard",
       .key = "loop_guard",
       .type = &choice_type(kLoopActionNames.all()),
       .meaning = "The action when a loop is found: none, a notice, or to close the port by which a probe came back."},
      [](const BridgeSettings& bridge) { return json(kLoopActionNames.name(bridge.loop.action)); },
      [](BridgeSettings& bridge, const json& value) -> Result<> {
        bridge.loop.action = kLoopActionNames.value(value.get<std::string>()).value();
        // Closing ports needs probes, so the action turns them on.
        if (bridge.loop.action == LoopAction::kBlock && bridge.loop.probe_s == 0)
          bridge.loop.probe_s = LoopSettings::kUsualProbe_s;
        return {};
      }};
}

Setting<BridgeSettings> loop_time_setting(std::string_view name, std::string_view key, double LoopSettings::* member,
                                          SecondsOptions range, std::string_view meaning) {
  return {{.name = name, .key = key, .type = &seconds_type(range), .meaning = meaning},
          [member](const BridgeSettings& bridge) { return json(bridge.loop.*member); },
          [member](BridgeSettings& bridge, const json& value) {
            bridge.loop.*member = value.get<double>();
            return Result<>{};
          }};
}

SettingTable<BridgeSettings> make_table() {
  using B = BridgeSettings;
  return {
      // The kernel's ranges: net/bridge/br_private_stp.h, br_stp.c. BR_MAX_AGEING_TIME keeps every time of the FDB far
      // from the wrap of its clock.
      time_setting("ageing", "ageing_s", "setageing", &B::ageing_s, {.lowest = 0, .highest = 1000000},
                   "How long a silent station stays in the MAC table; 0 makes the bridge a hub."),
      with(number_setting("priority", &B::priority, number_type({.lowest = 0, .highest = 65535}),
                          "The upper half of the bridge identifier: the lowest one becomes the root of the tree."),
           [](auto& row) { row.command = "setbridgeprio"; }),
      time_setting("forward_delay", "forward_delay_s", "setfd", &B::forward_delay_s, {.lowest = 2, .highest = 30},
                   "How long a port listens, and then learns, before it forwards (STP)."),
      time_setting("hello", "hello_s", "sethello", &B::hello_s, {.lowest = 1, .highest = 10},
                   "The time between two BPDUs of the root."),
      time_setting("max_age", "max_age_s", "setmaxage", &B::max_age_s, {.lowest = 6, .highest = 40},
                   "How long the information of a BPDU is valid."),
      with(choice_setting("stp", &B::stp, kStpModeNames, "The spanning tree protocol: none, STP or RSTP."),
           [](auto& row) { row.command = "stp"; }),
      choice_setting("path_cost", &B::path_costs, kPathCostsNames,
                     "The table that costs are taken from where no cost is set: the kernel bridge's (1 to 65535), or "
                     "IEEE 802.1D-2004's (20,000,000 divided by Mbit/s)."),
      loop_guard_setting(),
      loop_time_setting("loop_probe", "loop_probe_s", &LoopSettings::probe_s,
                        {.lowest = kShortestProbe_s, .highest = kLongestProbe_s, .zero = "off"},
                        "The time between two loop probes of a port; off sends none."),
      loop_time_setting("loop_hold", "loop_hold_s", &LoopSettings::hold_s,
                        {.lowest = kShortestHold_s, .highest = kLongestHold_s},
                        "How long loop_guard keeps a port closed."),
      group_fwd_mask_setting(),
      forward_setting(),
  };
}

}  // namespace

const SettingTable<BridgeSettings>& bridge_settings() {
  static const SettingTable<BridgeSettings> table = make_table();
  return table;
}

Result<> check_settings(const BridgeSettings& settings) {
  return check_settings(settings.loop);
}

Result<std::uint16_t> group_fwd_mask_of(const std::vector<std::string>& names) {
  std::uint16_t mask = 0;
  for (const std::string& name : names) {
    unsigned bit = 16;
    for (const GroupName& group : kGroupNames) {
      if (name == group.name) bit = group.bit;
    }
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), bit);
    if (bit > 15 || (error == std::errc{} && stop != name.data() + name.size())) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format(
              "'{}' is no group to forward; known are lacp, dot1x, provider, mvrp, lldp and the last digits 2 to 15",
              name),
          name);
    }
    mask = static_cast<std::uint16_t>(mask | 1U << bit);
  }
  if (Result<> checked = check_group_fwd_mask(mask); !checked) return std::unexpected(checked.error());
  return mask;
}

std::vector<std::string> group_fwd_names(std::uint16_t mask) {
  std::vector<std::string> names;
  for (unsigned bit = 0; bit < 16; ++bit) {
    if ((mask >> bit & 1) == 0) continue;
    std::string name = std::to_string(bit);
    for (const GroupName& group : kGroupNames) {
      if (group.bit == bit) name = group.name;
    }
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace rb
