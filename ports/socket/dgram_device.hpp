// SPDX-License-Identifier: GPL-2.0-or-later
// QEMU's datagrams (`-netdev dgram`), the cold part: a bound socket, and where its peer is.
#pragma once

#include <memory>

#include "ports/base/socket_address.hpp"
#include "ports/engine/port_device.hpp"

namespace rb {

struct DgramOptions {
  SocketAddress local, peer;  // two paths, or two addresses of the loopback
  SocketOwner owner;          // of the local path
};

/// A port whose frames are datagrams between two addresses. The peer need not be there: what is sent to nobody is
/// dropped as egress_down. Who may write to the local path may send; on the loopback the peer's address alone.
/// Errors: those of BoundSocket::bind(), kInvalidArgument when the addresses are of different kinds, or the same.
[[nodiscard]] Result<std::unique_ptr<PortDevice>> open_dgram(const DgramOptions& options);

}  // namespace rb
