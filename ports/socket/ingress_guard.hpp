// SPDX-License-Identifier: GPL-2.0-or-later
// IngressGuard keeps frames of an interface that is a port away from the host's own stack.
//
// A packet socket sees a frame before the ingress hook does. At this hook an nftables chain of the netdev family drops
// the frame, so that the host does not itself answer frames that the switch forwards. The netlink socket owns the table
// (NFT_TABLE_F_OWNER, Linux 5.12): the table disappears with the socket, even if the process is killed.
#pragma once

#include <string>

#include "ports/base/unique_fd.hpp"
#include "switch/result.hpp"

namespace rb {

/// Guards an interface of the calling thread's network namespace until the descriptor is closed. Needs CAP_NET_ADMIN
/// (kPermission); kNotSupported where the kernel has no nf_tables for devices.
[[nodiscard]] Result<UniqueFd> guard_ingress(const std::string& interface);

}  // namespace rb
