// SPDX-License-Identifier: GPL-2.0-or-later
// What a bridge does about loops that no spanning tree breaks.
#pragma once

#include <cstdint>

#include "switch/enum_names.hpp"
#include "switch/result.hpp"

namespace rb {

enum class LoopAction : std::uint8_t {
  kOff,
  kReport,
  kBlock,  // close the port by which a probe has come back
};
inline constexpr auto kLoopActionNames = enum_names<LoopAction>("off", "report", "block");

struct LoopSettings {
  /// Between two probes of a port where nobody has said how long, and they are needed.
  static constexpr double kUsualProbe_s = 2;

  LoopAction action = LoopAction::kReport;
  double probe_s = 0;  // seconds between two probes of a port; 0: none is sent
  double hold_s = 60;  // how long a port is closed

  [[nodiscard]] bool sends_probes() const noexcept { return action != LoopAction::kOff && probe_s != 0; }
  bool operator==(const LoopSettings&) const = default;
};

// Seconds. A client must not make the switch flood probes, and nobody waits for a port longer than a day.
inline constexpr double kShortestProbe_s = 0.1, kLongestProbe_s = 3600, kShortestHold_s = 1, kLongestHold_s = 86400;

/// kInvalidArgument where the settings contradict each other. Their ranges are in the table (bridge_settings.cpp).
[[nodiscard]] Result<> check_settings(const LoopSettings& settings);

}  // namespace rb
