// SPDX-License-Identifier: GPL-2.0-or-later
// Existing interfaces as ports, the cold part: checks an interface and opens a packet socket. datagram_port moves the
// frames.
#pragma once

#include <memory>
#include <string>

#include "ports/engine/port_device.hpp"
#include "switch/result.hpp"
#include "switch/vnet_header.hpp"

namespace rb {

struct PacketOptions {
  std::string name;       // of the interface
  bool offload = true;    // false: frames are finished before the interface gets them
  bool allow_uso = true;  // false: behave as on a kernel before 6.2
  /// Borrowed; the namespace it is in (needs CAP_SYS_ADMIN). -1: the daemon's own.
  int netns_fd = -1;
};

struct PacketDevice {
  std::unique_ptr<PortDevice> port;
  Offloads accepts;     // the kernel finishes all work that the interface cannot do
  std::string warning;  // "" or the reason why the host's own stack still gets the interface's frames
};

/// Takes an interface over: all its frames come to our socket and no longer to the host's own stack
/// (ingress_guard.hpp), until the device is destroyed. Needs CAP_NET_RAW and CAP_NET_ADMIN. Errors: kNoSuchInterface,
/// kIsBridge, kNotSupported (loopback, wireless, no Ethernet, LRO that cannot be switched off), kBusy (it belongs to a
/// bridge or bond of the kernel), kPermission.
[[nodiscard]] Result<PacketDevice> open_packet(const PacketOptions& options);

}  // namespace rb
