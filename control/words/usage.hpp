// SPDX-License-Identifier: GPL-2.0-or-later
// How a command is written: usage lines, made from the command's rows.
#pragma once

#include <string>
#include <vector>

#include "control/words/command.hpp"

namespace rb {

/// How a value is written: "PORT", "on|off", "static|dynamic|local".
[[nodiscard]] std::string value_usage(const Argument& argument);

/// The words to choose from: "static|dynamic|local".
[[nodiscard]] std::string choice_words(const Argument& argument);

/// What a message calls a value: "the port's name", "vlan".
[[nodiscard]] std::string value_noun(const Argument& argument);

/// How an argument is written: "dev PORT", "[vlan VID]", "DEVICE...".
[[nodiscard]] std::string argument_usage(const Argument& argument);

/// The whole command: "fdb get MAC br BRIDGE [vlan VID]".
[[nodiscard]] std::string usage_of(const Command& command);

/// The usage behind an error: "Usage: rbctl fdb get ...", then the names of settings if the command takes settings.
/// Without a line end.
[[nodiscard]] std::string usage_lines(const Command& command);

/// One row of a command's page: how an argument is written, and its meaning.
struct ExplainedArgument {
  std::string usage;
  std::string meaning;
};
/// The arguments of a command, and behind them the settings or the fields that an argument stands for.
[[nodiscard]] std::vector<ExplainedArgument> explained_arguments(const Command& command);

}  // namespace rb
