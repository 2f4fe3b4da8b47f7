// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/help.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "control/rbctl/rbctl_options.hpp"
#include "control/words/command_table.hpp"
#include "control/words/text_layout.hpp"
#include "control/words/usage.hpp"

namespace rb {
namespace {

constexpr std::size_t kSummaryColumn = 24, kMeaningColumn = 32;

constexpr std::string_view kEnd = R"(
'rbctl help COMMAND' explains a command, and 'rbctl help link' lists all commands about links. At a terminal objects and
verbs may be shortened while they are unambiguous. Called by the name brctl, bridge or ip, rbctl behaves as that program.
)";

bool name_begins_with(const Command& command, std::span<const std::string> words) {
  const std::vector<std::string_view> name = name_words(command.name);
  return name.size() >= words.size() && std::ranges::equal(words, std::span(name).first(words.size()));
}

/// The group that a command belongs to.
const CommandGroup& group_of(const Command& command) {
  const auto has = [&](const CommandGroup* group) {
    return std::ranges::any_of(group->commands, [&](const Command& c) { return &c == &command; });
  };
  return **std::ranges::find_if(command_groups(), has);
}

std::string page_of(const Command& command) {
  std::string page =
      fmt::format("Usage: rbctl {}\n\n  {}\n", usage_of(command), wrapped(command.summary, {.column = 2, .indent = 2}));
  if (!command.short_name.empty()) page += fmt::format("  '{}' is short for this command.\n", command.short_name);
  const std::vector<ExplainedArgument> arguments = explained_arguments(command);
  if (!arguments.empty()) page += '\n';
  for (const auto& [usage, meaning] : arguments) page += list_row(usage, meaning, kMeaningColumn);
  const bool takes_device =
      std::ranges::find(command.arguments, ValueKind::kDevice, &Argument::kind) != command.arguments.end();
  if (takes_device) page += fmt::format("\n{}", group_of(command).notes());
  return page + fmt::format("\nExample: rbctl {}\n", command.example);
}

}  // namespace

std::string help_overview() {
  std::string text = "Usage: rbctl [OPTIONS] COMMAND\n";
  for (const CommandGroup* group : command_groups()) {
    text += fmt::format("\n{}:\n", group->title);
    for (const Command& command : group->commands) text += list_row(command.name, command.summary, kSummaryColumn);
  }
  return text + '\n' + options_help() + std::string(kEnd);
}

Result<std::string> help_of(std::span<const std::string> words) {
  if (words.empty()) return help_overview();
  std::vector<const Command*> commands = all_commands();
  std::erase_if(commands, [&](const Command* command) { return !name_begins_with(*command, words); });
  if (commands.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("no command begins with '{}'; 'rbctl help' lists the commands", fmt::join(words, " ")));
  }
  // Pages where the words are a whole name or leave nothing to choose from; else a list.
  const bool whole = std::ranges::any_of(
      commands, [&](const Command* command) { return name_words(command->name).size() == words.size(); });
  std::string text;
  for (const Command* command : commands) {
    if (whole || commands.size() == 1) {
      text += (text.empty() ? "" : "\n") + page_of(*command);
    } else {
      text += fmt::format("rbctl {}\n    {}\n", usage_of(*command), command->summary);
    }
  }
  return text;
}

bool asks_for_help(std::span<const std::string> words) {
  if (words.size() < 2 || words.back() != "help") return false;
  return !next_name_words(words.first(words.size() - 1)).empty();
}

}  // namespace rb
