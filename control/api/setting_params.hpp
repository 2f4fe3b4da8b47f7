// SPDX-License-Identifier: GPL-2.0-or-later
// Settings among the params of a request.
#pragma once

#include <string>

#include "control/api/params.hpp"
#include "control/words/setting.hpp"

namespace rb {

/// The settings of a table that a request names. Throws InvalidParams when one has a wrong type.
template <typename Owner>
[[nodiscard]] SettingChanges<Owner> read_settings(Params& params, const SettingTable<Owner>& table) {
  Result<SettingChanges<Owner>> changes = SettingChanges<Owner>::read(table, [&](std::string_view key) {
    const std::string name(key);
    return params.has(name.c_str()) ? &params.raw().at(name) : nullptr;
  });
  if (!changes) throw InvalidParams{changes.error().message};
  return *std::move(changes);
}

}  // namespace rb
