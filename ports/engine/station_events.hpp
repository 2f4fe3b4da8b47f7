// SPDX-License-Identifier: GPL-2.0-or-later
// StationEvents: tells the control thread which stations one worker has learned.
#pragma once

#include <cstdint>
#include <span>

#include "ports/engine/engine_event.hpp"
#include "ports/engine/event_queue.hpp"
#include "ports/engine/rate_limit.hpp"
#include "switch/relay.hpp"

namespace rb {

class StationEvents {
 public:
  static constexpr std::size_t kCapacity = 4096;

  /// Which events the control thread wants.
  struct Wanted {
    bool all = false;
    bool moves = false;  // stations that have moved, at most kMoveEventsPerSecond
  };
  /// Queues the events of a batch. Returns true when there was any. The worker's thread.
  [[nodiscard]] bool report(std::span<const LearnEvent> learned, Wanted wanted, std::uint32_t now_s) noexcept;
  /// The control thread.
  [[nodiscard]] bool pop(EngineEvent& event) noexcept { return queue_.pop(event); }
  [[nodiscard]] std::uint64_t lost() const noexcept { return queue_.lost(); }

 private:
  EventQueue<EngineEvent, kCapacity> queue_;
  RateLimit move_limit_;
};

}  // namespace rb
