// SPDX-License-Identifier: GPL-2.0-or-later
// The words of `link set`: settings of bridges and of ports, each by its name with its value behind it.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "control/words/command.hpp"
#include "control/words/setting.hpp"
#include "control/words/word_parser.hpp"

namespace rb {

/// The settings that an argument of this kind (kPortSettings or kBridgeSettings) takes, of all tables.
[[nodiscard]] const std::vector<const SettingInfo*>& settings_of(ValueKind kind);

/// Reads the rest of the words as settings of this kind into `params`.
void read_settings(WordParser& words, ValueKind kind, nlohmann::json& params);

}  // namespace rb
