// SPDX-License-Identifier: GPL-2.0-or-later
// How far the words of a command may be shortened, which depends on who typed them.
#pragma once

#include <string>
#include <vector>

#include "switch/result.hpp"

namespace rb {

enum class Spelling {
  kWhole,   // scripts, files and brctl: every word is written out, so that a later command cannot change a meaning
  kPrefix,  // a person at a terminal: an unambiguous prefix of an object or a verb is enough
  kBridge,  // called as `bridge`: as iproute2 does it
  kIp,      // called as `ip`: likewise
};

/// Writes out the objects and verbs of a command. kInvalidArgument for an ambiguous prefix.
[[nodiscard]] Result<std::vector<std::string>> write_out(std::vector<std::string> words, Spelling spelling);

}  // namespace rb
