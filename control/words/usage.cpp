// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/usage.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>

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
  const bool settings = argument.kind == ValueKind::kPortSettings || argument.kind == ValueKind::kBridgeSettings;
  const bool several = argument.need == Need::kAny || argument.need == Need::kEach || settings;
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
  return fmt::format("Usage: rbctl {}", usage_of(command));
}

}  // namespace rb
