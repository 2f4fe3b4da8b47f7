// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the names of network interfaces, and of ports that are no interfaces.
#pragma once

#include <cstddef>
#include <string>

#include "switch/result.hpp"

namespace rb {

inline constexpr std::size_t kMaxInterfaceName = 15;  // octets, IFNAMSIZ - 1
/// Accepts the names that the kernel accepts (dev_valid_name): 1 to 15 octets, no '/', ':' or white space, not "." or
/// "..". Refuses '%' as well: the kernel replaces "%d" in "tap%d" by a free number, so no device has such a name.
[[nodiscard]] Result<> check_interface_name(const std::string& name);

/// Accepts letters, digits, '_', '.' and '-', with no '-' at the beginning: names that a stranger may choose and a dump
/// can hold.
[[nodiscard]] bool is_plain_name(const std::string& name);

}  // namespace rb
