// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/base/interface_name.hpp"

#include <fmt/core.h>

#include <string_view>

namespace rb {

Result<> check_interface_name(const std::string& name) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is no interface name: {}", name, why));
  };
  if (name.empty()) return refuse("it is empty");
  if (name.size() > kMaxInterfaceName) return refuse(fmt::format("it has more than {} octets", kMaxInterfaceName));
  if (name == "." || name == "..") return refuse("it would be a directory");
  // 0xa0 is white space to the kernel (lib/ctype.c), and so it refuses some UTF-8 letters, such as U+00E0.
  constexpr std::string_view kRefused("/: \t\n\v\f\r\xa0%\0", 11);
  if (name.find_first_of(kRefused) != std::string::npos) return refuse("'/', ':', '%' and white space are not allowed");
  return {};
}

bool is_plain_name(const std::string& name) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  return !name.empty() && name[0] != '-' && name.find_first_not_of(kPlain) == std::string::npos;
}

}  // namespace rb
