// SPDX-License-Identifier: GPL-2.0-or-later
// The commands of rbctl that change something: words in, requests of the control protocol out.
//
// rbctl and `ringbridged --config` read commands by the same code, so a file of commands means what the same lines
// mean when they are typed. Nothing is looked up here: whether a bridge exists is the daemon's answer.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/words/argument_reader.hpp"
#include "switch/result.hpp"

namespace rb {

/// Reads one command that changes something, such as {"addif", "br0", "tap0", "tap1"} (here: two requests, to be
/// carried out in order). A leading word "rbctl" is allowed. Objects and verbs must be whole words. Errors and
/// namespaces are as read_arguments() has them.
[[nodiscard]] Result<Requests> parse_change_command(std::span<const std::string> words);

/// Whether the first words name such a command, whether its arguments are right or wrong.
[[nodiscard]] bool is_change_command(std::span<const std::string> words);

/// Whether iproute2's `bridge` has the command that the first words name: after an error such a command ends with the
/// exit status of `bridge`.
[[nodiscard]] bool is_iproute2_command(std::span<const std::string> words);

/// Splits a line into words as a shell does in simple cases: blanks separate words, '...' and "..." keep blanks, and
/// a word that begins with # starts a comment. kInvalidArgument for a quote without its end.
[[nodiscard]] Result<std::vector<std::string>> split_words(std::string_view line);

}  // namespace rb
