// SPDX-License-Identifier: GPL-2.0-or-later
// The clock that all parts of a trial use.
#pragma once

#include <time.h>

#include <cstdint>

namespace bench {

/// Nanoseconds of CLOCK_REALTIME. The kernel uses this clock to stamp frames that arrive at packet sockets.
[[nodiscard]] inline std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace bench
