// SPDX-License-Identifier: GPL-2.0-or-later
// What a port costs on the way to the root, by the speed of its device.
#pragma once

#include <cstdint>
#include <optional>

#include "switch/enum_names.hpp"

namespace rb {

/// By which table costs are chosen that nobody has set.
enum class PathCosts : std::uint8_t {
  kShort,  // the kernel's bridge: 1 to 65535 (Linux 6.18 net/bridge/br_if.c port_cost)
  kLong,   // IEEE 802.1D-2004 table 17-3: 20,000,000 / Mbit/s, 1 to 200,000,000
};
inline constexpr auto kPathCostsNames = enum_names<PathCosts>("short", "long");

/// The largest that can be set.
[[nodiscard]] std::uint32_t max_path_cost(PathCosts costs) noexcept;
/// Of a device with this speed in Mbit/s; one that does not tell is taken for one of 10 Mbit/s, as the kernel does.
[[nodiscard]] std::uint32_t path_cost_of_speed(std::optional<std::uint32_t> speed, PathCosts costs) noexcept;

}  // namespace rb
