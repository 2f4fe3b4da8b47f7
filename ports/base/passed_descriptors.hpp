// SPDX-License-Identifier: GPL-2.0-or-later
// File descriptors that travel with a message over a Unix socket (SCM_RIGHTS, unix(7)).
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <span>
#include <vector>

#include "ports/base/unique_fd.hpp"

namespace rb {

/// Takes ownership of those that recvmsg() has brought, behind what `into` has already.
void take_descriptors(msghdr& message, std::vector<UniqueFd>& into);
/// Has sendmsg() bring some along. `control` has CMSG_SPACE() of them, is aligned for a cmsghdr, and lives until then.
void attach_descriptors(msghdr& message, std::span<const int> descriptors, std::span<std::byte> control);

}  // namespace rb
