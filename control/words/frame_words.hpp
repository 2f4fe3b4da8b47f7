// SPDX-License-Identifier: GPL-2.0-or-later
// Frames as they are written on a command line, for `rbctl trace`.
#pragma once

#include <span>
#include <string>

#include "control/words/command.hpp"
#include "control/words/word_parser.hpp"

namespace rb {

/// The fields of a frame, which may stand in any order.
[[nodiscard]] std::span<const Argument> frame_fields();

/// Reads the rest of the words as one frame: hex digits, or fields. Gives the frame as hex; "" after an error.
[[nodiscard]] std::string read_frame(WordParser& words);

}  // namespace rb
