// SPDX-License-Identifier: GPL-2.0-or-later
// The kind `vhost-user`: a guest whose virtio rings the switch serves.
#pragma once

#include "control/base/event_loop.hpp"
#include "control/model/port_kind.hpp"

namespace rb {

/// `loop` is where guests are waited for, and outlives the kind; null: ports of this kind are refused.
void add_vhost_user_kind(PortKinds& kinds, EventLoop* loop);

}  // namespace rb
