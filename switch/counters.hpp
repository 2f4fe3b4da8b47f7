// SPDX-License-Identifier: GPL-2.0-or-later
// Per-port counters: one writer (a worker), any number of readers.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "switch/drop_reason.hpp"

namespace rb {

/// How a frame is addressed; indexes the counters of both directions.
enum class CastKind : std::uint8_t { kUnicast, kMulticast, kBroadcast };
inline constexpr std::size_t kCastKindCount = 3;

/// A number written by one thread and read by others: no read-modify-write instruction, and no data race either.
class Counter {
 public:
  void add(std::uint64_t amount) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t amount) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) - amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// What one worker counted for one port. The books balance (docs/architecture.md, "Every frame is accounted for"):
///   rx frames = forwarded + flooded + the sum of ingress drops
///   copies    = tx frames + the sum of egress drops
/// where `copies` are the frames that decisions sent to this port.
struct PortCounters {
  struct Traffic {
    Counter frames;
    Counter bytes;  // without virtio_net_hdr and without FCS
  };
  std::array<Traffic, kCastKindCount> rx;
  std::array<Traffic, kCastKindCount> tx;
  Counter forwarded;  // frames received here that went to exactly one port by the FDB
  Counter flooded;    // frames received here that went to every port they may
  Counter copies;     // frames decided to leave here
  // Copies for the control thread, of frames that go on (switch/punt.hpp): they are in none of the sums above.
  Counter punt_copies, punt_copies_lost;
  std::array<Counter, kDropReasonCount> drops;

  void drop(DropReason reason, std::uint64_t amount = 1) noexcept {
    drops[static_cast<std::size_t>(reason)].add(amount);
  }
};

/// The sum over workers, plain numbers; what the control side handles.
struct PortTotals {
  struct Traffic {
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;
  };
  std::array<Traffic, kCastKindCount> rx{};
  std::array<Traffic, kCastKindCount> tx{};
  std::uint64_t forwarded = 0;
  std::uint64_t flooded = 0;
  std::uint64_t copies = 0;
  std::uint64_t punt_copies = 0, punt_copies_lost = 0;
  std::array<std::uint64_t, kDropReasonCount> drops{};

  void add(const PortCounters& counters) noexcept;
  /// Takes away what stood at an earlier time (used for "clear").
  void subtract(const PortTotals& earlier) noexcept;
};

}  // namespace rb
