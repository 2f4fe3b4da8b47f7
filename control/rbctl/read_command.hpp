// SPDX-License-Identifier: GPL-2.0-or-later
// The commands of rbctl that read: words in, text to print out.
#pragma once

#include <span>
#include <string>

#include "control/rbctl/bridge_text.hpp"
#include "control/rbctl/client.hpp"

namespace rb {

/// The options of the output, which may stand anywhere.
struct OutputOptions {
  bool json = false;
  bool pretty = false;
  bool statistics = false;
  bool details = false;
  bool compress = false;
};

/// Runs one command such as {"fdb", "show", "br", "br0"} and gives its text. Errors: kInvalidArgument (no such command,
/// or wrong arguments, with the usage in the lines behind), and the daemon's errors.
[[nodiscard]] Result<std::string> run_read_command(std::span<const std::string> words, const OutputOptions& options,
                                                   const CallDaemon& call);

/// Reads the words behind `monitor`: the kinds of events, and how to print the events.
struct MonitorCommand {
  Request request;
  MonitorBanner banner = MonitorBanner::kWithout;
};
[[nodiscard]] Result<MonitorCommand> parse_monitor_command(std::span<const std::string> words);

}  // namespace rb
