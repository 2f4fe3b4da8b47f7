// SPDX-License-Identifier: GPL-2.0-or-later
// The table of all commands, and how a command is found by its words.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/words/command.hpp"
#include "switch/result.hpp"

namespace rb {

// One group for each file of rows.
extern const CommandGroup kBridgeCommands;
extern const CommandGroup kPortCommands;
extern const CommandGroup kFdbCommands;
extern const CommandGroup kVlanCommands;
extern const CommandGroup kSpanningTreeCommands;
extern const CommandGroup kLookingCommands;

/// All groups, in the order of the help.
[[nodiscard]] std::span<const CommandGroup* const> command_groups();

/// All commands, in the order of the help.
[[nodiscard]] std::vector<const Command*> all_commands();

/// The words of a name: "fdb show" gives {"fdb", "show"}.
[[nodiscard]] std::vector<std::string_view> name_words(std::string_view name);

/// A command, and how many words its name takes.
struct FoundCommand {
  const Command* command = nullptr;
  std::size_t word_count = 0;
};

/// The command that the first words name, each word written out. The longest name wins, so that "vlan add" is found
/// though "vlan" is a command too. `command` is null when no command has such a name.
[[nodiscard]] FoundCommand find_command(std::span<const std::string> words);

/// The words that may follow `words` in names of commands, each once and in the order of the help.
[[nodiscard]] std::vector<std::string_view> next_name_words(std::span<const std::string> words);

/// Writes out shortened objects and verbs, for people who type: "v s" gives "vlan show". A whole word is never taken
/// for a short one. kInvalidArgument, with the candidates, for a word that could be several. Words that begin no name
/// are left as they are, and so is everything behind the name.
[[nodiscard]] Result<std::vector<std::string>> write_out_prefixes(std::vector<std::string> words);

}  // namespace rb
