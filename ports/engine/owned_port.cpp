// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/owned_port.hpp"

#include "ports/engine/port_context.hpp"

namespace rb {

void OwnedPort::transmit(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept {
  for (const FrameIndex index : indexes) send(context.frame(index), context.cast(index), to, context);
  flush(context);
}

void RemotePort::transmit(std::span<const FrameIndex> indexes, const PortState&, PortContext& context) noexcept {
  for (const FrameIndex index : indexes) {
    if (!context.mail(owner_, this->index(), context.cast(index), context.frame(index)))
      context.counters(this->index()).drop(DropReason::kEgressFull);
  }
  context.wake_for_mail(owner_);
}

}  // namespace rb
