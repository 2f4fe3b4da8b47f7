// SPDX-License-Identifier: GPL-2.0-or-later
// `rbctl -batch FILE`: many commands, one a line, of which the daemon carries out as many at once as possible.
#pragma once

#include <istream>
#include <ostream>
#include <string>

#include "control/rbctl/client.hpp"
#include "control/rbctl/read_command.hpp"
#include "control/words/spelling.hpp"

namespace rb {

struct BatchOptions {
  std::string name;    // of the file, for messages
  bool force = false;  // continue behind a command that fails
  OutputOptions output;
  Spelling spelling = Spelling::kWhole;
};

/// Carries the lines out in order: changes that follow each other as one call of `batch`, commands that read when all
/// changes before them are done. Names the line that failed as `bridge -batch` does. False when any line failed.
[[nodiscard]] bool run_batch(std::istream& input, const BatchOptions& options, const CallDaemon& call,
                             std::ostream& out, std::ostream& err);

}  // namespace rb
