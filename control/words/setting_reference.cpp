// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/setting_reference.hpp"

#include <fmt/core.h>

#include "control/words/bridge_settings.hpp"
#include "control/words/port_kinds.hpp"
#include "control/words/port_settings.hpp"
#include "control/words/vlan_settings.hpp"

namespace rb {
namespace {

constexpr std::string_view kHeading =
    "# Settings\n"
    "\n"
    "Each setting of a bridge, of a port and of a kind of port stands in one row. The same rows read the words of\n"
    "`rbctl`, the requests of the [control protocol](control-protocol.md) and configuration files, and write dumps.\n"
    "`rbctl --reference settings` prints this page.\n";

/// A '|' would end a cell.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

std::string row_of(const SettingInfo& setting, const std::string& initial) {
  const std::string range = setting.type->range();
  std::string meaning(setting.meaning);
  if (setting.key != setting.name) meaning += fmt::format(" In JSON: `{}`.", setting.key);
  if (!setting.command.empty()) meaning += fmt::format(" Also: `{}`.", setting.command);
  return fmt::format("| `{}` | `{}`{} | `{}` | {} |\n", setting.name, cell(setting.type->usage()),
                     range.empty() ? "" : ": " + cell(range), cell(initial), cell(meaning));
}

}  // namespace

std::vector<SettingSection> setting_sections() {
  return {
      section_of("Settings of a bridge", "link set BRIDGE", bridge_settings()),
      section_of("VLAN settings of a bridge", "link set BRIDGE", bridge_vlan_settings()),
      section_of("Settings of a port", "link set dev PORT", port_settings()),
      section_of("VLAN settings of a port", "link set dev PORT", port_vlan_settings()),
  };
}

std::string settings_reference() {
  std::string text(kHeading);
  for (const SettingSection& section : setting_sections()) {
    text += fmt::format(
        "\n## {}\n\n`rbctl {} SETTING VALUE ...`\n\n| Setting | Value | Default | Meaning |\n"
        "| --- | --- | --- | --- |\n",
        section.title, section.usage);
    for (std::size_t i = 0; i < section.settings.size(); ++i) text += row_of(*section.settings[i], section.defaults[i]);
  }
  text += "\n## Options of ports, by kind\n\n`rbctl addif BRIDGE KIND:SUBJECT[,OPTION]...`\n" + port_kinds_reference();
  return text;
}

}  // namespace rb
