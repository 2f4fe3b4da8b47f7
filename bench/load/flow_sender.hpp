// SPDX-License-Identifier: GPL-2.0-or-later
// A flow under way: hands over the frames that are due, and counts them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "bench/load/flow.hpp"
#include "bench/load/load_port.hpp"
#include "bench/load/pacer.hpp"

namespace bench {

/// Counted by threads of the trial, read by the one that measures.
struct alignas(64) FlowCounts {
  std::atomic<std::uint64_t> sent{0};                  // frames that the port took
  std::atomic<std::uint64_t> refused{0};               // frames that it did not take, and that were not sent again
  alignas(64) std::atomic<std::uint64_t> returned{0};  // frames that arrived, where the flow has a window
};

/// Used by one thread.
class FlowSender {
 public:
  struct Setting {
    std::uint16_t index = 0;  // of the flow in the request
    std::uint16_t trial = 0;
    bool stamps = false;  // sequence number and time in each frame
    double phase = 0;     // 0 to 1: when in the distance between two frames the first is due
  };
  FlowSender(const Flow& flow, LoadPort& port, FlowCounts& counts, const Setting& setting);

  void start(std::int64_t now_ns);
  /// Hands over a burst of what is due at this time; false when there is nothing, or no room.
  [[nodiscard]] bool send(std::int64_t now_ns);
  /// True when all frames that were asked for were handed over.
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
  std::int64_t lost_ = 0;  // given up by the window
  std::uint64_t last_returned_ = 0;
  std::int64_t last_progress_ns_ = 0;  // when something was sent or came back
  std::array<std::byte*, kMaxBurst> slots_{};
  std::array<std::uint32_t, kMaxBurst> sizes_{};
};

}  // namespace bench
