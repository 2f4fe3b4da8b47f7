// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/owned_port.hpp"

#include "ports/engine/worker.hpp"

namespace rb {

void OwnedPort::transmit(std::span<const FrameIndex> indexes, const PortState& to, Worker& worker) noexcept {
  for (const FrameIndex index : indexes) send(worker.frame(index), worker.cast(index), to, worker);
  flush(worker);
}

void RemotePort::transmit(std::span<const FrameIndex> indexes, const PortState&, Worker& worker) noexcept {
  for (const FrameIndex index : indexes) {
    if (!worker.mail(owner_, this->index(), worker.cast(index), worker.frame(index)))
      worker.counters(this->index()).drop(DropReason::kEgressFull);
  }
  worker.wake_for_mail(owner_);
}

}  // namespace rb
