// SPDX-License-Identifier: GPL-2.0-or-later
// The settings of a bridge, with the kernel bridge's names, defaults and ranges.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/words/loop_settings.hpp"
#include "control/words/path_cost.hpp"
#include "control/words/setting.hpp"
#include "switch/enum_names.hpp"
#include "switch/result.hpp"

namespace rb {

/// The spanning tree protocol that a bridge speaks.
enum class StpMode : std::uint8_t {
  kOff,
  kOn,  // STP, as the kernel's bridge
  kRstp,
};
inline constexpr auto kStpModeNames = enum_names<StpMode>("off", "on", "rstp");

/// Times are in seconds. The rows of bridge_settings() say what each member means.
struct BridgeSettings {
  double ageing_s = 300;
  double forward_delay_s = 15;
  double hello_s = 2;
  double max_age_s = 20;
  std::uint16_t priority = 32768;
  std::uint16_t group_fwd_mask = 0;
  StpMode stp = StpMode::kOff;
  PathCosts path_costs = PathCosts::kShort;
  LoopSettings loop;
};
[[nodiscard]] const SettingTable<BridgeSettings>& bridge_settings();

/// Checks what depends on more than one setting; each row of the table checks its own range.
[[nodiscard]] Result<> check_settings(const BridgeSettings& settings);

/// The mask for a list of groups: a name (lacp, dot1x, provider, mvrp, lldp) or a digit 2 to 15 for each bit.
[[nodiscard]] Result<std::uint16_t> group_fwd_mask_of(const std::vector<std::string>& names);
[[nodiscard]] std::vector<std::string> group_fwd_names(std::uint16_t mask);

}  // namespace rb
