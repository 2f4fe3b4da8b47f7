// SPDX-License-Identifier: GPL-2.0-or-later
// Completion: the words that may stand at the end of a command line that is being typed.
//
// The shells call `rbctl --complete WORDS...`, with the word that is being typed last, and print what fits. All words
// come from the rows of the commands and settings; the names of bridges, ports and VLANs are asked from the daemon.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "control/rbctl/client.hpp"

namespace rb {

/// The candidates for the last of `words`, each once. `call` asks the daemon; while there is none, its error leaves the
/// candidates without names.
[[nodiscard]] std::vector<std::string> complete(std::span<const std::string> words, const CallDaemon& call);

/// The daemon's socket that the words choose by --socket; empty when they choose none.
[[nodiscard]] std::string socket_of(std::span<const std::string> words);

}  // namespace rb
