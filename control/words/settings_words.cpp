// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/settings_words.hpp"

#include <algorithm>

#include "control/words/bridge_settings.hpp"
#include "control/words/port_settings.hpp"
#include "control/words/vlan_settings.hpp"

namespace rb {
namespace {

using Infos = std::vector<const SettingInfo*>;

template <typename... Tables>
Infos infos_of(const Tables&... tables) {
  Infos infos;
  const auto add = [&](const auto& table) {
    for (const auto& setting : table) infos.push_back(&setting);
  };
  (add(tables), ...);
  return infos;
}

}  // namespace

const Infos& settings_of(ValueKind kind) {
  static const Infos of_bridges = infos_of(bridge_settings(), bridge_vlan_settings());
  static const Infos of_ports = infos_of(port_settings(), port_vlan_settings());
  return kind == ValueKind::kBridgeSettings ? of_bridges : of_ports;
}

void read_settings(WordParser& words, ValueKind kind, nlohmann::json& params) {
  const Infos& settings = settings_of(kind);
  if (!words.more()) words.fail("nothing to set");
  while (words.more()) {
    const auto setting = std::ranges::find_if(settings, [&](const SettingInfo* s) { return words.accept(s->name); });
    if (setting == settings.end()) return words.refuse_next();
    params[std::string((*setting)->key)] = words.value((*setting)->name, *(*setting)->type);
  }
}

}  // namespace rb
