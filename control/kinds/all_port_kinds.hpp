// SPDX-License-Identifier: GPL-2.0-or-later
// The registry of port kinds: every kind that this program has.
#pragma once

#include "control/base/event_loop.hpp"
#include "control/kinds/interface_kinds.hpp"
#include "control/model/port_kind.hpp"

namespace rb {

/// `loop` is where peers are waited for, and outlives the kinds; null: kinds that need it refuse their ports.
[[nodiscard]] PortKinds all_port_kinds(EventLoop* loop, const InterfaceKindOptions& interfaces);

}  // namespace rb
