// SPDX-License-Identifier: GPL-2.0-or-later
// The kinds `stream` (a process at the other end of a stream socket) and `listen` (one socket for many such processes).
#pragma once

#include "control/base/event_loop.hpp"
#include "control/model/port_kind.hpp"

namespace rb {

/// `loop` is where peers are waited for, and outlives the kinds; null: ports of these kinds are refused.
void add_stream_kinds(PortKinds& kinds, EventLoop* loop);

}  // namespace rb
