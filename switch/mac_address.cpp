// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/mac_address.hpp"

#include <charconv>

namespace rb {

std::string to_string(const MacAddress& mac) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(17);
  for (const std::uint8_t octet : mac.octets) {
    if (!text.empty()) text += ':';
    text += kDigits[octet >> 4];
    text += kDigits[octet & 0xf];
  }
  return text;
}

std::optional<MacAddress> parse_mac(std::string_view text) noexcept {
  const std::size_t first_separator = text.find_first_of(":-");
  if (first_separator == std::string_view::npos) return std::nullopt;
  const char separator = text[first_separator];
  MacAddress mac;
  for (std::size_t i = 0; i < mac.octets.size(); ++i) {
    const bool last = i + 1 == mac.octets.size();
    const std::size_t end = last ? text.size() : text.find(separator);
    if (end == std::string_view::npos || end == 0 || end > 2) return std::nullopt;
    const char* const begin = text.begin();
    const auto [stop, error] = std::from_chars(begin, begin + end, mac.octets[i], 16);
    if (error != std::errc{} || stop != begin + end) return std::nullopt;
    text.remove_prefix(last ? end : end + 1);
  }
  return mac;
}

}  // namespace rb
