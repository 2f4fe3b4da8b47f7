// SPDX-License-Identifier: GPL-2.0-or-later
// The methods bridge.* of the control protocol.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>

#include "control/api/commands.hpp"
#include "control/api/model_json.hpp"
#include "control/api/setting_params.hpp"

namespace rb {

using nlohmann::json;

Commands::Answer Commands::bridge_add(Params& params, Caller&) {
  const std::string name = params.text("name");
  const bool host_port = params.flag("host_port", true);
  params.finish();
  if (Result<> added = model_.add_bridge(name, host_port); !added) return std::unexpected(added.error());
  return json::object();
}

Commands::Answer Commands::bridge_delete(Params& params, Caller&) {
  const std::string name = params.text("name");
  params.finish();
  if (Result<> deleted = model_.delete_bridge(name); !deleted) return std::unexpected(deleted.error());
  return json::object();
}

Commands::Answer Commands::bridge_set(Params& params, Caller&) {
  const std::string name = params.text("name");
  const auto changes = read_settings(params, bridge_settings());
  const auto vlan_changes = read_settings(params, bridge_vlan_settings());
  params.finish();
  const Result<ModelBridge*> bridge = model_.find_bridge(name);
  if (!bridge) return std::unexpected(bridge.error());
  BridgeSettings settings = (*bridge)->settings;
  if (Result<> applied = changes.apply_to(settings, name); !applied) return std::unexpected(applied.error());
  BridgeVlanSettings vlans = (*bridge)->vlans;
  if (Result<> applied = vlan_changes.apply_to(vlans, name); !applied) return std::unexpected(applied.error());
  if (Result<> checked = check_settings(settings); !checked) return std::unexpected(checked.error());
  if (Result<> checked = SwitchModel::check_costs(**bridge, settings.path_costs); !checked)
    return std::unexpected(checked.error());
  const SwitchModel::Batch together(model_);
  if (Result<> set = model_.set_bridge_vlans(name, vlans); !set) return std::unexpected(set.error());
  if (Result<> set = model_.set_bridge(name, settings); !set) return std::unexpected(set.error());
  json warnings = json::array();
  const bool related =
      2 * (settings.forward_delay_s - 1) >= settings.max_age_s && settings.max_age_s >= 2 * (settings.hello_s + 1);
  const bool asked = std::ranges::any_of(std::array{"forward_delay_s", "hello_s", "max_age_s", "stp"},
                                         [&](const char* member) { return params.has(member); });
  if (asked && !related) {
    warnings.push_back(
        "2 * (forward delay - 1) >= max age >= 2 * (hello time + 1) does not hold (IEEE 802.1D-1998 8.10.2); spanning "
        "tree will not be dependable");
  }
  return json{{"warnings", std::move(warnings)}};
}

Commands::Answer Commands::bridge_list(Params& params, Caller&) {
  const std::optional<std::vector<std::string>> names = params.maybe_texts("names");
  params.finish();
  json bridges = json::array();
  if (names) {
    std::set<std::string> answered;  // each once: the answer stays in proportion to what there is
    for (const std::string& name : *names) {
      const Result<ModelBridge*> bridge = model_.find_bridge(name);
      if (!bridge) return std::unexpected(bridge.error());
      if (answered.insert(name).second) bridges.push_back(bridge_json(model_, **bridge));
    }
  } else {
    for (const ModelBridge* bridge : model_.bridges()) bridges.push_back(bridge_json(model_, *bridge));
  }
  return json{{"bridges", std::move(bridges)}};
}

Commands::Answer Commands::spanning_tree_list(Params& params, Caller&) {
  const std::optional<std::string> name = params.maybe_text("bridge");
  params.finish();
  const Result<Selection> selection = select(name, std::nullopt);
  if (!selection) return std::unexpected(selection.error());
  json bridges = json::array();
  for (const ModelBridge* bridge : model_.bridges()) {
    if (!name || bridge->name == *name) bridges.push_back(tree_json(model_, *bridge));
  }
  return json{{"bridges", std::move(bridges)}};
}

Commands::Answer Commands::spanning_tree_mcheck(Params& params, Caller&) {
  const std::string port = params.text("port");
  params.finish();
  const Result<ModelPort*> found = model_.find_port(port);
  if (!found) return std::unexpected(found.error());
  if (Result<> checked = model_.trees().check_migration(**found); !checked) return std::unexpected(checked.error());
  return json::object();
}

}  // namespace rb
