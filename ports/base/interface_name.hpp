// SPDX-License-Identifier: GPL-2.0-or-later
// The names that network interfaces, and ports that are no interfaces, may have.
#pragma once

#include <cstddef>
#include <string>

#include "switch/result.hpp"

namespace rb {

inline constexpr std::size_t kMaxInterfaceName = 15;  // octets, IFNAMSIZ - 1
/// What the kernel takes as an interface name (dev_valid_name): 1 to 15 octets, no '/', ':' or white space, not "." or
/// "..". Nor '%': the kernel takes "tap%d" as a wish for any free number, and gives no device such a name.
[[nodiscard]] Result<> check_interface_name(const std::string& name);

/// Letters, digits, '_', '.' and '-', that last not in front: what a stranger may choose, and what a dump can hold.
[[nodiscard]] bool is_plain_name(const std::string& name);

}  // namespace rb
