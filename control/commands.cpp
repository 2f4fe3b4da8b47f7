#include "control/commands.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "control/config_dump.hpp"
#include "control/model_json.hpp"
#include "control/port_spec.hpp"
#include "switch/trace.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// Large enough for any frame a tap can carry.
constexpr std::size_t kMaxTracedFrame = 65550;
/// Entries in one answer; each takes about a kilobyte while the answer is made.
constexpr std::size_t kMaxListed = 2000000;

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

FdbKind read_kind(Params& params, FdbKind otherwise) {
  const std::optional<std::string> name = params.maybe_text("kind");
  if (!name) return otherwise;
  const std::optional<FdbKind> kind = fdb_kind_of(*name);
  if (!kind) throw InvalidParams{"'kind' must be dynamic, static or local"};
  return *kind;
}

StpState read_state(Params& params, const json& object, StpState otherwise) {
  const auto member = object.find("state");
  if (member != object.end() && member->is_string()) {
    const std::string name = params.text("state");
    for (const StpState state :
         {StpState::kDisabled, StpState::kListening, StpState::kLearning, StpState::kForwarding, StpState::kBlocking}) {
      if (stp_state_name(state) == name) return state;
    }
    throw InvalidParams{"'state' must be disabled, listening, learning, forwarding or blocking"};
  }
  return static_cast<StpState>(params.maybe_integer("state", 0, 4).value_or(static_cast<int>(otherwise)));
}

/// The local entry by which frames find the bridge's own interface.
bool is_own_address(const ModelBridge& bridge, const MacAddress& mac) {
  return bridge.host_port != nullptr && bridge.address() == mac;
}

std::unexpected<Error> own_address_stays(const ModelBridge& bridge) {
  const std::string mac = to_string(bridge.address());
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} is the address of {} itself; its entry follows 'ip link set {} address'", mac,
                          bridge.name, bridge.name),
              mac);
}

/// A label is printed, and stands in a dump as an option of a port.
Result<> check_netns_label(const std::string& label) {
  constexpr std::size_t kMaxLabel = 4096;  // octets; PATH_MAX
  const bool printable = std::ranges::none_of(label, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
  if (label.size() <= kMaxLabel && printable && label.find(',') == std::string::npos) return {};
  return fail(ErrorCode::kInvalidArgument,
              "the name of a network namespace cannot hold commas or control characters, nor be longer than a path");
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
    {"config.dump", {Right::kRead, &Commands::config_dump}},
};

Commands::Commands(SwitchModel& model) : model_(model) {}

const Right* Commands::right_of(const std::string& method) const {
  const auto found = kMethods.find(method);
  return found == kMethods.end() ? nullptr : &found->second.right;
}

std::expected<json, RpcError> Commands::call(const std::string& method, const json& object, Caller& caller) {
  const auto found = kMethods.find(method);
  if (found == kMethods.end())
    return std::unexpected(RpcError{kRpcMethodNotFound, fmt::format("there is no method '{}'", method), {}, {}});
  // Who has just set a link up or down expects to find it so.
  model_.take_link_events();
  // Params throws InvalidParams before a method changes anything; this is the border where it is caught.
  try {
    Params params(object);
    Answer answer = (this->*found->second.function)(params, caller);
    if (!answer) return std::unexpected(to_rpc_error(answer.error()));
    return *std::move(answer);
  } catch (const InvalidParams& refusal) {
    return std::unexpected(RpcError{kRpcInvalidParams, fmt::format("{}: {}", method, refusal.message), {}, {}});
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
              {"notices", model_.notices()}};
}

// Bridges.

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

// Ports.

Result<PortSpec> Commands::port_spec(const json& object, Caller& caller) {
  Params params(object);
  PortSpec spec;
  const std::string kind = params.maybe_text("kind").value_or("tap");
  spec.tap.name = params.text("name");
  spec.tap.create = params.flag("create", false);
  spec.tap.persistent = params.flag("persistent", false);
  spec.may_exist = spec.tap.create && spec.tap.persistent;
  spec.tap.offload = params.flag("offload", true);
  if (const auto owner = params.maybe_integer("owner", 0, UINT32_MAX - 1))
    spec.tap.owner = static_cast<std::uint32_t>(*owner);
  if (const auto group = params.maybe_integer("group", 0, UINT32_MAX - 1))
    spec.tap.group = static_cast<std::uint32_t>(*group);
  spec.tap.queue_count = static_cast<unsigned>(params.maybe_integer("queues", 1, 256).value_or(1));
  spec.netns_label = params.maybe_text("netns").value_or("");
  const std::optional<std::int64_t> place = params.maybe_integer("netns_fd", 0, 1000);
  params.finish();
  if (Result<> checked = check_netns_label(spec.netns_label); !checked) return std::unexpected(checked.error());
  if (kind != "tap")
    return fail(ErrorCode::kNotSupported, fmt::format("port kind '{}' is not known; 'tap' is", kind), kind);
  if (!spec.tap.create && (spec.tap.persistent || spec.tap.owner || spec.tap.group)) {
    return fail(ErrorCode::kInvalidArgument,
                "persistent, owner and group belong to a tap that is made; say 'create' too, or leave them out",
                spec.tap.name);
  }
  if (place) {
    if (static_cast<std::size_t>(*place) >= caller.descriptors.size() ||
        !caller.descriptors[static_cast<std::size_t>(*place)]) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("netns_fd {} names no descriptor that came with the request", *place));
    }
    spec.netns = std::make_shared<UniqueFd>(std::move(caller.descriptors[static_cast<std::size_t>(*place)]));
  } else if (!spec.netns_label.empty()) {
    if (!caller.opens_namespaces) {
      return fail(ErrorCode::kInvalidArgument,
                  "a namespace comes as an open descriptor (netns_fd), so that the caller's own rights decide; rbctl "
                  "does that");
    }
    Result<UniqueFd> opened = open_netns(spec.netns_label);
    if (!opened) return std::unexpected(opened.error());
    spec.netns = std::make_shared<UniqueFd>(std::move(*opened));
  }
  return spec;
}

