// SPDX-License-Identifier: GPL-2.0-or-later
// The settings of a port, with the kernel bridge's names, defaults and ranges.
#pragma once

#include <cstdint>
#include <optional>

#include "control/words/path_cost.hpp"
#include "control/words/setting.hpp"
#include "switch/enum_names.hpp"
#include "switch/forwarding_state.hpp"
#include "switch/result.hpp"
#include "switch/stp/spanning_tree.hpp"

namespace rb {

/// The states of a port by `bridge link set`'s names and numbers (linux/if_bridge.h BR_STATE_*).
enum class StpState : std::uint8_t { kDisabled, kListening, kLearning, kForwarding, kBlocking };
inline constexpr auto kStpStateNames =
    enum_names<StpState>("disabled", "listening", "learning", "forwarding", "blocking");

inline constexpr auto kChoiceNames = enum_names<stp::Choice>("off", "on", "auto");

/// The rows of port_settings() say what each member means.
struct PortSettings {
  std::optional<std::uint32_t> cost;  // nullopt: by the speed of the device
  std::uint8_t priority = 32;
  StpState state = StpState::kForwarding;  // as set by hand; the device may be down besides
  bool carrier = true;
  PolicerLimits rate_in;
  bool learning = true;
  bool flood = true;
  bool mcast_flood = true;
  bool bcast_flood = true;
  bool hairpin = false;
  bool isolated = false;
  bool guard = false;
  bool locked = false;
  bool root_block = false;
  bool bpdu_filter = false;
  bool loop_guard = false;
  bool restricted_tcn = false;
  stp::Choice edge = stp::Choice::kAuto;
  stp::Choice point_to_point = stp::Choice::kAuto;
};
[[nodiscard]] const SettingTable<PortSettings>& port_settings();

/// What a bridge's own port begins with. As the kernel's bridge: its interface is known by its address, so nothing is
/// learned from it, and unknown unicast does not reach it (unless it is promiscuous).
[[nodiscard]] PortSettings host_port_settings() noexcept;

/// Checks what depends on the bridge: the range of costs. kOutOfRange with the range in the message.
[[nodiscard]] Result<> check_settings(const PortSettings& settings, PathCosts costs);

}  // namespace rb
