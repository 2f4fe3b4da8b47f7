// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/api/commands.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "control/api/config_dump.hpp"
#include "control/api/model_json.hpp"
#include "ports/tap/tap_device.hpp"
#include "switch/trace.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// Large enough for any frame a tap can carry.
constexpr std::size_t kMaxTracedFrame = 65550;

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::vector<std::byte> octets_of(const std::string& hex) {
  if (hex.size() % 2 != 0) throw InvalidParams{"'frame' has an odd number of hex digits"};
  if (hex.size() / 2 > kMaxTracedFrame)
    throw InvalidParams{fmt::format("'frame' is longer than {} octets", kMaxTracedFrame)};
  std::vector<std::byte> octets(hex.size() / 2);
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const int high = digit_of(hex[2 * i]), low = digit_of(hex[2 * i + 1]);
    if (high < 0 || low < 0) throw InvalidParams{"'frame' must be hex digits"};
    octets[i] = static_cast<std::byte>(high << 4 | low);
  }
  return octets;
}

}  // namespace

const std::map<std::string, Commands::Method> Commands::kMethods = {
    {"daemon.info", {Right::kRead, &Commands::daemon_info}},
    {"bridge.add", {Right::kChange, &Commands::bridge_add}},
    {"bridge.delete", {Right::kChange, &Commands::bridge_delete}},
    {"bridge.set", {Right::kChange, &Commands::bridge_set}},
    {"bridge.list", {Right::kRead, &Commands::bridge_list}},
    {"port.add", {Right::kChange, &Commands::port_add}},
    {"port.delete", {Right::kChange, &Commands::port_delete}},
    {"port.set", {Right::kChange, &Commands::port_set}},
    {"port.list", {Right::kRead, &Commands::port_list}},
    {"spanning_tree.list", {Right::kRead, &Commands::spanning_tree_list}},
    {"spanning_tree.mcheck", {Right::kChange, &Commands::spanning_tree_mcheck}},
    {"vlan.add", {Right::kChange, &Commands::vlan_add}},
    {"vlan.delete", {Right::kChange, &Commands::vlan_delete}},
    {"vlan.list", {Right::kRead, &Commands::vlan_list}},
    {"vlan.mode", {Right::kChange, &Commands::vlan_mode}},
    {"vlan.map.add", {Right::kChange, &Commands::vlan_map_add}},
    {"vlan.map.delete", {Right::kChange, &Commands::vlan_map_delete}},
    {"vlan.private", {Right::kChange, &Commands::vlan_private}},
    {"vlan.private.list", {Right::kRead, &Commands::vlan_private_list}},
    {"fdb.list", {Right::kRead, &Commands::fdb_list}},
    {"fdb.get", {Right::kRead, &Commands::fdb_get}},
    {"fdb.add", {Right::kChange, &Commands::fdb_add}},
    {"fdb.replace", {Right::kChange, &Commands::fdb_replace}},
    {"fdb.delete", {Right::kChange, &Commands::fdb_delete}},
    {"fdb.flush", {Right::kChange, &Commands::fdb_flush}},
    {"stats.get", {Right::kRead, &Commands::stats_get}},
    {"stats.clear", {Right::kChange, &Commands::stats_clear}},
    {"trace", {Right::kRead, &Commands::trace}},
    {"tap.add", {Right::kChange, &Commands::tap_add}},
    {"tap.delete", {Right::kChange, &Commands::tap_delete}},
    {"monitor", {Right::kRead, &Commands::monitor}},
    {"batch", {Right::kChange, &Commands::batch}},
    {"config.dump", {Right::kRead, &Commands::config_dump}},
};

Commands::Commands(SwitchModel& model, FdbListener fdb_changed) : model_(model), fdb_changed_(std::move(fdb_changed)) {}

const Right* Commands::right_of(const std::string& method) const {
  const auto found = kMethods.find(method);
  return found == kMethods.end() ? nullptr : &found->second.right;
}

