// SPDX-License-Identifier: GPL-2.0-or-later
// Bursts: how many reads a port prepares at once.
#pragma once

#include <algorithm>

namespace rb {

/// How many reads the next burst of a queue should have. The number of frames that the last burst found is the best
/// guess of what waits now: half as much again, so that a growing load is met in a few rounds, and a shrinking load
/// costs few reads in vain.
[[nodiscard]] inline unsigned next_burst(unsigned found, unsigned longest) noexcept {
  return std::min(found + found / 2 + 1, longest);
}

}  // namespace rb
