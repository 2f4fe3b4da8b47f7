// SPDX-License-Identifier: GPL-2.0-or-later
// Rtnetlink messages about links and namespaces, read; nothing is believed of their sizes.
#pragma once

#include <linux/netlink.h>
#include <sys/socket.h>

#include "ports/links/link_monitor.hpp"

namespace rb {

inline constexpr int kOwnNsid = -1;  // of the namespace one is in, which has no number to itself

/// RTM_NEWLINK or RTM_DELLINK of the device itself (AF_UNSPEC), not of its being a kernel bridge's port (AF_BRIDGE).
[[nodiscard]] bool is_link_message(const nlmsghdr& message);
/// What such a message says; attributes that are missing or malformed keep their defaults.
[[nodiscard]] LinkState read_link(const nlmsghdr& message);
/// The number in a RTM_NEWNSID or RTM_DELNSID; kOwnNsid, which it never is, when there is none.
[[nodiscard]] int read_nsid(const nlmsghdr& message);
/// Where a message was sent: the control message that NETLINK_LISTEN_ALL_NSID adds for other namespaces.
[[nodiscard]] int origin_of(msghdr& received);

}  // namespace rb
