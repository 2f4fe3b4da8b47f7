// The methods bridge.* of the control protocol.
#include <fmt/core.h>

#include <set>

#include "control/commands.hpp"
#include "control/model_json.hpp"

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
  const std::optional<std::string> stp = params.maybe_text("stp");
  const Result<ModelBridge*> bridge = model_.find_bridge(name);
  BridgeSettings settings = bridge ? (*bridge)->settings : BridgeSettings{};
  settings.ageing_s = params.maybe_number("ageing_s").value_or(settings.ageing_s);
  settings.forward_delay_s = params.maybe_number("forward_delay_s").value_or(settings.forward_delay_s);
  settings.hello_s = params.maybe_number("hello_s").value_or(settings.hello_s);
  settings.max_age_s = params.maybe_number("max_age_s").value_or(settings.max_age_s);
  BridgeVlanSettings vlans = bridge ? (*bridge)->vlans : BridgeVlanSettings{};
  read_bridge_vlans(params, vlans);
  const std::optional<std::int64_t> priority = params.maybe_integer("priority", INT64_MIN, INT64_MAX);
  const std::optional<std::int64_t> mask = params.maybe_integer("group_fwd_mask", INT64_MIN, INT64_MAX);
  const std::optional<std::vector<std::string>> forward = params.maybe_texts("forward");
  params.finish();
  if (!bridge) return std::unexpected(bridge.error());
  if (stp && *stp != "off" && *stp != "on") throw InvalidParams{"'stp' must be \"off\" or \"on\""};
  if (stp == "on") {
    return fail(ErrorCode::kNotSupported,
                fmt::format("spanning tree is not there yet, so it stays off on {}; without it a loop between switches "
                            "has to be avoided by hand",
                            name),
                name);
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
  const SwitchModel::Batch together(model_);
  if (Result<> set = model_.set_bridge_vlans(name, vlans); !set) return std::unexpected(set.error());
  if (Result<> set = model_.set_bridge(name, settings); !set) return std::unexpected(set.error());
  json warnings = json::array();
  const bool related =
      2 * (settings.forward_delay_s - 1) >= settings.max_age_s && settings.max_age_s >= 2 * (settings.hello_s + 1);
  if (!related) {
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

}  // namespace rb
