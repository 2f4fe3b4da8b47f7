// SPDX-License-Identifier: GPL-2.0-or-later
// TapPort: the hot part of a tap: reads its queues, writes frames to it.
//
// How it works. A read of a tap gives one frame, and completes inside the submit when one is there. A burst is some
// reads that do not wait (RWF_NOWAIT: an empty queue answers EAGAIN) and, last, one that does: it either gets a frame
// too or waits in the kernel, and its completion begins the next burst. So an idle queue has exactly one request
// outstanding and costs nothing, and a busy one is emptied without a poll, a wake-up or a second system call. The
// length of a burst follows what the last one found.
//
// Kernels before 6.4 know no RWF_NOWAIT on taps. There all reads of a burst may wait; a new burst begins when the last
// of them has completed, so under a trickle the bursts shrink to one again.
//
// Frames are written by FrameWriter; the send buffer of a tap is unlimited (tap_device.cpp), so it refuses none.
#pragma once

#include <cstdint>
#include <vector>

#include "ports/engine/buffer_pool.hpp"
#include "ports/engine/frame_writer.hpp"
#include "ports/engine/port_device.hpp"
#include "ports/tap/tap_device.hpp"

namespace rb {

class TapPort final : public Port {
 public:
  /// `write_file` and `read_files` are as PortContext::add_file() gives them.
  TapPort(PortIndex index, unsigned write_file, const std::vector<unsigned>& read_files, bool nowait);

  void arm(PortContext& context) noexcept override;
  void complete(const Tag& tag, const io_uring_cqe& completion, PortContext& context) noexcept override;
  void transmit(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept override;
  void stop(PortContext& context) noexcept override;
  [[nodiscard]] std::size_t waiting_read_count() const noexcept override;
  [[nodiscard]] bool stopped() const noexcept override;
  void release(PortContext& context) noexcept override;

 private:
  static constexpr unsigned kMaxBurst = 64;         // reads; docs/performance.md, "Experiments"
  static constexpr unsigned kMaxWaitingBurst = 32;  // where all of them may wait, each for a provided buffer

  struct Queue {
    unsigned file = 0;
    unsigned outstanding = 0;  // reads that have not completed
    unsigned burst = 1;        // reads in the next burst
    unsigned found = 0;        // frames that the burst at hand has found
    bool failed = false;       // the device is gone; not read any more
  };

  [[nodiscard]] unsigned max_burst() const noexcept { return nowait_ ? kMaxBurst : kMaxWaitingBurst; }
  void arm_queue(std::size_t number, PortContext& context) noexcept;
  void read_now(std::size_t number, BufferId buffer, PortContext& context) noexcept;
  void read_wait(std::size_t number, PortContext& context) noexcept;
  void read_completed(std::size_t number, BufferId buffer, int result, PortContext& context) noexcept;

  FrameWriter writer_;
  std::vector<Queue> queues_;
  bool nowait_;
  bool stopping_ = false;
};

/// A tap, as the engine keeps it.
class TapPortDevice final : public PortDevice {
 public:
  explicit TapPortDevice(TapDevice tap) noexcept : tap_(std::move(tap)) {}
  [[nodiscard]] std::unique_ptr<Port> make_port(PortIndex index, PortContext& context) override;
  [[nodiscard]] int fd() const noexcept override { return tap_.queues.front().get(); }

 private:
  TapDevice tap_;
};

}  // namespace rb
