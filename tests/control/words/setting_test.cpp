// SPDX-License-Identifier: GPL-2.0-or-later
// Tests rules that hold for every setting of every table, whatever is in the tables.
#include "control/words/setting.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "control/words/bridge_settings.hpp"
#include "control/words/command_line.hpp"
#include "control/words/port_settings.hpp"
#include "control/words/setting_reference.hpp"
#include "control/words/vlan_settings.hpp"
#include "test_paths.hpp"

namespace rb {
namespace {

using nlohmann::json;
using Random = std::mt19937;

/// Words of every shape that some type takes; most types refuse most of them.
std::string random_word(const ValueType& type, Random& random) {
  const auto number = [&](unsigned below) { return random() % below; };
  const auto some_number = [&] { return std::to_string(number(1U << number(28))); };
  const std::vector<std::string> candidates = type.candidates();
  switch (number(candidates.empty() ? 5 : 10)) {
    case 0:
      return some_number();
    case 1:
      return std::to_string(number(40)) + "." + std::to_string(number(100));
    case 2: {
      std::string list;
      for (int i = 0; i < 8; ++i) list += (i == 0 ? "" : ",") + std::to_string(number(8));
      return list;
    }
    case 3:
      return some_number() + (number(2) == 0 ? "kbit," + some_number() + "fps" : "mbit");
    case 4:
      return some_number().substr(0, 2);
    case 5: {
      const std::string first = candidates[number(static_cast<unsigned>(candidates.size()))];
      return first + "," + candidates[number(static_cast<unsigned>(candidates.size()))];
    }
    default:
      return candidates[number(static_cast<unsigned>(candidates.size()))];
  }
}

/// A value that the setting takes, as JSON; `owner` has the value afterwards.
template <typename Owner>
json set_at_random(const Setting<Owner>& setting, Owner& owner, Random& random) {
  for (int attempt = 0; attempt < 10000; ++attempt) {
    const Result<json> value = setting.type->parse(random_word(*setting.type, random));
    if (!value || !setting.type->check(*value)) continue;
    Owner changed = owner;
    if (!setting.set(changed, *value)) continue;
    owner = changed;
    return *value;
  }
  ADD_FAILURE() << "no random word suits " << setting.name << "; teach random_word() one of its type";
  return nullptr;
}

/// Runs a check for every table, with a struct that begins with its defaults.
template <typename Owner>
void expect_inverses(const SettingTable<Owner>& table) {
  Random random(20261130);
  for (int round = 0; round < 200; ++round) {
    for (const Setting<Owner>& setting : table) {
      Owner owner{};
      set_at_random(setting, owner, random);
      const json value = setting.get(owner);
      ASSERT_TRUE(setting.type->check(value)) << setting.name << " gives " << value << ", which its type refuses";
      const std::string word = setting.type->print(value);
      const Result<json> again = setting.type->parse(word);
      ASSERT_TRUE(again) << setting.name << " prints " << word << ", which it does not read";
      Owner other{};
      ASSERT_TRUE(setting.set(other, *again)) << setting.name << ' ' << word;
      ASSERT_EQ(setting.get(other), value) << setting.name << ' ' << word;
    }
  }
}

/// Sets everything at random, prints the settings that differ, and reads the words into a new struct: both are equal.
template <typename Owner>
void expect_dump_loads(const SettingTable<Owner>& table, const std::string& target) {
  Random random(42);
  for (int round = 0; round < 200; ++round) {
    Owner owner{};
    for (const Setting<Owner>& setting : table) {
      if (!setting.is_alias && random() % 2 == 0) set_at_random(setting, owner, random);
    }
    if constexpr (requires { check_settings(owner); }) {
      if (!check_settings(owner)) continue;  // the daemon refuses these together, so no dump has them
    }
    Owner loaded{};
    std::string words = "link set " + target;
    bool any = false;
    for (const auto& [setting, value] : changed_settings(table, owner, Owner{})) {
      words += ' ' + std::string(setting->name) + ' ' + value;
      any = true;
    }
    if (!any) continue;
    const auto line = split_words(words);
    ASSERT_TRUE(line) << words;
    const auto requests = parse_change_command(*line);
    ASSERT_TRUE(requests) << words << ": " << requests.error().message;
    const json& request = requests->front().params;
    const auto changes = SettingChanges<Owner>::read(table, [&](std::string_view key) {
      const auto member = request.find(std::string(key));
      return member == request.end() ? nullptr : &*member;
    });
    ASSERT_TRUE(changes) << words << ": " << changes.error().message;
    ASSERT_TRUE(changes->apply_to(loaded, "x")) << words;
    json before, after;
    write_settings(table, owner, before);
    write_settings(table, loaded, after);
    ASSERT_EQ(after, before) << words;
  }
}

TEST(Settings, WordsAndValuesAreInversesForEachSetting) {
  expect_inverses(bridge_settings());
  expect_inverses(bridge_vlan_settings());
  expect_inverses(port_settings());
  expect_inverses(port_vlan_settings());
}

TEST(Settings, ADumpOfRandomSettingsLoads) {
  expect_dump_loads(bridge_settings(), "br0");
  expect_dump_loads(bridge_vlan_settings(), "br0");
  expect_dump_loads(port_settings(), "dev tap0");
  expect_dump_loads(port_vlan_settings(), "dev tap0");
}

TEST(Settings, EachHasAMeaningAndANameOfItsOwn) {
  for (const char* target : {"link set BRIDGE", "link set dev PORT"}) {
    std::set<std::string_view> names, keys;
    for (const SettingSection& section : setting_sections()) {
      if (section.usage != target) continue;
      for (const SettingInfo* setting : section.settings) {
        EXPECT_TRUE(names.insert(setting->name).second) << setting->name;
        EXPECT_TRUE(keys.insert(setting->key).second) << setting->key;
        EXPECT_TRUE(setting->meaning.ends_with('.')) << setting->name;
        EXPECT_FALSE(setting->type->usage().empty()) << setting->name;
      }
    }
  }
}

TEST(Settings, AreAllInTheReference) {
  std::ifstream file(RB_SOURCE_DIR "/docs/settings.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_EQ(page.str(), settings_reference())
      << "docs/settings.md is out of date: 'rbctl --reference settings' prints it";
}

TEST(Settings, AValueOutOfRangeNamesSettingValueAndRange) {
  const json request{{"priority", 70000}};
  const auto changes = SettingChanges<BridgeSettings>::read(
      bridge_settings(), [&](std::string_view key) { return key == "priority" ? &request["priority"] : nullptr; });
  ASSERT_TRUE(changes) << "whoever is asked first decides whether the bridge is there";
  BridgeSettings settings;
  const Result<> applied = changes->apply_to(settings, "br0");
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().message, "priority 70000 is out of range; it can be 0 to 65535");
  EXPECT_EQ(applied.error().name, "br0");
  EXPECT_EQ(applied.error().code, ErrorCode::kOutOfRange);
}

TEST(Settings, AWrongTypeIsRefusedBeforeAnythingIsChanged) {
  const json request{{"learning", "on"}};
  const auto changes = SettingChanges<PortSettings>::read(
      port_settings(), [&](std::string_view key) { return key == "learning" ? &request["learning"] : nullptr; });
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().message, "'learning' must be true or false");
}

TEST(Settings, UsageNamesAllOfASection) {
  const std::string usage = usage_of(section_of("", "", port_settings()));
  EXPECT_NE(usage.find("[learning on|off] [flood on|off]"), std::string::npos) << usage;
  EXPECT_NE(usage.find("[cost N|auto]"), std::string::npos) << usage;
}

}  // namespace
}  // namespace rb