Commands::Answer Commands::port_add(Params& params, Caller& caller) {
  const std::string bridge = params.text("bridge");
  const json& object = params.object("port");
  params.finish();
  Result<PortSpec> spec = port_spec(object, caller);
  if (!spec) return std::unexpected(spec.error());
  if (Result<> added = model_.add_port(bridge, std::move(*spec)); !added) return std::unexpected(added.error());
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
  const Result<ModelPort*> port = model_.find_port(name);
  PortSettings settings = port ? (*port)->settings : PortSettings{};
  const std::optional<std::int64_t> cost = params.maybe_integer("cost", INT64_MIN, INT64_MAX);
  const std::optional<std::int64_t> priority = params.maybe_integer("priority", INT64_MIN, INT64_MAX);
  settings.state = read_state(params, params.raw(), settings.state);
  for (const PortFlag& flag : port_flags()) {
    if (const std::optional<bool> value = params.maybe_flag(flag.name)) settings.*flag.member = *value;
  }
  params.finish();
  if (bridge_name) {
    const Result<ModelBridge*> bridge = model_.find_bridge(*bridge_name);
    if (!bridge) return std::unexpected(bridge.error());
    if (!port || (*port)->bridge != (*bridge)->index)
      return fail(ErrorCode::kNoSuchPort, fmt::format("{} is not a port of {}", name, *bridge_name), name);
  }
  if (!port) return std::unexpected(port.error());
  if (cost) {
    if (*cost < 1 || *cost > 65535)
      return fail(ErrorCode::kOutOfRange, fmt::format("path cost {} is out of range; it can be 1 to 65535", *cost),
                  name);
    settings.cost = static_cast<std::uint32_t>(*cost);
  }
  if (priority) {
    if (*priority < 0 || *priority > 63)
      return fail(ErrorCode::kOutOfRange, fmt::format("port priority {} is out of range; it can be 0 to 63", *priority),
                  name);
    settings.priority = static_cast<std::uint8_t>(*priority);
  }
  if (Result<> set = model_.set_port(name, settings); !set) return std::unexpected(set.error());
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
    for (const ModelPort* port : model_.ports_of(*bridge, SwitchModel::WithHost::kNo)) {
      if (!name || port->name == *name) ports.push_back(port_json(*bridge, *port));
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

// FDB.

Commands::Answer Commands::fdb_list(Params& params, Caller&) {
  const std::optional<std::string> bridge_name = params.maybe_text("bridge"), port_name = params.maybe_text("port");
  const bool any_kind = !params.has("kind");
  const FdbKind kind = read_kind(params, FdbKind::kDynamic);
  params.finish();
  const Result<Selection> selection = select(bridge_name, port_name);
  if (!selection) return std::unexpected(selection.error());
  std::vector<FdbEntry> found;
  model_.engine().fdb().for_each(model_.engine().now_s(), [&](const FdbEntry& entry) {
    if (selection->bridge != nullptr && entry.fid != selection->bridge->fid) return;
    if (selection->port != nullptr && entry.port != selection->port->index) return;
    if (!any_kind && entry.kind != kind) return;
    if (found.size() <= kMaxListed) found.push_back(entry);
  });
  if (found.size() > kMaxListed) {
    return fail(ErrorCode::kLimit,
                fmt::format("more than {} entries are asked for; name a port, a kind or another bridge", kMaxListed));
  }
  std::map<Fid, std::string> bridge_names;
  for (const ModelBridge* bridge : model_.bridges()) bridge_names[bridge->fid] = bridge->name;
  std::ranges::sort(found, {}, [&](const FdbEntry& entry) {
    return std::tuple<const std::string&, MacAddress>(bridge_names[entry.fid], entry.mac);
  });
  json entries = json::array();
  for (const FdbEntry& entry : found) {
    json object = fdb_entry_json(model_, entry);
    if (!object["port"].get_ref<const std::string&>().empty()) entries.push_back(std::move(object));
  }
  return json{{"entries", std::move(entries)}};
}

Commands::Answer Commands::fdb_get(Params& params, Caller&) {
  const MacAddress mac = params.mac("mac");
  const std::string bridge_name = params.text("bridge");
  params.finish();
  const Result<ModelBridge*> bridge = model_.find_bridge(bridge_name);
  if (!bridge) return std::unexpected(bridge.error());
  const std::optional<FdbEntry> entry =
      model_.engine().fdb().get(FdbKey::of(mac, (*bridge)->fid), model_.engine().now_s());
  if (!entry)
    return fail(ErrorCode::kNoSuchEntry, fmt::format("{} is not in the FDB of {}", to_string(mac), bridge_name),
                to_string(mac));
  return json{{"entry", fdb_entry_json(model_, *entry)}};
}

Commands::Answer Commands::enter_fdb(Params& params, Fdb::IfExists if_exists) {
  const MacAddress mac = params.mac("mac");
  const std::string port_name = params.text("port");
  const FdbKind kind = read_kind(params, FdbKind::kStatic);
  params.finish();
  const Result<ModelPort*> port = model_.find_port(port_name);
  if (!port) return std::unexpected(port.error());
  if (mac.is_group() || mac.is_zero()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is no address of a station: a group or all-zero address cannot stand in the FDB",
                            to_string(mac)),
                to_string(mac));
  }
  const ModelBridge& bridge = *model_.bridge_at((*port)->bridge);
  if (if_exists == Fdb::IfExists::kReplace && is_own_address(bridge, mac)) return own_address_stays(bridge);
  Result<> added =
      model_.engine().fdb().add(FdbKey::of(mac, bridge.fid), (*port)->index, kind, if_exists, model_.engine().now_s());
  if (!added) {
    added.error().name = to_string(mac);
    return std::unexpected(added.error());
  }
  tell_fdb("add", {mac, bridge.fid, (*port)->index, kind, 0});
  return json::object();
}

