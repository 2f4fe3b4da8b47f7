// IdleSpin: how long a worker that has nothing to do looks for completions before it sleeps.
//
// How it works. Being woken costs more than handling a frame: an interrupt to the worker's processor, and on a virtual
// machine the way out of its halt, tens of microseconds in which frames wait. So a worker looks on for a moment, if
// that is worth it:
// 1. It is where frames come one soon after the other. A look that found something is followed by another.
// 2. It is not where nothing comes, or where the processor is wanted by somebody else, perhaps by the very sender that
//    is waited for. A look in vain, or one during which the thread was taken off its processor, is followed by one
//    sleep at once, the next by two, by four, up to kMostSleeps. So an idle worker looks once, then sleeps for good;
//    and where looking does not pay, it costs a thousandth of what it would.
//
// Pure: time is handed in. One thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace rb {

/// Lets some tens of nanoseconds go by without hindering whoever shares the core, or writes what is looked at.
inline void pause_processor() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class IdleSpin {
 public:
  static constexpr std::int64_t kLongestNs = 20'000;    // about what being woken costs
  static constexpr std::int64_t kPreemptedNs = 10'000;  // between two looks: somebody else has run
  static constexpr unsigned kMostSleeps = 1024;

  /// Asked each time there is nothing to do: true when looking comes before sleeping.
  [[nodiscard]] bool worth_it() noexcept {
    if (sleeps_left_ == 0) return true;
    --sleeps_left_;
    return false;
  }
  /// Begins to look.
  void start(std::int64_t now_ns) noexcept { start_ns_ = last_ns_ = now_ns; }
  /// Looked again and found nothing; false when it is time to sleep.
  [[nodiscard]] bool goes_on(std::int64_t now_ns) noexcept {
    const bool preempted = now_ns - last_ns_ > kPreemptedNs;
    last_ns_ = now_ns;
    if (!preempted && now_ns - start_ns_ < kLongestNs) return true;
    next_sleeps_ = std::min(std::max(next_sleeps_ * 2, 1U), kMostSleeps);
    sleeps_left_ = next_sleeps_;
    return false;
  }
  /// Looked and found something.
  void found() noexcept { next_sleeps_ = 0; }

 private:
  std::int64_t start_ns_ = 0, last_ns_ = 0;
  unsigned sleeps_left_ = 0;
  unsigned next_sleeps_ = 0;  // after the next look in vain; doubled each time
};

}  // namespace rb
