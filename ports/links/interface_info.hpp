// SPDX-License-Identifier: GPL-2.0-or-later
// InterfaceInfo describes the network interface of a name, as rtnetlink tells any process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ports/links/rtnetlink.hpp"
#include "switch/result.hpp"

namespace rb {

/// The tun driver's data about one of its devices (IFLA_LINKINFO, IFLA_INFO_DATA, IFLA_TUN_*).
struct TunInfo {
  bool tap = false;  // false: a tun, which carries IP packets and no frames
  bool persistent = false;
  bool multi_queue = false;
  std::uint32_t queue_count =
      0;  // queues that are open now, switched-off ones included; the kernel tells this for multi-queue devices only
  std::optional<std::uint32_t> owner, group;  // uid and gid that may attach without CAP_NET_ADMIN
};

struct InterfaceInfo {
  int ifindex = 0;
  std::string name;
  std::string kind;  // "tun", "bridge", "veth" ...; "" for a real device or the loopback
  bool loopback = false;
  bool ethernet = false;  // ARPHRD_ETHER
  int master = 0;         // ifindex of the bridge, bond ... to which it belongs; 0: none
  std::optional<TunInfo> tun;
};

/// Returns nullopt if there is no such interface (alternative names count, too). Needs no privilege.
[[nodiscard]] Result<std::optional<InterfaceInfo>> look_up_interface(Rtnetlink& netlink, const std::string& name);

/// Returns "is a bridge", "is an interface of kind veth", for messages.
[[nodiscard]] std::string describe_kind(const InterfaceInfo& info);

/// Returns the kind of interface of a name in a namespace (-1: the daemon's own). Needs no privilege. kNone also means
/// that the namespace cannot be entered.
enum class InterfaceKind { kNone, kTap, kTun, kBridge, kOther };
[[nodiscard]] InterfaceKind interface_kind(const std::string& name, int netns_fd);

}  // namespace rb
