// SPDX-License-Identifier: GPL-2.0-or-later
// IndexTable: objects by a small number, which is used again only when nobody can have the number of the last owner.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

namespace rb {

/// A place is free, in use, or left: its object is gone, and the number must not be used again yet.
template <typename Object>
class IndexTable {
 public:
  explicit IndexTable(std::size_t size) : places_(size) {}

  /// The lowest free number.
  [[nodiscard]] std::optional<std::size_t> find_free() const {
    const auto found = std::ranges::find(places_, false, &Place::taken);
    if (found == places_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - places_.begin());
  }
  void put(std::size_t number, Object& object) { places_[number] = {&object, true}; }
  void leave(std::size_t number) { places_[number].object = nullptr; }
  /// Of a number that was left.
  void free(std::size_t number) { places_[number].taken = false; }
  /// nullptr where there is none, and beyond the table.
  [[nodiscard]] Object* at(std::size_t number) const noexcept {
    return number < places_.size() ? places_[number].object : nullptr;
  }
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }

 private:
  struct Place {
    Object* object = nullptr;
    bool taken = false;
  };
  std::vector<Place> places_;
};

}  // namespace rb
