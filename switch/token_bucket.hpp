// SPDX-License-Identifier: GPL-2.0-or-later
// TokenBucket: a limit that several workers share, without a lock.
//
// How it works. The bucket is one number: the time at which it is full again. Taking tokens moves that time on by what
// they cost, and a bucket that is full again only after now + `burst` is empty (the "virtual scheduling" form of the
// GCRA, ITU-T I.371). So nobody refills it, and its workers agree by one compare-and-exchange. Tokens may be taken
// while the bucket is not empty, and the last taker may take more than there are: a super-frame of 64 KiB passes a low
// limit too, and pays afterwards, so the rate holds on average.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace rb {

/// All times in kUnitsPerNs of a nanosecond, of a clock that does not go back.
class TokenBucket {
 public:
  static constexpr std::int64_t kUnitsPerNs = 16;

  /// One limit: what tokens cost, and what may be taken at once.
  struct Limit {
    std::int64_t burst = 0;      // the cost of a full bucket
    std::int64_t most_owed = 0;  // the cost of the largest take: more can only be owed under an older limit
  };

  /// True when the bucket is not empty.
  [[nodiscard]] bool has_tokens(const Limit& limit, std::int64_t now) const noexcept {
    return full_at(limit, now, full_at_.load(std::memory_order_relaxed)) <= now + limit.burst;
  }
  /// Takes tokens that cost so much; false, and takes none, when the bucket is empty.
  [[nodiscard]] bool take(std::int64_t cost, const Limit& limit, std::int64_t now) noexcept {
    std::int64_t seen = full_at_.load(std::memory_order_relaxed);
    for (;;) {
      const std::int64_t at = full_at(limit, now, seen);
      if (at > now + limit.burst) return false;
      if (full_at_.compare_exchange_weak(seen, at + cost, std::memory_order_relaxed)) return true;
    }
  }
  /// Gives back what take() took.
  void give_back(std::int64_t cost) noexcept { full_at_.fetch_sub(cost, std::memory_order_relaxed); }

 private:
  static std::int64_t full_at(const Limit& limit, std::int64_t now, std::int64_t seen) noexcept {
    return seen > now + limit.burst + limit.most_owed ? now : std::max(seen, now);
  }

  std::atomic<std::int64_t> full_at_{0};
};

}  // namespace rb
