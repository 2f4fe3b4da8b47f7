// SPDX-License-Identifier: GPL-2.0-or-later
// A running flow: hands over the frames that are due, and counts them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "bench/load/flow.hpp"
#include "bench/load/load_port.hpp"
#include "bench/load/pacer.hpp"

namespace bench {

/// Threads of the trial count here, and the measuring thread reads.
struct alignas(64) FlowCounts {
  std::atomic<std::uint64_t> sent{0};     // frames that the port took
  std::atomic<std::uint64_t> refused{0};  // frames that the port did not take, and that were not sent again
  alignas(64) std::atomic<std::uint64_t> returned{0};  // frames that arrived, if the flow has a window
};

/// One thread uses a sender.
class FlowSender {
 public:
  struct Setting {
    std::uint16_t index = 0;  // index of the flow in the request
    std::uint16_t trial = 0;
    bool stamps = false;  // sequence number and time in each frame
    double phase = 0;     // 0 to 1: the part of the distance between two frames that passes before the first frame
  };
  FlowSender(const Flow& flow, LoadPort& port, FlowCounts& counts, const Setting& setting);

  void start(std::int64_t now_ns);
  /// Hands over a burst of frames that are due at this time. False if there is none, or no room.
  [[nodiscard]] bool send(std::int64_t now_ns);
  /// True if all requested frames were handed over.
  [[nodiscard]] bool finished() const { return count_ > 0 && handed_ >= count_; }
  [[nodiscard]] std::int64_t next_ns() const { return pacer_.next_ns(); }

 private:
  [[nodiscard]] FrameWriter::Stamps stamps() const;
  [[nodiscard]] std::size_t due(std::int64_t now_ns);
  [[nodiscard]] std::uint64_t room_in_window(std::int64_t now_ns);

  LoadPort& port_;
  FlowCounts& counts_;
  FrameWriter writer_;
  Pacer pacer_;
  std::uint64_t count_;
  std::size_t burst_;
  std::uint32_t window_;
  bool retry_, paced_, stamps_;
  std::uint64_t handed_ = 0, sent_ = 0, refused_ = 0;
  std::int64_t lost_ = 0;  // frames that the window gave up
  std::uint64_t last_returned_ = 0;
  std::int64_t last_progress_ns_ = 0;  // the time at which a frame was last sent or came back
  std::array<std::byte*, kMaxBurst> slots_{};
  std::array<std::uint32_t, kMaxBurst> sizes_{};
};

}  // namespace bench
