// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/loop_settings.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace rb {
namespace {

/// In the order of LoopAction.
constexpr std::array<std::string_view, 3> kLoopActionNames = {"off", "report", "block"};

// Seconds. Probes are not to be work for those who flood them; nobody waits for longer than a day.
constexpr double kShortestProbe_s = 0.1, kLongestProbe_s = 3600, kShortestHold_s = 1, kLongestHold_s = 86400;

/// False for what is no number, too.
bool is_within(double value, double lowest, double highest) {
  return value >= lowest && value <= highest;
}

}  // namespace

std::string_view loop_action_name(LoopAction action) noexcept {
  return kLoopActionNames[static_cast<std::size_t>(action)];
}

std::optional<LoopAction> loop_action_of(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(kLoopActionNames, name);
  if (found == kLoopActionNames.end()) return std::nullopt;
  return static_cast<LoopAction>(found - kLoopActionNames.begin());
}

Result<> check_settings(const LoopSettings& settings) {
  if (settings.probe_s != 0 && !is_within(settings.probe_s, kShortestProbe_s, kLongestProbe_s)) {
    return fail(ErrorCode::kOutOfRange, fmt::format("loop_probe {} is out of range; it can be {} to {} s, or off",
                                                    settings.probe_s, kShortestProbe_s, kLongestProbe_s));
  }
  if (!is_within(settings.hold_s, kShortestHold_s, kLongestHold_s)) {
    return fail(ErrorCode::kOutOfRange, fmt::format("loop_hold {} is out of range; it can be {} to {} s",
                                                    settings.hold_s, kShortestHold_s, kLongestHold_s));
  }
  if (settings.action == LoopAction::kBlock && settings.probe_s == 0) {
    return fail(ErrorCode::kInvalidArgument,
                "loop_guard block goes by probes, so they cannot be off; 'loop_guard report' needs none");
  }
  return {};
}

}  // namespace rb
