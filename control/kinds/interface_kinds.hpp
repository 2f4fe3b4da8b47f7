// SPDX-License-Identifier: GPL-2.0-or-later
// The kinds of ports whose device is a network interface: taps, interfaces that exist, and a plain name for either.
#pragma once

#include <functional>
#include <memory>

#include "control/model/port_kind.hpp"
#include "ports/socket/packet_device.hpp"
#include "ports/tap/tap_device.hpp"

namespace rb {

struct InterfaceKindOptions {
  bool allow_uso = true;  // false: behave as on a kernel before 6.2
  /// Open interfaces; tests put their own in.
  std::function<Result<TapDevice>(const TapOptions&)> open_tap = rb::open_tap;
  std::function<Result<PacketDevice>(const PacketOptions&)> open_packet = rb::open_packet;
};

/// Adds the kinds `tap`, `packet` and the kind of a plain name, and what makes the interfaces of bridges.
void add_interface_kinds(PortKinds& kinds, const InterfaceKindOptions& options);

}  // namespace rb
