// SPDX-License-Identifier: GPL-2.0-or-later
// The text and the JSON of `bridge vlan`, and of what rbctl has beyond it, from vlan.list and vlan.private.list.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "control/rbctl/bridge_text.hpp"

namespace rb {

/// A result of vlan.list as `bridge vlan show` prints it; with statistics, or with ranges, as its options say.
[[nodiscard]] std::string vlan_text(const nlohmann::json& result, const BridgeTextOptions& options);
[[nodiscard]] OrderedJson vlan_json(const nlohmann::json& result, const BridgeTextOptions& options);

/// Which VIDs are others on the wire: a line each.
[[nodiscard]] std::string vlan_map_text(const nlohmann::json& result, const BridgeTextOptions& options);
[[nodiscard]] OrderedJson vlan_map_json(const nlohmann::json& result, const BridgeTextOptions& options);

/// A result of vlan.private.list, a line a VLAN.
[[nodiscard]] std::string private_vlan_text(const nlohmann::json& result, const BridgeTextOptions& options);
[[nodiscard]] OrderedJson private_vlan_json(const nlohmann::json& result, const BridgeTextOptions& options);

}  // namespace rb
