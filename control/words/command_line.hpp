// SPDX-License-Identifier: GPL-2.0-or-later
// The commands of rbctl that change something: words in, requests of the control protocol out.
//
// rbctl and `ringbridged --config` read commands by the same code, so a file of commands means what the same lines
// mean when they are typed. Nothing is looked up here: whether a bridge exists is the daemon's answer.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "switch/result.hpp"

namespace rb {

/// One call of docs/control-protocol.md.
struct Request {
  std::string method;
  nlohmann::json params = nlohmann::json::object();
};

using Requests = std::vector<Request>;

/// Reads one command that changes something, such as {"addif", "br0", "tap0", "tap1"} (here: two requests, to be
/// carried out in order). A leading word "rbctl" is allowed. A port's namespace is still a label ("netns" without
/// "netns_fd"); the caller opens it by open_netns(). kInvalidArgument, with the command's usage in a second line.
[[nodiscard]] Result<Requests> parse_change_command(std::span<const std::string> words);

/// Whether the first words are such a command, be its arguments right or wrong.
[[nodiscard]] bool is_change_command(std::span<const std::string> words);

/// Whether the first words are a command that iproute2's `bridge` has, too: after an error it ends with the same
/// status.
[[nodiscard]] bool is_iproute2_command(std::span<const std::string> words);

/// Splits a line into words as a shell does in simple cases: blanks separate, '...' and "..." keep blanks, and a word
/// that begins with # starts a comment. kInvalidArgument for a quote without its end.
[[nodiscard]] Result<std::vector<std::string>> split_words(std::string_view line);

}  // namespace rb
