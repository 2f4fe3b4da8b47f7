// SPDX-License-Identifier: GPL-2.0-or-later
// TapPort is the hot part of a tap: it reads the tap's queues and writes frames to it.
//
// How it works. A read of a tap returns one frame, and completes inside the submit if there is one. A burst is some
// reads that do not wait (RWF_NOWAIT: an empty queue answers EAGAIN) and a last one that waits: it either gets a frame,
// too, or waits in the kernel, and its completion begins the next burst. So an idle queue has exactly one outstanding
// request and costs nothing, and a busy queue is emptied without a poll, a wake-up or a second system call. The length
// of a burst follows the number of frames of the last one.
//
// Kernels before 6.4 do not support RWF_NOWAIT on taps. There all reads of a burst may wait. A new burst begins when
// the last of them has completed, so under a trickle of frames the bursts shrink to one.
//
// FrameWriter writes the frames. The send buffer of a tap is unlimited (tap_device.cpp), so the tap refuses none.
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
  /// `write_file` and `read_files` come from PortContext::add_file().
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
  static constexpr unsigned kMaxWaitingBurst = 32;  // if all reads may wait, each for a provided buffer

  struct Queue {
    unsigned file = 0;
    unsigned outstanding = 0;  // reads that have not completed
    unsigned burst = 1;        // reads in the next burst
    unsigned found = 0;        // frames of the present burst
    bool failed = false;       // the device is gone, and the queue is no longer read
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

/// A tap for the engine.
class TapPortDevice final : public PortDevice {
 public:
  explicit TapPortDevice(TapDevice tap) noexcept : tap_(std::move(tap)) {}
  [[nodiscard]] std::unique_ptr<Port> make_port(PortIndex index, PortContext& context) override;
  [[nodiscard]] int fd() const noexcept override { return tap_.queues.front().get(); }

 private:
  TapDevice tap_;
};

}  // namespace rb
