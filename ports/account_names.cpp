#include "ports/account_names.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <array>

namespace rb {
namespace {

constexpr std::size_t kEntrySize = 4096;  // octets; a group with more members than fit is called by its number

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

}  // namespace rb
