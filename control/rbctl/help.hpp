// SPDX-License-Identifier: GPL-2.0-or-later
// rbctl's help: the list of all commands, and the pages of some of them, made from the table of commands.
#pragma once

#include <span>
#include <string>

#include "switch/result.hpp"

namespace rb {

/// All commands by subject, one line each, and the options. rbctl --help prints this text.
[[nodiscard]] std::string help_overview();

/// Explains the commands whose names begin with `words`: one command, or all of an object, in full or as a list.
/// Without words the overview. kInvalidArgument when no name begins so.
[[nodiscard]] Result<std::string> help_of(std::span<const std::string> words);

/// Whether `words` ask for help as iproute2 has it, "link help": the last word is "help", and the words in front are
/// the beginning of longer names.
[[nodiscard]] bool asks_for_help(std::span<const std::string> words);

}  // namespace rb
