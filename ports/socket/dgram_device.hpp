// SPDX-License-Identifier: GPL-2.0-or-later
// Frames as datagrams, the cold part: QEMU's (`-netdev dgram`), with a bound socket and the address of its peer, and
// sockets of AF_UNIX that are connected already.
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

/// A port over a socket of AF_UNIX that is bound, and connected to its only peer. While the peer is there, the kernel
/// lets nobody else send to the socket. Once the peer has gone, whoever may write to the socket's file can send; such
/// datagrams are dropped as wrong_peer. `socket` is borrowed for the call; `companion` goes when the port has gone.
/// Errors: kSystem (no descriptor), kInvalidArgument (the socket is not connected to a socket that has a name).
[[nodiscard]] Result<std::unique_ptr<PortDevice>> make_connected_dgram(int socket,
                                                                       std::shared_ptr<const void> companion);

}  // namespace rb
