// SPDX-License-Identifier: GPL-2.0-or-later
// IngressGuard: keeps the host's own stack from hearing what comes in by an interface that is a port.
//
// A packet socket sees a frame before the ingress hook does. There an nftables chain of the netdev family drops it, so
// that the host does not answer for itself what the switch is to carry. The table is owned by its netlink socket
// (NFT_TABLE_F_OWNER, Linux 5.12): it goes with the socket, also when the process is killed.
#pragma once

#include <string>

#include "ports/base/unique_fd.hpp"
#include "switch/result.hpp"

namespace rb {

/// Guards an interface of the calling thread's network namespace until the descriptor is closed. Needs CAP_NET_ADMIN
/// (kPermission); kNotSupported where the kernel has no nf_tables for devices.
[[nodiscard]] Result<UniqueFd> guard_ingress(const std::string& interface);

}  // namespace rb
