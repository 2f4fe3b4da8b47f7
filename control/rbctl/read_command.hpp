// SPDX-License-Identifier: GPL-2.0-or-later
// The commands of rbctl that only look: words in, what to print out.
#pragma once

#include <span>
#include <string>

#include "control/rbctl/bridge_text.hpp"
#include "control/rbctl/client.hpp"

namespace rb {

/// The options that stand before or behind any command.
struct OutputOptions {
  bool json = false;
  bool pretty = false;
  bool statistics = false;
  bool details = false;
  bool compress = false;
};

/// Runs one command such as {"fdb", "show", "br", "br0"} and gives its text. Errors: kInvalidArgument (no such command,
/// or wrong arguments, with the usage in a second line), and whatever the daemon answers.
[[nodiscard]] Result<std::string> run_read_command(std::span<const std::string> words, const OutputOptions& options,
                                                   const CallDaemon& call);

/// Reads the words behind `monitor`: which kinds of events, and how to print them.
struct MonitorCommand {
  Request request;
  MonitorBanner banner = MonitorBanner::kWithout;
};
[[nodiscard]] Result<MonitorCommand> parse_monitor_command(std::span<const std::string> words);

}  // namespace rb
