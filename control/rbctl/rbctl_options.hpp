// SPDX-License-Identifier: GPL-2.0-or-later
// rbctl's own options.
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
  bool force = false;              // -force: a batch goes on behind a command that fails
  std::string reference;           // --reference: a page of docs/ to print
  std::vector<std::string> words;  // the command, in the order it was written
};

/// Reads the arguments behind the program's name. Options may stand before, within and behind the command; what is no
/// option of rbctl is left to the command. The socket is --socket, else RINGBRIDGE_SOCKET, else the default.
/// kInvalidArgument for an option without its value.
[[nodiscard]] Result<RbctlOptions> parse_rbctl_options(const std::vector<std::string>& arguments);

/// The options, a line each, for --help.
[[nodiscard]] std::string options_help();

/// The options as completion offers them: "--json".
[[nodiscard]] std::vector<std::string> option_names();
/// Whether a value stands behind this option, in any of its spellings.
[[nodiscard]] bool takes_value(const std::string& option);
/// Whether a word that looks like an option is an argument of a command.
[[nodiscard]] bool belongs_to_command(const std::string& word);

/// The path of the daemon's socket: RINGBRIDGE_SOCKET, or /run/ringbridge/control.sock.
[[nodiscard]] std::string default_socket_path();

}  // namespace rb
