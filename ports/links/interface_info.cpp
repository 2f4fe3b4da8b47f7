// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/links/interface_info.hpp"

#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <cstring>
#include "ports/base/interface_name.hpp"
#include "ports/base/netns.hpp"

namespace rb {
namespace {

void read_tun_attribute(const nlattr& attribute, TunInfo& tun) {
  const bool set = attribute_u8(attribute).value_or(0) != 0;
  switch (attribute_type(attribute)) {
    case IFLA_TUN_TYPE:
      tun.tap = attribute_u8(attribute) == IFF_TAP;
      break;
    case IFLA_TUN_PERSIST:
      tun.persistent = set;
      break;
    case IFLA_TUN_MULTI_QUEUE:
      tun.multi_queue = set;
      break;
    case IFLA_TUN_NUM_QUEUES:
    case IFLA_TUN_NUM_DISABLED_QUEUES:
      tun.queue_count += attribute_u32(attribute).value_or(0);
      break;
    case IFLA_TUN_OWNER:
      tun.owner = attribute_u32(attribute);
      break;
    case IFLA_TUN_GROUP:
      tun.group = attribute_u32(attribute);
      break;
    default:
      break;
  }
}

void read_link_info(const nlattr& link_info, InterfaceInfo& info) {
  // The kind comes before the data. Other drivers number their data differently.
  for_each_nested_attribute(link_info, [&](const nlattr& attribute) {
    if (attribute_type(attribute) == IFLA_INFO_KIND) info.kind = attribute_string(attribute);
    if (info.kind != "tun") return;
    if (!info.tun) info.tun.emplace();
    if (attribute_type(attribute) != IFLA_INFO_DATA) return;
    for_each_nested_attribute(attribute, [&](const nlattr& inner) { read_tun_attribute(inner, *info.tun); });
  });
}

InterfaceInfo read_interface(const nlmsghdr& message) {
  InterfaceInfo info;
  ifinfomsg header{};
  std::memcpy(&header, &message + 1, sizeof header);
  info.ifindex = header.ifi_index;
  info.loopback = (header.ifi_flags & IFF_LOOPBACK) != 0;
  info.ethernet = header.ifi_type == ARPHRD_ETHER;
  for_each_attribute(message, sizeof header, [&](const nlattr& attribute) {
    if (attribute_type(attribute) == IFLA_IFNAME) info.name = attribute_string(attribute);
    if (attribute_type(attribute) == IFLA_LINKINFO) read_link_info(attribute, info);
    if (attribute_type(attribute) == IFLA_MASTER) info.master = static_cast<int>(attribute_u32(attribute).value_or(0));
  });
  return info;
}

}  // namespace

Result<std::optional<InterfaceInfo>> look_up_interface(Rtnetlink& netlink, const std::string& name) {
  RtnetlinkRequest request(RTM_GETLINK, 0, ifinfomsg{});
  request.add(IFLA_IFNAME, name);
  request.add(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  std::optional<InterfaceInfo> info;
  const int error = netlink.request(request, [&](const nlmsghdr& message) {
    if (message.nlmsg_type == RTM_NEWLINK && message.nlmsg_len >= NLMSG_LENGTH(sizeof(ifinfomsg))) {
      info = read_interface(message);
    }
  });
  if (error != 0 && error != ENODEV) {
    return fail(ErrorCode::kSystem, fmt::format("the kernel does not tell what {} is: {}", name, std::strerror(error)));
  }
  return info;
}

std::string describe_kind(const InterfaceInfo& info) {
  if (info.loopback) return "is the loopback interface";
  if (info.kind.empty()) return "is a network device of its own";
  if (info.kind == "bridge") return "is a kernel bridge";
  return fmt::format("is an interface of kind {}", info.kind);
}

InterfaceKind interface_kind(const std::string& name, int netns_fd) {
  if (!check_interface_name(name)) return InterfaceKind::kNone;
  Result<Rtnetlink> netlink = [netns_fd]() -> Result<Rtnetlink> {
    const Result<NetnsScope> scope = NetnsScope::enter(netns_fd);
    if (!scope) return std::unexpected(scope.error());
    return Rtnetlink::open();
  }();
  if (!netlink) return InterfaceKind::kNone;
  const Result<std::optional<InterfaceInfo>> info = look_up_interface(*netlink, name);
  if (!info || !*info) return InterfaceKind::kNone;
  if ((*info)->tun) return (*info)->tun->tap ? InterfaceKind::kTap : InterfaceKind::kTun;
  return (*info)->kind == "bridge" ? InterfaceKind::kBridge : InterfaceKind::kOther;
}

}  // namespace rb
