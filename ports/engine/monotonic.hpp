// SPDX-License-Identifier: GPL-2.0-or-later
// monotonic_ns: the clock by which workers and their stages go.
#pragma once

#include <time.h>

#include <cstdint>

namespace rb {

/// Nanoseconds of CLOCK_MONOTONIC.
[[nodiscard]] inline std::int64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace rb
