// SPDX-License-Identifier: GPL-2.0-or-later
// rbctl's own options, and its help.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "control/rbctl/read_command.hpp"

namespace rb {

struct RbctlOptions {
  std::string socket;  // path
  OutputOptions output;
  bool help = false;
  bool version = false;
  std::string batch;               // -batch: a file of commands, or "-"
  bool force = false;              // -force: a batch goes on behind what fails
  std::vector<std::string> words;  // the command, in the order it was written
};

/// Reads the arguments behind the program's name. Options may stand before, within and behind the command; what is no
/// option of rbctl is left to the command. The socket is --socket, else RINGBRIDGE_SOCKET, else the default.
/// kInvalidArgument for an option without its value.
[[nodiscard]] Result<RbctlOptions> parse_rbctl_options(const std::vector<std::string>& arguments);

/// What --help prints.
[[nodiscard]] std::string rbctl_help();

/// The path of the daemon's socket: RINGBRIDGE_SOCKET, or /run/ringbridge/control.sock.
[[nodiscard]] std::string default_socket_path();

}  // namespace rb
