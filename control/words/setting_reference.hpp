// SPDX-License-Identifier: GPL-2.0-or-later
// The tables of settings as documents: docs/settings.md is this text.
#pragma once

#include <string>
#include <vector>

#include "control/words/setting.hpp"

namespace rb {

/// Every table of settings, in the order of the reference.
[[nodiscard]] std::vector<SettingSection> setting_sections();

/// Markdown: one table a section, one row a setting.
[[nodiscard]] std::string settings_reference();

}  // namespace rb
