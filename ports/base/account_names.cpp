// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/base/account_names.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace rb {
namespace {

constexpr std::size_t kEntrySize = 4096;  // octets; a group with more members than fit is shown by its number

/// Reads a user or group number; the largest number means "none" to the kernel.
std::optional<std::uint32_t> parse_id(const std::string& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (number == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return number;
}

}  // namespace

std::string account_name(std::uint32_t uid) {
  std::array<char, kEntrySize> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  const bool known = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
  return known ? found->pw_name : std::to_string(uid);
}

std::string describe_user(std::uint32_t uid) {
  const std::string name = account_name(uid);
  return name == std::to_string(uid) ? fmt::format("uid {}", uid) : fmt::format("user {} (uid {})", name, uid);
}

std::string describe_group(std::uint32_t gid) {
  std::array<char, kEntrySize> buffer{};
  group entry{};
  group* found = nullptr;
  if (::getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return fmt::format("gid {}", gid);
  }
  return fmt::format("group {} (gid {})", found->gr_name, gid);
}

Result<std::uint32_t> user_id(const std::string& name_or_number) {
  if (const passwd* user = ::getpwnam(name_or_number.c_str())) return user->pw_uid;  // NOLINT(concurrency-mt-unsafe)
  if (const auto number = parse_id(name_or_number)) return *number;
  return fail(ErrorCode::kInvalidArgument, fmt::format("there is no user '{}'", name_or_number));
}

Result<std::uint32_t> group_id(const std::string& name_or_number) {
  if (const group* entry = ::getgrnam(name_or_number.c_str())) return entry->gr_gid;  // NOLINT(concurrency-mt-unsafe)
  if (const auto number = parse_id(name_or_number)) return *number;
  return fail(ErrorCode::kInvalidArgument, fmt::format("there is no group '{}'", name_or_number));
}

}  // namespace rb