std::expected<json, RpcError> Commands::call(const std::string& method, const json& object, Caller& caller) {
  const auto found = kMethods.find(method);
  if (found == kMethods.end())
    return std::unexpected(RpcError{kRpcMethodNotFound, fmt::format("there is no method '{}'", method), {}, {}});
  // A caller who has just set a link up or down expects to find the link so. Within a batch only its commands change
  // the switch.
  if (!model_.changes().in_batch()) model_.devices().take_link_events();
  // Params throws InvalidParams before a method changes anything; this is the border where it is caught.
  try {
    Params params(object);
    Answer answer = (this->*found->second.function)(params, caller);
    if (!answer) return std::unexpected(to_rpc_error(answer.error()));
    return *std::move(answer);
  } catch (const InvalidParams& refusal) {
    return std::unexpected(RpcError{kRpcInvalidParams, fmt::format("{}: {}", method, refusal.message), {}, {}});
  } catch (const RefusedParams& refusal) {
    return std::unexpected(to_rpc_error(refusal.error));
  } catch (const json::exception& bug) {
    // Params has read every member by its type, so this is a mistake of ours; it shall not end the switch.
    return std::unexpected(RpcError{kRpcInternalError, fmt::format("{}: {}", method, bug.what()), {}, {}});
  }
}

Commands::Answer Commands::daemon_info(Params& params, Caller&) {
  params.finish();
  Engine& engine = model_.engine();
  const std::chrono::duration<double> uptime = std::chrono::steady_clock::now() - started_;
  return json{{"version", RB_VERSION},
              {"pid", getpid()},
              {"workers", engine.worker_count()},
              {"io", engine.describe()},
              {"fdb_size", engine.fdb().capacity()},
              {"fdb_used", engine.fdb().size()},
              {"uptime_s", uptime.count()},
              {"lost_events", engine.lost_events()},
              {"notices", model_.notices().list()}};
}

// Looking.

Commands::Answer Commands::stats_get(Params& params, Caller&) {
  const std::optional<std::string> bridge_name = params.maybe_text("bridge"), port_name = params.maybe_text("port");
  params.finish();
  const Result<Selection> selection = select(bridge_name, port_name);
  if (!selection) return std::unexpected(selection.error());
  json ports = json::array();
  for (const ModelBridge* bridge : model_.bridges()) {
    if (bridge_name && bridge->name != *bridge_name) continue;
    for (const ModelPort* port : bridge->port_list(WithHost::kYes)) {
      if (port_name && port->name != *port_name) continue;
      json object = stats_json(model_.engine().counters(port->index));
      object["name"] = port->name;
      object["bridge"] = bridge->name;
      ports.push_back(std::move(object));
    }
  }
  return json{{"ports", std::move(ports)}};
}

Commands::Answer Commands::stats_clear(Params& params, Caller&) {
  const std::optional<std::string> port_name = params.maybe_text("port");
  params.finish();
  if (port_name) {
    const Result<ModelPort*> port = model_.find_port(*port_name);
    if (!port) return std::unexpected(port.error());
    model_.engine().clear_counters({&(*port)->index, 1});
    return json::object();
  }
  std::vector<PortIndex> all;
  for (const ModelBridge* bridge : model_.bridges()) {
    for (const ModelPort* port : bridge->port_list(WithHost::kYes)) all.push_back(port->index);
  }
  model_.engine().clear_counters(all);
  return json::object();
}

Commands::Answer Commands::trace(Params& params, Caller&) {
  const std::string bridge_name = params.text("bridge"), port_name = params.text("port");
  const std::vector<std::byte> frame = octets_of(params.text("frame"));
  VnetHeader vnet;
  if (const json* object = params.maybe_object("vnet")) {
    Params members(*object);
    vnet.flags = static_cast<std::uint8_t>(members.maybe_integer("flags", 0, 255).value_or(0));
    vnet.gso_type = static_cast<std::uint8_t>(members.maybe_integer("gso_type", 0, 255).value_or(0));
    vnet.hdr_len = static_cast<std::uint16_t>(members.maybe_integer("hdr_len", 0, 65535).value_or(0));
    vnet.gso_size = static_cast<std::uint16_t>(members.maybe_integer("gso_size", 0, 65535).value_or(0));
    vnet.csum_start = static_cast<std::uint16_t>(members.maybe_integer("csum_start", 0, 65535).value_or(0));
    vnet.csum_offset = static_cast<std::uint16_t>(members.maybe_integer("csum_offset", 0, 65535).value_or(0));
    members.finish();
  }
  params.finish();
  const Result<ModelBridge*> bridge = model_.find_bridge(bridge_name);
  if (!bridge) return std::unexpected(bridge.error());
  const Result<ModelPort*> port = model_.find_port(port_name);
  if (!port || (*port)->bridge != (*bridge)->index)
    return fail(ErrorCode::kNoSuchPort, fmt::format("{} is not a port of {}", port_name, bridge_name), port_name);
  const auto name_of = [this](PortIndex index) {
    const ModelPort* named = model_.port_at(index);
    return named != nullptr ? named->name : fmt::format("port index {}", index);
  };
  Engine& engine = model_.engine();
  const Trace traced = trace_frame(frame, vnet, (*port)->index, engine.state(), engine.fdb(), engine.now_s(), name_of,
                                   engine.trace_stages());
  json steps = json::array(), egress = json::array();
  if (!(*port)->settings.carrier) {
    const std::string why = fmt::format("the carrier of {} is off, so the switch reads no frame there", port_name);
    steps.push_back({{"stage", "carrier"}, {"text", why}});
  }
  for (const TraceStep& step : traced.steps) steps.push_back({{"stage", step.stage}, {"text", step.text}});
  for (const PortIndex index : traced.egress) egress.push_back(name_of(index));
  return json{{"steps", std::move(steps)},
              {"egress", std::move(egress)},
              {"drop", traced.drop ? json(drop_reason_name(*traced.drop)) : json()}};
}