void Commands::tell_fdb(const char* what, const FdbEntry& entry) const {
  if (fdb_changed_) fdb_changed_(what, entry);
}

Commands::Answer Commands::fdb_add(Params& params, Caller&) {
  return enter_fdb(params, Fdb::IfExists::kFail);
}
Commands::Answer Commands::fdb_replace(Params& params, Caller&) {
  return enter_fdb(params, Fdb::IfExists::kReplace);
}

Commands::Answer Commands::fdb_delete(Params& params, Caller&) {
  const MacAddress mac = params.mac("mac");
  const std::string port_name = params.text("port");
  params.finish();
  const Result<ModelPort*> port = model_.find_port(port_name);
  if (!port) return std::unexpected(port.error());
  const ModelBridge& bridge = *model_.bridge_at((*port)->bridge);
  const FdbKey key = FdbKey::of(mac, bridge.fid);
  const std::optional<FdbEntry> entry = model_.engine().fdb().get(key, model_.engine().now_s());
  if (!entry || entry->port != (*port)->index) {
    return fail(ErrorCode::kNoSuchEntry, fmt::format("{} is not in the FDB behind {}", to_string(mac), port_name),
                to_string(mac));
  }
  if (is_own_address(bridge, mac)) return own_address_stays(bridge);
  if (Result<> removed = model_.engine().fdb().remove(key); !removed) return std::unexpected(removed.error());
  tell_fdb("delete", *entry);
  return json::object();
}

