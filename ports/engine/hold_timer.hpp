// SPDX-License-Identifier: GPL-2.0-or-later
// HoldTimer: wakes a worker when the next held frame goes on, by one io_uring timeout (Linux 5.4 IORING_OP_TIMEOUT).
#pragma once

#include <cstdint>
#include <optional>

#include "ports/engine/ring.hpp"

namespace rb {

/// The worker's thread. At most one timeout is armed, and none while nothing is held.
class HoldTimer {
 public:
  /// Has the timeout at `due_ns` (CLOCK_MONOTONIC), or nowhere when nothing is held.
  void set(Ring& ring, std::optional<std::int64_t> due_ns) noexcept {
    if (due_ns == armed_ns_) return;
    io_uring_sqe* const sqe = ring.entry();
    constexpr std::uint64_t kTag = Tag{Operation::kTimer}.pack();
    if (due_ns) at_ = {.tv_sec = *due_ns / kSecond_ns, .tv_nsec = *due_ns % kSecond_ns};
    if (!due_ns) {
      io_uring_prep_timeout_remove(sqe, kTag, 0);
      io_uring_sqe_set_data64(sqe, Tag{Operation::kCancel}.pack());
    } else if (armed_ns_) {
      // When the timeout fires before this is submitted, fired() has it armed anew.
      io_uring_prep_timeout_update(sqe, &at_, kTag, IORING_TIMEOUT_ABS);
      io_uring_sqe_set_data64(sqe, Tag{Operation::kCancel}.pack());
    } else {
      io_uring_prep_timeout(sqe, &at_, 0, IORING_TIMEOUT_ABS);
      io_uring_sqe_set_data64(sqe, kTag);
    }
    armed_ns_ = due_ns;
  }
  /// The completion of the timeout has come.
  void fired() noexcept { armed_ns_.reset(); }

 private:
  static constexpr std::int64_t kSecond_ns = 1'000'000'000;

  std::optional<std::int64_t> armed_ns_;
  __kernel_timespec at_{};  // read by the kernel when the entry is submitted
};

}  // namespace rb
