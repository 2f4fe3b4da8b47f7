// SPDX-License-Identifier: GPL-2.0-or-later
// InterfaceInfo: what kind of network interface a name stands for, as rtnetlink tells anybody who asks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ports/links/rtnetlink.hpp"
#include "switch/result.hpp"

namespace rb {

/// What the tun driver says of a device of its own (IFLA_LINKINFO, IFLA_INFO_DATA, IFLA_TUN_*).
struct TunInfo {
  bool tap = false;  // false: a tun, which carries IP packets and no frames
  bool persistent = false;
  bool multi_queue = false;
  std::uint32_t queue_count = 0;  // held open now, switched-off ones included; said of multi-queue ones only
  std::optional<std::uint32_t> owner, group;  // uid and gid who may attach without CAP_NET_ADMIN
};

struct InterfaceInfo {
  int ifindex = 0;
  std::string name;
  std::string kind;  // "tun", "bridge", "veth" ...; "" for a real device or the loopback
  bool loopback = false;
  bool ethernet = false;  // ARPHRD_ETHER
  int master = 0;         // ifindex of the bridge, bond ... that it belongs to; 0: none
  std::optional<TunInfo> tun;
};

/// nullopt when there is no such interface (alternative names count too). Needs no privilege.
[[nodiscard]] Result<std::optional<InterfaceInfo>> look_up_interface(Rtnetlink& netlink, const std::string& name);

/// "is a bridge", "is an interface of kind veth": for messages.
[[nodiscard]] std::string describe_kind(const InterfaceInfo& info);

/// What a name stands for in a namespace (-1: the daemon's own), read without privilege. kNone also when the namespace
/// cannot be entered.
enum class InterfaceKind { kNone, kTap, kTun, kBridge, kOther };
[[nodiscard]] InterfaceKind interface_kind(const std::string& name, int netns_fd);

}  // namespace rb
