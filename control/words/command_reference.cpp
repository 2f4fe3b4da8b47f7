// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/command_reference.hpp"

#include <fmt/core.h>

#include <cctype>

#include "control/words/command_table.hpp"
#include "control/words/usage.hpp"

namespace rb {
namespace {

constexpr std::string_view kHeading =
    "# Commands\n"
    "\n"
    "Every command of `rbctl`, made from the same rows that read, explain and complete the commands. Commands that "
    "change\n"
    "something may also stand in a batch and in a configuration file. [settings.md](settings.md) has the settings of\n"
    "`link set`, and [rbctl.md](rbctl.md) explains the commands by their uses. `rbctl --reference commands` prints "
    "this page.\n";

/// A '|' would end a cell.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

std::string sentence(std::string_view text) {
  std::string out(text);
  out.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(out.front())));
  return out + '.';
}

std::string section_of(const Command& command) {
  std::string text =
      fmt::format("\n### {}\n\n`rbctl {}`\n\n{}", command.name, usage_of(command), sentence(command.summary));
  if (!command.short_name.empty()) text += fmt::format(" `{}` is short for this command.", command.short_name);
  text += command.right == Right::kChange ? " Needs the right to change.\n" : "\n";
  bool heading = false;
  for (const Argument& argument : command.arguments) {
    if (argument.hidden) continue;
    if (!heading) text += "\n| Argument | Meaning |\n| --- | --- |\n";
    heading = true;
    text += fmt::format("| `{}` | {} |\n", cell(argument_usage(argument)), cell(argument.meaning));
  }
  return text + fmt::format("\nExample:\n\n    rbctl {}\n", command.example);
}

}  // namespace

std::string commands_reference() {
  std::string text(kHeading);
  for (const CommandGroup* group : command_groups()) {
    text += fmt::format("\n## {}\n", group->title);
    if (group->notes != nullptr) text += fmt::format("\n```\n{}```\n", group->notes());
    for (const Command& command : group->commands) text += section_of(command);
  }
  return text;
}

}  // namespace rb
