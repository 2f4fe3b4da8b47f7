// SPDX-License-Identifier: GPL-2.0-or-later
// What can be set on a bridge and on a port, with the kernel bridge's defaults and ranges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/words/loop_settings.hpp"
#include "control/words/path_cost.hpp"
#include "switch/result.hpp"
#include "switch/stp/spanning_tree.hpp"

namespace rb {

/// Which spanning tree protocol a bridge speaks.
enum class StpMode : std::uint8_t {
  kOff,
  kOn,  // STP, as the kernel's bridge
  kRstp,
};
/// "off", "on", "rstp"
[[nodiscard]] std::string_view stp_mode_name(StpMode mode) noexcept;

/// Of a bridge. Times in seconds.
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

/// What `bridge link set` calls the state of a port (linux/if_bridge.h BR_STATE_*), in its order.
enum class StpState : std::uint8_t { kDisabled, kListening, kLearning, kForwarding, kBlocking };
[[nodiscard]] std::string_view stp_state_name(StpState state) noexcept;

/// Of a port.
struct PortSettings {
  std::optional<std::uint32_t> cost;  // nullopt: by the speed of the device
  std::uint8_t priority = 32;
  StpState state = StpState::kForwarding;  // as set by hand; the device may be down besides
  bool learning = true;
  bool flood = true;
  bool mcast_flood = true;
  bool bcast_flood = true;
  bool hairpin = false;
  bool isolated = false;
  bool guard = false;  // a BPDU that comes in closes the port
  bool locked = false;
  bool root_block = false;      // never the root port
  bool bpdu_filter = false;     // BPDUs neither leave nor come in
  bool loop_guard = false;      // a port that has ceased to hear its designated bridge does not take its place
  bool restricted_tcn = false;  // topology changes that are heard of here go no further
  stp::Choice edge = stp::Choice::kAuto;
  stp::Choice point_to_point = stp::Choice::kAuto;
};
/// "off", "on", "auto"
[[nodiscard]] std::string_view choice_name(stp::Choice choice) noexcept;
[[nodiscard]] std::optional<stp::Choice> choice_of(std::string_view name) noexcept;

/// What a bridge's own port begins with. As the kernel's bridge: its interface is known by its address, so nothing is
/// learned from it, and unknown unicast does not reach it (unless it is promiscuous).
[[nodiscard]] PortSettings host_port_settings() noexcept;

/// The boolean settings of a port by their names in `bridge link`, and beyond.
struct PortFlag {
  const char* name;
  bool PortSettings::* member;
  bool of_tree = false;  // of no effect without a spanning tree
};
[[nodiscard]] const std::vector<PortFlag>& port_flags();

/// The kernel's ranges (net/bridge/br_private_stp.h, br_stp.c); kOutOfRange with the range in the message.
[[nodiscard]] Result<> check_settings(const BridgeSettings& settings);
[[nodiscard]] Result<> check_settings(const PortSettings& settings, PathCosts costs);

/// `forward` in words: a name (lacp, dot1x, provider, mvrp, lldp) or a digit 0 to 15 for each bit.
[[nodiscard]] Result<std::uint16_t> group_fwd_mask_of(const std::vector<std::string>& names);
[[nodiscard]] Result<> check_group_fwd_mask(std::int64_t mask);
[[nodiscard]] std::vector<std::string> group_fwd_names(std::uint16_t mask);

}  // namespace rb
