// SPDX-License-Identifier: GPL-2.0-or-later
// Port: one port as one worker sees it; every kind of port is one implementation of this.
#pragma once

#include <liburing.h>

#include <span>

#include "ports/engine/ring.hpp"
#include "switch/egress_lists.hpp"
#include "switch/forwarding_state.hpp"

namespace rb {

class OwnedPort;
class PortContext;

/// All functions: the worker's own thread. There is one virtual call a batch or a completion, and none for each frame.
class Port {
 public:
  explicit Port(PortIndex index) noexcept : index_(index) {}
  virtual ~Port() = default;
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  [[nodiscard]] PortIndex index() const noexcept { return index_; }

  /// Prepares reads for each queue that has none outstanding. Called once at attach, then after each
  /// PortContext::arm_later().
  virtual void arm(PortContext& context) noexcept = 0;
  /// One of the port's own requests has completed.
  virtual void complete(const Tag& tag, const io_uring_cqe& completion, PortContext& context) noexcept = 0;
  /// Prepares writes for frames of the batch, which PortContext::frame() has; they are handed over by the worker's next
  /// submit. `to` is this port.
  virtual void transmit(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept = 0;
  /// The frames that the port lent to the last batch by Batch::receive_lent() have been written.
  virtual void take_back(PortContext&) noexcept {}
  /// Cancels what is outstanding; nothing is armed any more.
  virtual void stop(PortContext& context) noexcept = 0;
  /// The port as one that gets frames by mail; null when every worker writes to the port itself.
  [[nodiscard]] virtual OwnedPort* owned() noexcept { return nullptr; }
  /// How many of its reads may wait in the kernel at once, each for a provided buffer.
  [[nodiscard]] virtual std::size_t waiting_read_count() const noexcept = 0;
  /// After stop(): true when the last completion has come.
  [[nodiscard]] virtual bool stopped() const noexcept = 0;
  /// After stopped(), once: gives its places in the table of registered files back.
  virtual void release(PortContext& context) noexcept = 0;

 private:
  PortIndex index_;
};

}  // namespace rb
