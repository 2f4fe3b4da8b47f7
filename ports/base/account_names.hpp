// SPDX-License-Identifier: GPL-2.0-or-later
// Names of users and groups, for messages and for options.
#pragma once

#include <cstdint>
#include <string>

#include "switch/result.hpp"

namespace rb {

/// Returns "alice", or "1000" if no user has that number. Any thread.
[[nodiscard]] std::string account_name(std::uint32_t uid);
/// Returns "user alice (uid 1000)", or "uid 1000" if no user has that number. Any thread.
[[nodiscard]] std::string describe_user(std::uint32_t uid);
/// Returns "group kvm (gid 104)", or "gid 104".
[[nodiscard]] std::string describe_group(std::uint32_t gid);

/// Returns the number of a user or group by name or number; kInvalidArgument if there is none.
[[nodiscard]] Result<std::uint32_t> user_id(const std::string& name_or_number);
[[nodiscard]] Result<std::uint32_t> group_id(const std::string& name_or_number);

}  // namespace rb
