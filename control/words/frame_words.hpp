// SPDX-License-Identifier: GPL-2.0-or-later
// Frames as they are written on a command line, for `rbctl trace`.
#pragma once

#include <string>

#include "control/words/word_parser.hpp"

namespace rb {

/// Reads the rest of the words as one frame: hex digits, or the fields `src MAC dst MAC [type NUMBER] [vlan VID]
/// [size OCTETS]` in any order (type 0x0800 and 60 octets when not said). Gives it as hex; "" after an error.
[[nodiscard]] std::string read_frame(WordParser& words);

}  // namespace rb
