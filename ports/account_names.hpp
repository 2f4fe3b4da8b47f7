// Names of users and groups, for messages.
#pragma once

#include <cstdint>
#include <string>

namespace rb {

/// "alice", or "1000" when nobody has that number. Threads: any.
[[nodiscard]] std::string account_name(std::uint32_t uid);
/// "user alice (uid 1000)", or "uid 1000" when nobody has that number. Threads: any.
[[nodiscard]] std::string describe_user(std::uint32_t uid);
/// "group kvm (gid 104)", or "gid 104".
[[nodiscard]] std::string describe_group(std::uint32_t gid);

}  // namespace rb
