// SPDX-License-Identifier: GPL-2.0-or-later
// Setting: one thing that can be set on a bridge, a port or a kind of port, written once.
//
// How it works. A table is a list of Settings that belong to one struct (PortSettings, say). One row names the setting,
// its type, the member of the struct and one line of meaning. Everything else comes from the row:
//
//   words to JSON      read_settings()                rbctl, and ringbridged --config (settings_words.hpp)
//   JSON to struct     SettingChanges                 bridge.set and port.set, with errors that name value and range
//   struct to JSON     write_settings()               bridge.list and port.list
//   struct to words    changed_settings()             dump: settings that differ from a given struct
//   usage, completion  usage_of(), ValueType          rbctl
//   documents          settings_reference()           docs/settings.md
//
// To add a setting: a member of the struct, a row in its table, and its use.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/words/value_type.hpp"
#include "control/words/word_parser.hpp"
#include "switch/enum_names.hpp"
#include "switch/result.hpp"

namespace rb {

/// The part of a setting that needs no struct: all that rbctl knows of it.
struct SettingInfo {
  std::string_view name;     // in words and in dumps: "loop_probe"
  std::string_view key;      // in JSON: "loop_probe_s"
  const ValueType* type;     // lives for good
  std::string_view meaning;  // one sentence, for help and the reference
  /// A command that sets this setting alone, as brctl has it ("setageing"); a dump uses the command. Empty: the
  /// setting is a word of `link set`.
  std::string_view command = "";
  /// Another way to write a setting that has a row already: read, but neither dumped nor listed in JSON twice.
  bool is_alias = false;
  bool of_tree = false;  // without effect while the bridge has no spanning tree
};

/// A setting of the struct `Owner`.
template <typename Owner>
struct Setting : SettingInfo {
  /// The value as check() of the type accepts it.
  std::function<nlohmann::json(const Owner&)> get;
  /// Takes a value that the type's check() has accepted. Errors: what depends on more than this value.
  std::function<Result<>(Owner&, const nlohmann::json&)> set;
};

template <typename Owner>
using SettingTable = std::vector<Setting<Owner>>;

// Rows for the usual members.

template <typename Owner>
[[nodiscard]] Setting<Owner> flag_setting(std::string_view name, bool Owner::* member, std::string_view meaning) {
  return {{.name = name, .key = name, .type = &flag_type(), .meaning = meaning},
          [member](const Owner& owner) { return nlohmann::json(owner.*member); },
          [member](Owner& owner, const nlohmann::json& value) {
            owner.*member = value.get<bool>();
            return Result<>{};
          }};
}

template <typename Owner, typename Enum, std::size_t kCount>
[[nodiscard]] Setting<Owner> choice_setting(std::string_view name, Enum Owner::* member,
                                            const EnumNames<Enum, kCount>& names, std::string_view meaning,
                                            ChoiceOptions options = {}) {
  return {{.name = name, .key = name, .type = &choice_type(names.all(), options), .meaning = meaning},
          [member, names](const Owner& owner) { return nlohmann::json(names.name(owner.*member)); },
          [member, names](Owner& owner, const nlohmann::json& value) {
            owner.*member = value.is_number() ? static_cast<Enum>(value.get<std::size_t>())
                                              : names.value(value.get<std::string>()).value();
            return Result<>{};
          }};
}

/// Of an arithmetic member; `type` must keep values within what the member can hold.
template <typename Owner, typename Number>
[[nodiscard]] Setting<Owner> number_setting(std::string_view name, Number Owner::* member, const ValueType& type,
                                            std::string_view meaning) {
  return {{.name = name, .key = name, .type = &type, .meaning = meaning},
          [member](const Owner& owner) { return nlohmann::json(owner.*member); },
          [member](Owner& owner, const nlohmann::json& value) {
            owner.*member = value.get<Number>();
            return Result<>{};
          }};
}

/// A row with other members changed: `with(row, [](auto& row) { row.key = "ageing_s"; })`.
template <typename Owner, typename Change>
[[nodiscard]] Setting<Owner> with(Setting<Owner> row, Change change) {
  change(row);
  return row;
}

// The uses of a table.

/// The settings of a table that a request names, checked one by one before anything is changed.
template <typename Owner>
class SettingChanges {
 public:
  /// `find(key)` gives the request's member of that name, or null. The first value of a wrong type is the error.
  template <typename Find>
  [[nodiscard]] static Result<SettingChanges> read(const SettingTable<Owner>& table, Find find) {
    SettingChanges changes;
    for (const Setting<Owner>& setting : table) {
      const nlohmann::json* value = find(setting.key);
      if (value == nullptr) continue;
      Result<> checked = setting.type->check(*value);
      if (!checked && checked.error().code == ErrorCode::kInvalidArgument) {
        return fail(ErrorCode::kInvalidArgument, "'" + std::string(setting.key) + "' " + checked.error().message);
      }
      if (!checked) checked.error().message = std::string(setting.name) + " " + checked.error().message;
      changes.changes_.push_back({&setting, value, std::move(checked)});
    }
    return changes;
  }

