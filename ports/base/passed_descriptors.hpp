// SPDX-License-Identifier: GPL-2.0-or-later
// Passes file descriptors with a message over a Unix socket (SCM_RIGHTS, unix(7)).
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <span>
#include <vector>

#include "ports/base/unique_fd.hpp"

namespace rb {

/// Takes ownership of the descriptors that recvmsg() has received, and appends them to `into`.
void take_descriptors(msghdr& message, std::vector<UniqueFd>& into);
/// Makes sendmsg() send descriptors. `control` has CMSG_SPACE() of them, is aligned for a cmsghdr, and must live until
/// then.
void attach_descriptors(msghdr& message, std::span<const int> descriptors, std::span<std::byte> control);

}  // namespace rb
