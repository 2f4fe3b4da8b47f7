// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/bridge_settings.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace rb {
namespace {

struct GroupName {
  std::string_view name;
  unsigned bit;
};
/// IEEE 802.1Q-2022 table 8-1, and the protocols that use the addresses.
constexpr std::array<GroupName, 5> kGroupNames = {
    {{"lacp", 0x2}, {"dot1x", 0x3}, {"provider", 0x8}, {"mvrp", 0xd}, {"lldp", 0xe}}};

/// In the order of stp::Choice.
constexpr std::array<std::string_view, 3> kChoiceNames = {"off", "on", "auto"};

Result<> check_range(std::string_view what, double value, double lowest, double highest) {
  if (value >= lowest && value <= highest) return {};
  return fail(ErrorCode::kOutOfRange,
              fmt::format("{} {} is out of range; it can be {} to {} seconds", what, value, lowest, highest),
              std::string(what));
}

}  // namespace

std::string_view stp_mode_name(StpMode mode) noexcept {
  constexpr std::array<std::string_view, 3> kNames = {"off", "on", "rstp"};
  return kNames[static_cast<std::size_t>(mode)];
}

std::string_view choice_name(stp::Choice choice) noexcept {
  return kChoiceNames[static_cast<std::size_t>(choice)];
}

std::optional<stp::Choice> choice_of(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(kChoiceNames, name);
  if (found == kChoiceNames.end()) return std::nullopt;
  return static_cast<stp::Choice>(found - kChoiceNames.begin());
}

std::string_view stp_state_name(StpState state) noexcept {
  constexpr std::array<std::string_view, 5> kNames = {"disabled", "listening", "learning", "forwarding", "blocking"};
  return kNames[static_cast<std::size_t>(state)];
}

PortSettings host_port_settings() noexcept {
  PortSettings settings;
  settings.learning = false;
  settings.flood = false;
  return settings;
}

const std::vector<PortFlag>& port_flags() {
  static const std::vector<PortFlag> flags = {
      {"learning", &PortSettings::learning},
      {"flood", &PortSettings::flood},
      {"mcast_flood", &PortSettings::mcast_flood},
      {"bcast_flood", &PortSettings::bcast_flood},
      {"hairpin", &PortSettings::hairpin},
      {"isolated", &PortSettings::isolated},
      {"guard", &PortSettings::guard, true},
      {"locked", &PortSettings::locked},
      {"root_block", &PortSettings::root_block, true},
      {"bpdu_filter", &PortSettings::bpdu_filter, true},
      {"loop_guard", &PortSettings::loop_guard, true},
      {"restricted_tcn", &PortSettings::restricted_tcn, true},
  };
  return flags;
}

Result<> check_settings(const BridgeSettings& settings) {
  // BR_MAX_AGEING_TIME; and no time of the FDB may come near the wrap of its clock.
  if (Result<> checked = check_range("ageing time", settings.ageing_s, 0, 1000000); !checked) return checked;
  if (Result<> checked = check_range("forward delay", settings.forward_delay_s, 2, 30); !checked) return checked;
  if (Result<> checked = check_range("hello time", settings.hello_s, 1, 10); !checked) return checked;
  if (Result<> checked = check_range("max age", settings.max_age_s, 6, 40); !checked) return checked;
  return check_settings(settings.loop);
}

Result<> check_settings(const PortSettings& settings, PathCosts costs) {
  if (settings.cost && (*settings.cost < 1 || *settings.cost > max_path_cost(costs))) {
    return fail(ErrorCode::kOutOfRange,
                fmt::format("path cost {} is out of range; it can be 1 to {}", *settings.cost, max_path_cost(costs)));
  }
  if (settings.priority > 63)
    return fail(ErrorCode::kOutOfRange,
                fmt::format("port priority {} is out of range; it can be 0 to 63", settings.priority));
  return {};
}

Result<> check_group_fwd_mask(std::int64_t mask) {
  if (mask < 0 || mask > 0xffff)
    return fail(ErrorCode::kOutOfRange, fmt::format("group_fwd_mask {} has more than 16 bits", mask));
  if ((mask & 3) != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "bits 0 (spanning tree) and 1 (pause) cannot be set in group_fwd_mask: without spanning "
                "tree 01:80:c2:00:00:00 is flooded anyway, and pause frames never pass a bridge");
  }
  return {};
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
