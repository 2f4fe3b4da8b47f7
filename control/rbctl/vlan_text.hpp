// SPDX-License-Identifier: GPL-2.0-or-later
// The text and the JSON of `bridge vlan`, of `vlan map` and of `vlan private`, from vlan.list and vlan.private.list.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "control/rbctl/bridge_text.hpp"

namespace rb {

/// A result of vlan.list as `bridge vlan show` prints it; with statistics, or with ranges, as its options say.
[[nodiscard]] std::string vlan_text(const nlohmann::json& result, const BridgeTextOptions& options);
[[nodiscard]] OrderedJson vlan_json(const nlohmann::json& result, const BridgeTextOptions& options);

/// The VIDs that differ on the wire, a line for each.
[[nodiscard]] std::string vlan_map_text(const nlohmann::json& result, const BridgeTextOptions& options);
[[nodiscard]] OrderedJson vlan_map_json(const nlohmann::json& result, const BridgeTextOptions& options);

/// A result of vlan.private.list, a line for each VLAN.
[[nodiscard]] std::string private_vlan_text(const nlohmann::json& result, const BridgeTextOptions& options);
[[nodiscard]] OrderedJson private_vlan_json(const nlohmann::json& result, const BridgeTextOptions& options);

}  // namespace rb
