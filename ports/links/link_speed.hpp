// SPDX-License-Identifier: GPL-2.0-or-later
// LinkSpeed: how fast an interface says that its link is, and whether it can send and receive at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace rb {

struct LinkSpeed {
  std::optional<std::uint32_t> mbit_s;  // nullopt: it does not tell
  bool half_duplex = false;
};

/// Asks by a socket of whatever kind that was opened in the interface's network namespace. Needs no privilege.
[[nodiscard]] LinkSpeed link_speed(int socket, const std::string& name);

}  // namespace rb
