// SPDX-License-Identifier: GPL-2.0-or-later
// brctl's command line: its options, arguments and messages, spoken to ringbridged.
//
// This code runs when rbctl is called by the name brctl. The code reads arguments as loosely as bridge-utils 1.7 does
// (surplus arguments are ignored, "12abc" is 12), prints on the same streams and exits with the same status;
// docs/brctl.md lists the few deliberate differences.
#pragma once

#include <ostream>
#include <string>

#include "control/rbctl/client.hpp"

namespace rb {

/// Runs one command and gives the exit status. `arguments` is argv, the program's name included. Uses getopt, so only
/// one thread may be in it; getopt writes its own complaints to stderr.
[[nodiscard]] int run_brctl(std::vector<std::string> arguments, const CallDaemon& call, std::ostream& out,
                            std::ostream& err);

}  // namespace rb
