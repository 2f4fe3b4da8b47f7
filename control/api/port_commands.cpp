// SPDX-License-Identifier: GPL-2.0-or-later
// The methods port.* of the control protocol.
#include <fmt/core.h>

#include <algorithm>

#include "control/api/commands.hpp"
#include "control/api/model_json.hpp"
#include "control/api/setting_params.hpp"
#include "control/words/port_kinds.hpp"
#include "ports/base/netns.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// A label is printed, and stands in a dump as an option of a port.
Result<> check_netns_label(const std::string& label) {
  constexpr std::size_t kMaxLabel = 4096;  // bytes; PATH_MAX
  const bool printable = std::ranges::none_of(label, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
  if (label.size() <= kMaxLabel && printable && label.find(',') == std::string::npos) return {};
  return fail(ErrorCode::kInvalidArgument,
              "the name of a network namespace cannot hold commas or control characters, nor be longer than a path");
}

/// The kind of a port that is asked for; a plain name is read with the options of a tap.
const PortKindWords& read_kind(Params& params) {
  const std::optional<std::string> name = params.maybe_text("kind");
  const PortKindWords* const kind = find_port_kind(name.value_or("tap"));
  if (kind != nullptr) return *kind;
  throw RefusedParams{{ErrorCode::kNotSupported,
                       fmt::format("port kind '{}' is not known; there are {}", *name, port_kind_names()), *name}};
}

PortOptions read_options(Params& params, const PortKindWords& kind) {
  const bool has_address = kind.subject == PortKindWords::Subject::kAddress;
  const std::string name = params.text("name");
  PortOptions options(kind, name, has_address ? params.text("address") : std::string());
  for (const PortOption& option : kind.options) {
    const json* const value = params.maybe(std::string(option.name).c_str());
    if (value == nullptr) continue;
    if (const Result<> checked = check_port_option(option, *value); !checked)
      throw InvalidParams{checked.error().message};
    options.set(option.name, *value);
  }
  return options;
}

/// The namespace that comes with a request, or that a configuration names; null: the daemon's own.
Result<std::shared_ptr<UniqueFd>> take_netns(const std::optional<std::int64_t> place, const std::string& label,
                                             Caller& caller) {
  if (place) {
    const auto number = static_cast<std::size_t>(*place);
    if (number < caller.descriptors.size() && caller.descriptors[number])
      return std::make_shared<UniqueFd>(std::move(caller.descriptors[number]));
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("netns_fd {} names no descriptor that came with the request", *place));
  }
  if (label.empty()) return nullptr;
  if (!caller.is_configuration) {
    return fail(ErrorCode::kInvalidArgument,
                "a namespace comes as an open descriptor (netns_fd), so that the caller's own rights decide; rbctl "
                "does that");
  }
  Result<UniqueFd> opened = open_netns(label);
  if (!opened) return std::unexpected(opened.error());
  return std::make_shared<UniqueFd>(std::move(*opened));
}

}  // namespace

Result<PortRequest> Commands::port_request(const json& object, Caller& caller) {
  Params params(object);
  const PortKindWords& kind = read_kind(params);
  PortRequest request{.options = read_options(params, kind)};
  std::optional<std::int64_t> place;
  if (kind.option("netns") != nullptr) place = params.maybe_integer("netns_fd", 0, 1000);
  params.finish();
  if (Result<> checked = check_port_options(kind, object); !checked) return std::unexpected(checked.error());
  // A plain name whose options say nothing of taps may prove to be another interface.
  if (!params.has("kind") && request.options.fits(any_port_kind())) request.options.set_kind(any_port_kind());
  const std::string label = request.options.text("netns");
  if (Result<> checked = check_netns_label(label); !checked) return std::unexpected(checked.error());
  Result<std::shared_ptr<UniqueFd>> netns = take_netns(place, label, caller);
  if (!netns) return std::unexpected(netns.error());
  request.netns = std::move(*netns);
  request.may_be_missing = caller.is_configuration;
  return request;
}

Commands::Answer Commands::port_add(Params& params, Caller& caller) {
  const std::string bridge = params.text("bridge");
  const json& object = params.object("port");
  params.finish();
  Result<PortRequest> request = port_request(object, caller);
  if (!request) return std::unexpected(request.error());
  if (Result<> added = model_.add_port(bridge, std::move(*request)); !added) return std::unexpected(added.error());
  return json::object();
}

Commands::Answer Commands::port_delete(Params& params, Caller&) {
  const std::string bridge = params.text("bridge"), name = params.text("name");
  params.finish();
  if (Result<> deleted = model_.delete_port(bridge, name); !deleted) return std::unexpected(deleted.error());
  return json::object();
}

Commands::Answer Commands::port_set(Params& params, Caller&) {
  const std::string name = params.text("name");
  const std::optional<std::string> bridge_name = params.maybe_text("bridge");
  const auto changes = read_settings(params, port_settings());
  const auto vlan_changes = read_settings(params, port_vlan_settings());
  params.finish();
  const Result<ModelPort*> port = model_.find_port(name);
  if (bridge_name) {
    const Result<ModelBridge*> bridge = model_.find_bridge(*bridge_name);
    if (!bridge) return std::unexpected(bridge.error());
    if (!port || (*port)->bridge != (*bridge)->index)
      return fail(ErrorCode::kNoSuchPort, fmt::format("{} is not a port of {}", name, *bridge_name), name);
  }
  if (!port) return std::unexpected(port.error());
  PortSettings settings = (*port)->settings;
  if (Result<> applied = changes.apply_to(settings, name); !applied) return std::unexpected(applied.error());
  PortVlanSettings vlans = (*port)->vlans;
  if (Result<> applied = vlan_changes.apply_to(vlans, name); !applied) return std::unexpected(applied.error());
  if (changes.has("state")) {
    if (Result<> checked = model_.trees().check_state(**port, settings.state); !checked)
      return std::unexpected(checked.error());
  }
  const SwitchModel::Batch together(model_);
  if (Result<> set = model_.set_port(name, settings); !set) return std::unexpected(set.error());
  // Who sets the state or the guard has seen that the guard closed the port, and opens the port again.
  if (changes.has("state") || changes.has("guard")) model_.reopen_port(**port);
  if ((*port)->vlans != vlans) {
    if (Result<> set = model_.set_port_vlans(name, vlans); !set) return std::unexpected(set.error());
  }
  return json::object();
}

Commands::Answer Commands::port_list(Params& params, Caller&) {
  const std::optional<std::string> bridge_name = params.maybe_text("bridge"), name = params.maybe_text("name");
  params.finish();
  const Result<Selection> selection = select(bridge_name, name);
  if (!selection) return std::unexpected(selection.error());
  json ports = json::array();
  for (const ModelBridge* bridge : model_.bridges()) {
    if (bridge_name && bridge->name != *bridge_name) continue;
    for (const ModelPort* port : bridge->port_list(WithHost::kNo)) {
      if (!name || port->name == *name) ports.push_back(port_json(model_, *bridge, *port));
    }
  }
  return json{{"ports", std::move(ports)}};
}

Result<Commands::Selection> Commands::select(const std::optional<std::string>& bridge,
                                             const std::optional<std::string>& port) {
  Selection selection;
  if (bridge) {
    const Result<ModelBridge*> found = model_.find_bridge(*bridge);
    if (!found) return std::unexpected(found.error());
    selection.bridge = *found;
  }
  if (port) {
    const Result<ModelPort*> found = model_.find_port(*port);
    if (!found) return std::unexpected(found.error());
    selection.port = *found;
  }
  return selection;
}

}  // namespace rb
