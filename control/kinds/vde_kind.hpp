// SPDX-License-Identifier: GPL-2.0-or-later
// The kind `vde`: a directory by which the bridge is a vde_switch to clients of VDE, each of which gets a port.
#pragma once

#include "control/base/event_loop.hpp"
#include "control/model/port_kind.hpp"

namespace rb {

/// `loop` is where clients are waited for, and outlives the kind; null: ports of this kind are refused.
void add_vde_kind(PortKinds& kinds, EventLoop* loop);

}  // namespace rb
