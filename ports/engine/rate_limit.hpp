// SPDX-License-Identifier: GPL-2.0-or-later
// RateLimit: a limit of so many a second, by a clock that counts whole seconds. Where two seconds meet, twice as many
// may pass within one second.
#pragma once

#include <cstdint>

namespace rb {

class RateLimit {
 public:
  /// Returns true, and counts, when fewer than `per_second` have passed in this second.
  [[nodiscard]] bool take(std::uint32_t now_s, std::uint32_t per_second) noexcept {
    if (now_s != second_) {
      second_ = now_s;
      taken_ = 0;
    }
    if (taken_ >= per_second) return false;
    ++taken_;
    return true;
  }

 private:
  std::uint32_t second_ = 0;
  std::uint32_t taken_ = 0;
};

}  // namespace rb
