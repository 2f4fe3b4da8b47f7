// SPDX-License-Identifier: GPL-2.0-or-later
// The one clock of a trial.
#pragma once

#include <time.h>

#include <cstdint>

namespace bench {

/// Nanoseconds by CLOCK_REALTIME, the clock by which the kernel stamps frames that arrive at packet sockets.
[[nodiscard]] inline std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace bench
