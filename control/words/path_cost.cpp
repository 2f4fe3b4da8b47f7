// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/path_cost.hpp"

#include <algorithm>

namespace rb {
namespace {

constexpr std::uint32_t kSlowest = 10;  // Mbit/s

std::uint32_t kernel_cost(std::uint32_t speed) noexcept {
  switch (speed) {
    case 10000:
      return 2;
    case 5000:
      return 3;
    case 2500:
      return 4;
    case 1000:
      return 5;
    case 100:
      return 19;
    default:
      return speed > 10000 ? 1 : 100;
  }
}

}  // namespace

std::uint32_t max_path_cost(PathCosts costs) noexcept {
  return costs == PathCosts::kLong ? 200'000'000 : 65535;
}

std::uint32_t path_cost_of_speed(std::optional<std::uint32_t> speed, PathCosts costs) noexcept {
  if (costs == PathCosts::kShort) return kernel_cost(speed.value_or(kSlowest));
  return std::max(20'000'000 / std::max(speed.value_or(kSlowest), 1U), 1U);
}

}  // namespace rb
