// SPDX-License-Identifier: GPL-2.0-or-later
// Names of users and groups: for messages, and as they are typed.
#pragma once

#include <cstdint>
#include <string>

#include "switch/result.hpp"

namespace rb {

/// "alice", or "1000" when nobody has that number. Threads: any.
[[nodiscard]] std::string account_name(std::uint32_t uid);
/// "user alice (uid 1000)", or "uid 1000" when nobody has that number. Threads: any.
[[nodiscard]] std::string describe_user(std::uint32_t uid);
/// "group kvm (gid 104)", or "gid 104".
[[nodiscard]] std::string describe_group(std::uint32_t gid);

/// The number of a user or group given by name or by number; kInvalidArgument when there is none.
[[nodiscard]] Result<std::uint32_t> user_id(const std::string& name_or_number);
[[nodiscard]] Result<std::uint32_t> group_id(const std::string& name_or_number);

}  // namespace rb