  [[nodiscard]] bool empty() const noexcept { return changes_.empty(); }
  [[nodiscard]] bool has(std::string_view name) const {
    return std::ranges::any_of(changes_, [&](const Change& change) { return change.setting->name == name; });
  }
  /// Applies all changes to `owner`, in the order of the table. The first value out of range is the error, named after
  /// `whose`; `owner` is then changed in part, so it must be a copy.
  [[nodiscard]] Result<> apply_to(Owner& owner, const std::string& whose) const {
    for (const Change& change : changes_) {
      Result<> done = change.in_range;
      if (done) done = change.setting->set(owner, *change.value);
      if (done) continue;
      if (done.error().name.empty()) done.error().name = whose;
      return done;
    }
    return {};
  }

 private:
  struct Change {
    const Setting<Owner>* setting;
    const nlohmann::json* value;  // the request's, borrowed
    Result<> in_range;
  };
  std::vector<Change> changes_;
};

/// Adds all settings to `object`, by their keys.
template <typename Owner>
void write_settings(const SettingTable<Owner>& table, const Owner& owner, nlohmann::json& object) {
  for (const Setting<Owner>& setting : table) object[std::string(setting.key)] = setting.get(owner);
}

/// A setting that differs, as the words that set it.
struct ChangedSetting {
  const SettingInfo* setting;
  std::string value;
};
template <typename Owner>
[[nodiscard]] std::vector<ChangedSetting> changed_settings(const SettingTable<Owner>& table, const Owner& owner,
                                                           const Owner& from) {
  std::vector<ChangedSetting> changed;
  for (const Setting<Owner>& setting : table) {
    const nlohmann::json value = setting.get(owner);
    if (!setting.is_alias && value != setting.get(from)) changed.push_back({&setting, setting.type->print(value)});
  }
  return changed;
}

/// One table as help, completion and the reference see it. `defaults` are words, in the order of `settings`.
struct SettingSection {
  std::string_view title;  // "Settings of a port"
  std::string_view usage;  // "link set dev PORT"
  std::vector<const SettingInfo*> settings;
  std::vector<std::string> defaults;
};
template <typename Owner>
[[nodiscard]] SettingSection section_of(std::string_view title, std::string_view usage,
                                        const SettingTable<Owner>& table) {
  SettingSection section{.title = title, .usage = usage, .settings = {}, .defaults = {}};
  const Owner defaults{};
  for (const Setting<Owner>& setting : table) {
    section.settings.push_back(&setting);
    section.defaults.push_back(setting.type->print(setting.get(defaults)));
  }
  return section;
}

/// "[learning on|off] [cost N|auto] ...": the words that `link set` takes from a table.
[[nodiscard]] std::string usage_of(const SettingSection& section);

}  // namespace rb
