// SPDX-License-Identifier: GPL-2.0-or-later
// IdleSpin: how long a worker that has nothing to do looks for completions before it sleeps.
//
// How it works. Being woken costs more than handling a frame: an interrupt to the worker's processor, and on a virtual
// machine the way out of its halt, tens of microseconds in which frames wait. So a worker looks on for a moment, if
// that is worth it:
// 1. A look is worth its cost where frames come soon after each other. A look that found something is followed by
//    another look.
// 2. It is not where nothing comes, or where the processor is wanted by somebody else, perhaps by the very sender that
//    is waited for. A look in vain, or one during which the thread was taken off its processor, is followed by one
//    round without a look, the next by two, by four, up to kMostRounds. So an idle worker looks once, then sleeps for
//    good; and where looking does not pay, it costs a thousandth of what it would.
//
// Pure: time is handed in. One thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace rb {

/// Waits for some tens of nanoseconds. This does not slow down the other thread of the core, nor the thread that writes
/// the memory that the caller reads in a loop.
inline void pause_processor() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class IdleSpin {
 public:
  static constexpr std::int64_t kLongestNs = 20'000;  // about what being woken costs
  /// Between two looks, which are 0.1 us apart: somebody else has run. An interrupt takes less.
  static constexpr std::int64_t kPreemptedNs = 10'000;
  static constexpr unsigned kMostRounds = 1024;

  /// Asked in each round that has nothing to do: true when looking comes before sleeping.
  [[nodiscard]] bool worth_it() noexcept {
    if (rounds_left_ == 0) return true;
    --rounds_left_;
    return false;
  }
  /// Begins to look.
  void start(std::int64_t now_ns) noexcept { start_ns_ = last_ns_ = now_ns; }
  /// Looked again and found nothing; false when it is time to sleep.
  [[nodiscard]] bool goes_on(std::int64_t now_ns) noexcept {
    const bool ends = was_preempted(now_ns) || now_ns - start_ns_ >= kLongestNs;
    last_ns_ = now_ns;
    if (ends) back_off();
    return !ends;
  }
  /// Looked again and found something.
  void found(std::int64_t now_ns) noexcept {
    if (was_preempted(now_ns)) {
      back_off();
    } else {
      next_rounds_ = 0;
    }
  }

 private:
  [[nodiscard]] bool was_preempted(std::int64_t now_ns) const noexcept { return now_ns - last_ns_ > kPreemptedNs; }
  void back_off() noexcept {
    next_rounds_ = std::min(std::max(next_rounds_ * 2, 1U), kMostRounds);
    rounds_left_ = next_rounds_;
  }

  std::int64_t start_ns_ = 0, last_ns_ = 0;
  unsigned rounds_left_ = 0;  // without a look
  unsigned next_rounds_ = 0;  // after the last look in vain
};

}  // namespace rb
