// SPDX-License-Identifier: GPL-2.0-or-later
// The text that `rbctl spanning-tree` prints: a bridge's tree as a table of its ports.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace rb {

/// One Tree (docs/control-protocol.md); throws nlohmann::json::exception for an object that lacks a member.
[[nodiscard]] std::string spanning_tree_text(const nlohmann::json& bridge);

}  // namespace rb
