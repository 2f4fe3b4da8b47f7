// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/setting.hpp"

#include <fmt/core.h>

namespace rb {

std::string usage_of(const SettingSection& section) {
  std::string usage;
  for (const SettingInfo* setting : section.settings)
    usage += fmt::format("{}[{} {}]", usage.empty() ? "" : " ", setting->name, setting->type->usage());
  return usage;
}

}  // namespace rb
