// SPDX-License-Identifier: GPL-2.0-or-later
// What kinds of ports share that have a socket: reading its address and its file's owner from the options.
#pragma once

#include "control/kinds/peer_link.hpp"
#include "control/words/port_kinds.hpp"
#include "ports/base/socket_address.hpp"
#include "ports/links/link_monitor.hpp"

namespace rb {

/// Names of such ports stand among options in a dump: kInvalidArgument unless the name is plain.
[[nodiscard]] Result<> check_plain_name(const std::string& name);
/// Of the file that is made for a socket.
[[nodiscard]] SocketOwner socket_owner(const PortOptions& options);
/// The address, which must be a path; `why` says why in the refusal.
[[nodiscard]] Result<SocketAddress> path_of(const PortOptions& options, std::string_view why);
/// Where a peer is met, and who comes to whom. Refuses an owner of a file that is not made here.
[[nodiscard]] Result<PeerAddress> peer_address(const PortOptions& options);

/// The words in which a port that is no interface is described as one; connected, or not.
[[nodiscard]] LinkState link_of_peer(const std::string& port, bool connected);

}  // namespace rb
