// SPDX-License-Identifier: GPL-2.0-or-later
// EnumNames: the names of an enumeration's values, written once and looked up in both directions.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace rb {

/// `names` must be in the order of the enumerators, which count from 0 without a gap.
template <typename Enum, std::size_t kCount>
class EnumNames {
 public:
  explicit constexpr EnumNames(const std::array<std::string_view, kCount>& names) : names_(names) {}

  [[nodiscard]] constexpr std::string_view name(Enum value) const noexcept {
    const auto index = static_cast<std::size_t>(value);
    return index < kCount ? names_[index] : std::string_view{};
  }
  /// nullopt when no enumerator has this name.
  [[nodiscard]] constexpr std::optional<Enum> value(std::string_view name) const noexcept {
    const auto found = std::ranges::find(names_, name);
    if (found == names_.end()) return std::nullopt;
    return static_cast<Enum>(found - names_.begin());
  }
  [[nodiscard]] constexpr const std::array<std::string_view, kCount>& all() const noexcept { return names_; }

 private:
  std::array<std::string_view, kCount> names_;
};

template <typename Enum, typename... Names>
[[nodiscard]] constexpr auto enum_names(Names... names) {
  return EnumNames<Enum, sizeof...(Names)>(std::array<std::string_view, sizeof...(Names)>{names...});
}

}  // namespace rb
