// What can be set on a bridge and on a port, with the kernel bridge's defaults and ranges.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "switch/result.hpp"

namespace rb {

/// Of a bridge. Times in seconds; the spanning tree's are kept and shown.
struct BridgeSettings {
  double ageing_s = 300;
  double forward_delay_s = 15;
  double hello_s = 2;
  double max_age_s = 20;
  std::uint16_t priority = 32768;
  std::uint16_t group_fwd_mask = 0;
};

/// What `bridge link set` calls the state of a port (linux/if_bridge.h BR_STATE_*), in its order.
enum class StpState : std::uint8_t { kDisabled, kListening, kLearning, kForwarding, kBlocking };
[[nodiscard]] std::string_view stp_state_name(StpState state) noexcept;

/// Of a port.
struct PortSettings {
  std::uint32_t cost = 2;  // the kernel's for a tap
  std::uint8_t priority = 32;
  StpState state = StpState::kForwarding;  // as set by hand; the device may be down besides
  bool learning = true;
  bool flood = true;
  bool mcast_flood = true;
  bool bcast_flood = true;
  bool hairpin = false;
  bool isolated = false;
  bool guard = false;
  bool locked = false;
};

/// What a bridge's own port begins with. As the kernel's bridge: its interface is known by its address, so nothing is
/// learned from it, and unknown unicast does not reach it (unless it is promiscuous).
[[nodiscard]] PortSettings host_port_settings() noexcept;

/// The boolean settings of a port by their names in `bridge link`.
struct PortFlag {
  const char* name;
  bool PortSettings::* member;
};
[[nodiscard]] const std::vector<PortFlag>& port_flags();

/// The kernel's ranges (net/bridge/br_private_stp.h, br_stp.c); kOutOfRange with the range in the message.
[[nodiscard]] Result<> check_settings(const BridgeSettings& settings);
[[nodiscard]] Result<> check_settings(const PortSettings& settings);

/// `forward` in words: a name (lacp, dot1x, provider, mvrp, lldp) or a digit 0 to 15 for each bit.
[[nodiscard]] Result<std::uint16_t> group_fwd_mask_of(const std::vector<std::string>& names);
[[nodiscard]] Result<> check_group_fwd_mask(std::int64_t mask);
[[nodiscard]] std::vector<std::string> group_fwd_names(std::uint16_t mask);

}  // namespace rb
