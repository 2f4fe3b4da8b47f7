// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/links/link_carrier.hpp"

#include <fmt/core.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <cstring>

#include "ports/base/netns.hpp"
#include "ports/links/rtnetlink.hpp"

namespace rb {

Result<> set_link_carrier(const std::string& name, int netns_fd, bool on) {
  const Result<NetnsScope> scope = NetnsScope::enter(netns_fd);
  if (!scope) return std::unexpected(scope.error());
  Result<Rtnetlink> netlink = Rtnetlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  RtnetlinkRequest request(RTM_SETLINK, 0, ifinfomsg{});
  request.add(IFLA_IFNAME, name);
  request.add(IFLA_CARRIER, static_cast<std::uint8_t>(on ? 1 : 0));
  const int error = netlink->request(request);
  switch (error) {
    case 0:
      return {};
    case EOPNOTSUPP:
      return fail(ErrorCode::kNotSupported,
                  fmt::format("the driver of {} cannot switch its carrier; 'ip link set {} down' takes the interface "
                              "down, and 'rbctl link set dev {} state disabled' closes the port",
                              name, name, name),
                  name);
    case ENODEV:
      return fail(ErrorCode::kNoSuchInterface, fmt::format("there is no interface {}", name), name);
    case EPERM:
      return fail(ErrorCode::kPermission,
                  fmt::format("switching the carrier of {} needs CAP_NET_ADMIN in its network namespace", name), name);
    default:
      return fail(ErrorCode::kSystem, fmt::format("cannot switch the carrier of {}: {}", name, std::strerror(error)),
                  name);
  }
}

}  // namespace rb
