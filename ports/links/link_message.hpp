// SPDX-License-Identifier: GPL-2.0-or-later
// Reads rtnetlink messages about links and namespaces. The sizes in them are not trusted.
#pragma once

#include <linux/netlink.h>
#include <sys/socket.h>

#include "ports/links/link_monitor.hpp"

namespace rb {

inline constexpr int kOwnNsid = -1;  // for the present namespace, which has no number for itself

/// True for RTM_NEWLINK or RTM_DELLINK of the device itself (AF_UNSPEC), not of its membership in a kernel bridge
/// (AF_BRIDGE).
[[nodiscard]] bool is_link_message(const nlmsghdr& message);
/// Reads such a message. Attributes that are missing or malformed keep their defaults.
[[nodiscard]] LinkState read_link(const nlmsghdr& message);
/// Returns the number in a RTM_NEWNSID or RTM_DELNSID, or kOwnNsid if there is none; it is never in a message.
[[nodiscard]] int read_nsid(const nlmsghdr& message);
/// Returns the namespace of a message, from the control message that NETLINK_LISTEN_ALL_NSID adds for other namespaces.
[[nodiscard]] int origin_of(msghdr& received);

}  // namespace rb
