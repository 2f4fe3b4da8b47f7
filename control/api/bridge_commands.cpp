// SPDX-License-Identifier: GPL-2.0-or-later
// The methods bridge.* of the control protocol.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>

#include "control/api/commands.hpp"
#include "control/api/model_json.hpp"

namespace rb {

using nlohmann::json;

namespace {

StpMode read_stp(const std::string& name) {
  for (const StpMode mode : {StpMode::kOff, StpMode::kOn, StpMode::kRstp}) {
    if (stp_mode_name(mode) == name) return mode;
  }
  throw InvalidParams{"'stp' must be \"off\", \"on\" or \"rstp\""};
}

void read_loop(Params& params, LoopSettings& loop) {
  const std::optional<double> probe_s = params.maybe_number("loop_probe_s");
  loop.hold_s = params.maybe_number("loop_hold_s").value_or(loop.hold_s);
  if (const std::optional<std::string> name = params.maybe_text("loop_guard")) {
    const std::optional<LoopAction> action = loop_action_of(*name);
    if (!action) throw InvalidParams{"'loop_guard' must be \"off\", \"report\" or \"block\""};
    // What is found by probes alone asks for them.
    if (*action == LoopAction::kBlock && loop.probe_s == 0) loop.probe_s = LoopSettings::kUsualProbe_s;
    loop.action = *action;
  }
  loop.probe_s = probe_s.value_or(loop.probe_s);
}

}  // namespace

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
  const std::optional<std::string> stp = params.maybe_text("stp"), path_cost = params.maybe_text("path_cost");
  const Result<ModelBridge*> bridge = model_.find_bridge(name);
  BridgeSettings settings = bridge ? (*bridge)->settings : BridgeSettings{};
  settings.ageing_s = params.maybe_number("ageing_s").value_or(settings.ageing_s);
  settings.forward_delay_s = params.maybe_number("forward_delay_s").value_or(settings.forward_delay_s);
  settings.hello_s = params.maybe_number("hello_s").value_or(settings.hello_s);
  settings.max_age_s = params.maybe_number("max_age_s").value_or(settings.max_age_s);
  read_loop(params, settings.loop);
  BridgeVlanSettings vlans = bridge ? (*bridge)->vlans : BridgeVlanSettings{};
  read_bridge_vlans(params, vlans);
  const std::optional<std::int64_t> priority = params.maybe_integer("priority", INT64_MIN, INT64_MAX);
  const std::optional<std::int64_t> mask = params.maybe_integer("group_fwd_mask", INT64_MIN, INT64_MAX);
  const std::optional<std::vector<std::string>> forward = params.maybe_texts("forward");
  params.finish();
  if (!bridge) return std::unexpected(bridge.error());
  if (stp) settings.stp = read_stp(*stp);
  if (path_cost) {
    const std::optional<PathCosts> costs = path_costs_of(*path_cost);
    if (!costs) throw InvalidParams{"'path_cost' must be \"short\" or \"long\""};
    settings.path_costs = *costs;
  }
  if (priority) {
    if (*priority < 0 || *priority > 65535) {
      return fail(ErrorCode::kOutOfRange,
                  fmt::format("bridge priority {} is out of range; it can be 0 to 65535", *priority), name);
    }
    settings.priority = static_cast<std::uint16_t>(*priority);
  }
  if (mask) {
    if (Result<> checked = check_group_fwd_mask(*mask); !checked) return std::unexpected(checked.error());
    settings.group_fwd_mask = static_cast<std::uint16_t>(*mask);
  }
  if (forward) {
    const Result<std::uint16_t> named = group_fwd_mask_of(*forward);
    if (!named) return std::unexpected(named.error());
    settings.group_fwd_mask = *named;
  }
  if (Result<> checked = check_settings(settings); !checked) return std::unexpected(checked.error());
  if (Result<> checked = model_.check_costs(**bridge, settings.path_costs); !checked)
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
  if (Result<> checked = model_.check_migration(port); !checked) return std::unexpected(checked.error());
  return json::object();
}

}  // namespace rb