// The rest.

Commands::Answer Commands::tap_add(Params& params, Caller&) {
  TapOptions options;
  options.name = params.text("name");
  if (const auto owner = params.maybe_integer("owner", 0, UINT32_MAX - 1))
    options.owner = static_cast<std::uint32_t>(*owner);
  if (const auto group = params.maybe_integer("group", 0, UINT32_MAX - 1))
    options.group = static_cast<std::uint32_t>(*group);
  options.multi_queue = params.flag("multi_queue", false);
  params.finish();
  if (Result<> added = add_persistent_tap(options); !added) return std::unexpected(added.error());
  made_taps_.push_back(options.name);
  return json::object();
}

Commands::Answer Commands::tap_delete(Params& params, Caller&) {
  const std::string name = params.text("name");
  params.finish();
  if (const Result<ModelPort*> port = model_.find_port(name); port) {
    return fail(ErrorCode::kBusy,
                fmt::format("{} is a port of bridge {}; 'delif' takes it out first", name,
                            model_.bridge_at((*port)->bridge)->name),
                name);
  }
  if (Result<> deleted = delete_tap(name, -1); !deleted) return std::unexpected(deleted.error());
  return json::object();
}

void Commands::undo_made_taps() {
  model_.devices().undo_all();
  for (const std::string& name : made_taps_) (void)delete_tap(name, -1);
  made_taps_.clear();
}

Commands::Answer Commands::monitor(Params& params, Caller& caller) {
  static const std::vector<std::string> kAll = {"fdb", "port", "bridge", "stp", "loop"};
  const std::vector<std::string> kinds = params.maybe_texts("kinds").value_or(kAll);
  params.finish();
  for (const std::string& kind : kinds) {
    if (std::ranges::find(kAll, kind) == kAll.end())
      throw InvalidParams{fmt::format("'kinds' knows fdb, port, bridge, stp and loop, not '{}'", kind)};
  }
  caller.subscribes = true;
  for (const std::string& kind : kAll) {
    if (std::ranges::find(kinds, kind) != kinds.end()) caller.kinds.push_back(kind);
  }
  return json::object();
}

Commands::Answer Commands::batch(Params& params, Caller& caller) {
  const bool go_on = params.flag("continue", false);
  const json* requests = params.has("requests") ? &params.raw().at("requests") : nullptr;
  params.finish();
  if (requests == nullptr || !requests->is_array()) throw InvalidParams{"'requests' must be a list"};
  // What is no request at all is refused before any is carried out.
  static const json kNone = json::object();
  std::vector<std::pair<std::string, const json*>> calls;
  for (const json& request : *requests) {
    Params members(request.is_object() ? request : throw InvalidParams{"each of 'requests' must be an object"});
    const std::string method = members.text("method");
    const json* const own = members.maybe_object("params");
    members.finish();
    // Answers to what looks would add up without bound.
    const Right* const right = right_of(method);
    if (method == "batch" || (right != nullptr && *right != Right::kChange))
      throw InvalidParams{fmt::format("'{}' cannot stand in a batch, which only changes", method)};
    calls.emplace_back(method, own == nullptr ? &kNone : own);
  }
  json answers = json::array();
  const SwitchModel::Batch together(model_);
  for (const auto& [method, own] : calls) {
    auto answer = call(method, *own, caller);
    answers.push_back(answer ? json{{"result", *std::move(answer)}} : json{{"error", error_json(answer.error())}});
    if (answers.back().contains("error") && !go_on) break;
    if (caller.let_urgent_happen) model_.changes().let_others_change(caller.let_urgent_happen);
  }
  return json{{"answers", std::move(answers)}};
}

Commands::Answer Commands::config_dump(Params& params, Caller&) {
  params.finish();
  return json{{"lines", dump_configuration(model_)}};
}

}  // namespace rb
