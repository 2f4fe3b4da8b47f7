// SPDX-License-Identifier: GPL-2.0-or-later
// The objects of docs/control-protocol.md, made from the switch model.
#pragma once

#include <nlohmann/json.hpp>

#include "control/model/switch_model.hpp"

namespace rb {

[[nodiscard]] nlohmann::json port_json(const SwitchModel& model, const ModelBridge& bridge, const ModelPort& port);
[[nodiscard]] nlohmann::json bridge_json(const SwitchModel& model, const ModelBridge& bridge);
[[nodiscard]] nlohmann::json fdb_entry_json(const SwitchModel& model, const FdbEntry& entry);
[[nodiscard]] nlohmann::json stats_json(const PortTotals& totals);
[[nodiscard]] std::optional<FdbKind> fdb_kind_of(std::string_view name) noexcept;
/// What a bridge's spanning tree is doing; of one without, only that.
[[nodiscard]] nlohmann::json tree_json(const SwitchModel& model, const ModelBridge& bridge);
/// A ModelEvent of kTree.
[[nodiscard]] nlohmann::json tree_event_json(const SwitchModel& model, const ModelEvent& event);
/// "8000.020000000010"
[[nodiscard]] std::string bridge_id_text(stp::BridgeId id);

}  // namespace rb
