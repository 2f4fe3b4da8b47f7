// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/usage.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "control/words/frame_words.hpp"
#include "control/words/settings_words.hpp"
#include "control/words/text_layout.hpp"

namespace rb {
namespace {

/// The names of a kind of values: in usage, and in messages.
struct KindNames {
  std::string_view placeholder, noun;
};

/// In the order of ValueKind.
constexpr std::array<KindNames, 20> kNames = {{
    {"", ""},
    {"WORD", "the word"},
    {"BRIDGE", kBridgeName},
    {"PORT", kPortName},
    {"NAME", "the name"},
    {"INTERFACE", "the interface's name"},
    {"DEVICE", "the device"},
    {"MAC", "the address"},
    {"VID", "the VLAN"},
    {"VID[-VID]", "the VLAN"},
    {"WORD,...", "the list"},
    {"N", "the number"},
    {"SECONDS", "the number of seconds"},
    {"on|off", "the value"},
    {"USER", "the user"},
    {"GROUP", "the group"},
    {"FRAME", "the frame"},
    {"SETTING VALUE", "the setting"},
    {"SETTING VALUE", "the setting"},
    {"COMMAND", "the command"},
}};
static_assert(kNames.size() == static_cast<std::size_t>(ValueKind::kCommandName) + 1);

const KindNames& names_of(ValueKind kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

bool takes_settings(const Argument& argument) {
  return argument.kind == ValueKind::kPortSettings || argument.kind == ValueKind::kBridgeSettings;
}

/// The meaning of a setting, with the values that are possible.
std::string meaning_of(const SettingInfo& setting) {
  const std::string range = setting.type->range();
  return range.empty() ? std::string(setting.meaning) : fmt::format("{} ({})", setting.meaning, range);
}

}  // namespace

std::string choice_words(const Argument& argument) {
  std::string words;
  for (const Choice& choice : argument.choices) {
    if (choice.hidden) continue;
    if (!words.empty()) words += '|';
    words += choice.word;
  }
  return words;
}

std::string value_usage(const Argument& argument) {
  if (!argument.placeholder.empty()) return std::string(argument.placeholder);
  if (argument.kind == ValueKind::kChoice) return choice_words(argument);
  std::string usage(names_of(argument.kind).placeholder);
  if (!argument.choices.empty()) usage += '|' + choice_words(argument);
  return usage;
}

std::string value_noun(const Argument& argument) {
  if (argument.kind == ValueKind::kChoice && argument.placeholder.empty()) return choice_words(argument);
  if (argument.placeholder.empty()) return std::string(names_of(argument.kind).noun);
  if (argument.kind == ValueKind::kList) return std::string(names_of(argument.kind).noun);
  std::string noun = "the ";
  for (const char c : argument.placeholder) noun += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return noun;
}

std::string argument_usage(const Argument& argument) {
  std::string usage(argument.keyword);
  const std::string value = value_usage(argument);
  if (!usage.empty() && !value.empty()) usage += ' ';
  usage += value;
  const bool several = argument.need == Need::kAny || argument.need == Need::kEach || takes_settings(argument);
  const bool alternatives = argument.kind == ValueKind::kChoice;
  if (several && !alternatives) usage += "...";
  if (argument.need == Need::kOptional || argument.need == Need::kAny) usage = '[' + usage + ']';
  if (several && alternatives) usage += "...";
  return usage;
}

std::string usage_of(const Command& command) {
  std::string usage(command.name);
  for (const Argument& argument : command.arguments) {
    if (!argument.hidden) usage += ' ' + argument_usage(argument);
  }
  return usage;
}

std::string usage_lines(const Command& command) {
  std::string lines = fmt::format("Usage: rbctl {}", usage_of(command));
  for (const Argument& argument : command.arguments) {
    if (!takes_settings(argument)) continue;
    std::string names;
    for (const SettingInfo* setting : settings_of(argument.kind)) names += fmt::format(" {}", setting->name);
    lines += fmt::format("\nSettings:{}", wrapped(names, {.column = 9, .indent = 10}));
  }
  return lines;
}

std::vector<ExplainedArgument> explained_arguments(const Command& command) {
  std::vector<ExplainedArgument> explained;
  for (const Argument& argument : command.arguments) {
    if (argument.hidden) continue;
    explained.push_back({argument_usage(argument), std::string(argument.meaning)});
    if (argument.kind == ValueKind::kFrame) {
      for (const Argument& field : frame_fields())
        explained.push_back({argument_usage(field), std::string(field.meaning)});
    }
    if (!takes_settings(argument)) continue;
    for (const SettingInfo* setting : settings_of(argument.kind))
      explained.push_back({fmt::format("{} {}", setting->name, setting->type->usage()), meaning_of(*setting)});
  }
  return explained;
}

}  // namespace rb