Commands::Answer Commands::fdb_flush(Params& params, Caller&) {
  const std::optional<std::string> bridge_name = params.maybe_text("bridge"), port_name = params.maybe_text("port");
  const std::string kind = params.maybe_text("kind").value_or("dynamic");
  params.finish();
  if (bridge_name.has_value() == port_name.has_value())
    throw InvalidParams{"either 'bridge' or 'port' says what to flush"};
  if (kind != "dynamic" && kind != "static" && kind != "all")
    throw InvalidParams{"'kind' must be dynamic, static or all"};
  const Result<Selection> selection = select(bridge_name, port_name);
  if (!selection) return std::unexpected(selection.error());
  Fdb& fdb = model_.engine().fdb();
  if (kind != "static") bridge_name ? fdb.flush_fid(selection->bridge->fid) : fdb.flush_port(selection->port->index);
  if (kind != "dynamic") {
    const auto matches = [&](const FdbEntry& entry) {
      if (entry.kind != FdbKind::kStatic) return false;
      return bridge_name ? entry.fid == selection->bridge->fid : entry.port == selection->port->index;
    };
    fdb.remove_if(matches, model_.engine().now_s());
  }
  return json::object();
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
    for (const ModelPort* port : model_.ports_of(*bridge, SwitchModel::WithHost::kYes)) {
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
    model_.engine().clear_counters((*port)->index);
    return json::object();
  }
  for (const ModelBridge* bridge : model_.bridges()) {
    for (const ModelPort* port : model_.ports_of(*bridge, SwitchModel::WithHost::kYes))
      model_.engine().clear_counters(port->index);
  }
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
  const Trace traced = trace_frame(frame, vnet, (*port)->index, engine.state(), engine.fdb(), engine.now_s(), name_of);
  json steps = json::array(), egress = json::array();
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
  model_.end_persistence_of_made_taps();
  for (const std::string& name : made_taps_) (void)delete_tap(name, -1);
  made_taps_.clear();
}

Commands::Answer Commands::monitor(Params& params, Caller& caller) {
  static const std::vector<std::string> kAll = {"fdb", "port", "bridge"};
  const std::vector<std::string> kinds = params.maybe_texts("kinds").value_or(kAll);
  params.finish();
  for (const std::string& kind : kinds) {
    if (std::ranges::find(kAll, kind) == kAll.end())
      throw InvalidParams{fmt::format("'kinds' knows fdb, port and bridge, not '{}'", kind)};
  }
  caller.subscribes = true;
  for (const std::string& kind : kAll) {
    if (std::ranges::find(kinds, kind) != kinds.end()) caller.kinds.push_back(kind);
  }
  return json::object();
}

Commands::Answer Commands::config_dump(Params& params, Caller&) {
  params.finish();
  return json{{"lines", dump_configuration(model_)}};
}

}  // namespace rb
