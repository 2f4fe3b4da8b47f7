// SPDX-License-Identifier: GPL-2.0-or-later
// RateLimit: at most so many a second, of a clock that counts whole seconds; twice as many where two seconds meet.
#pragma once

#include <cstdint>

namespace rb {

template <std::uint32_t kPerSecond>
class RateLimit {
 public:
  /// Whether there may be one more now.
  [[nodiscard]] bool take(std::uint32_t now_s) noexcept {
    if (now_s != second_) {
      second_ = now_s;
      taken_ = 0;
    }
    if (taken_ == kPerSecond) return false;
    ++taken_;
    return true;
  }

 private:
  std::uint32_t second_ = 0;
  std::uint32_t taken_ = 0;
};

}  // namespace rb
