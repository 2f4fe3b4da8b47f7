// SPDX-License-Identifier: GPL-2.0-or-later
// The words about VLANs in the commands that change something; command_line.hpp has the commands.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "control/words/command_line.hpp"
#include "control/words/word_parser.hpp"

namespace rb {

// Whole commands: the words behind their names.

Requests add_vlans(WordParser& words);
Requests delete_vlans(WordParser& words);
Requests add_translation(WordParser& words);
Requests delete_translation(WordParser& words);
Requests set_private_vlan(WordParser& words);
/// A port's VLANs in the words of a switch's console.
Requests set_port_mode(WordParser& words);

/// "lldp,lacp" as a list; "none" and nothing are the empty list.
[[nodiscard]] nlohmann::json split_list(std::string_view text);

}  // namespace rb
