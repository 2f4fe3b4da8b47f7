// SPDX-License-Identifier: GPL-2.0-or-later
// LinkSpeed: the speed that an interface reports for its link, and if the link can send and receive at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace rb {

struct LinkSpeed {
  std::optional<std::uint32_t> mbit_s;  // nullopt: the interface does not report it
  bool half_duplex = false;
};

/// Asks the kernel by a socket of any kind that was opened in the interface's network namespace. Needs no privilege.
[[nodiscard]] LinkSpeed link_speed(int socket, const std::string& name);

}  // namespace rb
