// SPDX-License-Identifier: GPL-2.0-or-later
// OwnedPort: a port that one worker alone reads and writes; the others hand it their frames through mailboxes.
#pragma once

#include "ports/engine/port.hpp"
#include "switch/counters.hpp"

namespace rb {

class OwnedPort : public Port {
 public:
  using Port::Port;

  /// Takes one frame to be sent, and copies its octets. The frame leaves at flush() at the latest.
  virtual void send(const Frame& frame, CastKind cast, const PortState& to, PortContext& context) noexcept = 0;
  /// Called once after several send().
  virtual void flush(PortContext& context) noexcept = 0;

  void transmit(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept override;
  [[nodiscard]] OwnedPort* owned() noexcept final { return this; }
};

/// Stands for an OwnedPort on the workers that do not own the port.
class RemotePort final : public Port {
 public:
  RemotePort(PortIndex index, unsigned owner) noexcept : Port(index), owner_(owner) {}

  void arm(PortContext&) noexcept override {}
  void complete(const Tag&, const io_uring_cqe&, PortContext&) noexcept override {}
  void transmit(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept override;
  void stop(PortContext&) noexcept override {}
  [[nodiscard]] std::size_t waiting_read_count() const noexcept override { return 0; }
  [[nodiscard]] bool stopped() const noexcept override { return true; }
  void release(PortContext&) noexcept override {}

 private:
  unsigned owner_;  // a worker's number
};

}  // namespace rb
