// SPDX-License-Identifier: GPL-2.0-or-later
// What a bridge does about loops that no spanning tree breaks.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "switch/result.hpp"

namespace rb {

enum class LoopAction : std::uint8_t {
  kOff,
  kReport,
  kBlock,  // close the port by which a probe has come back
};
/// "off", "report", "block"
[[nodiscard]] std::string_view loop_action_name(LoopAction action) noexcept;
[[nodiscard]] std::optional<LoopAction> loop_action_of(std::string_view name) noexcept;

struct LoopSettings {
  /// Between two probes of a port where nobody has said how long, and they are needed.
  static constexpr double kUsualProbe_s = 2;

  LoopAction action = LoopAction::kReport;
  double probe_s = 0;  // seconds between two probes of a port; 0: none is sent
  double hold_s = 60;  // how long a port is closed

  [[nodiscard]] bool sends_probes() const noexcept { return action != LoopAction::kOff && probe_s != 0; }
  bool operator==(const LoopSettings&) const = default;
};

/// kOutOfRange with the range in the message, kInvalidArgument where they contradict each other.
[[nodiscard]] Result<> check_settings(const LoopSettings& settings);

}  // namespace rb
