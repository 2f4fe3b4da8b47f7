// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the arguments of any command, as the rows of control/words/command.hpp describe them.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "control/words/command.hpp"
#include "switch/result.hpp"

namespace rb {

/// One call of docs/control-protocol.md.
struct Request {
  std::string method;
  nlohmann::json params = nlohmann::json::object();
};

using Requests = std::vector<Request>;

/// Reads the words behind the name of `command`. There is one request unless an argument is Need::kEach. The namespace
/// of a port is still a label ("netns" without "netns_fd"); the caller opens the namespace by open_netns().
/// kInvalidArgument: the message names the wrong word, and the command's usage stands in the lines behind.
[[nodiscard]] Result<Requests> read_arguments(const Command& command, std::span<const std::string> words);

/// How many of the arguments' rows are read in the order of the rows; see Argument.
[[nodiscard]] std::size_t ordered_count(std::span<const Argument> arguments);

}  // namespace rb
