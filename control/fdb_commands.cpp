// The methods fdb.* of the control protocol.
#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "control/commands.hpp"
#include "control/model_json.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// Entries in one answer; each takes about a kilobyte while the answer is made.
constexpr std::size_t kMaxListed = 2000000;

FdbKind read_kind(Params& params, FdbKind otherwise) {
  const std::optional<std::string> name = params.maybe_text("kind");
  if (!name) return otherwise;
  const std::optional<FdbKind> kind = fdb_kind_of(*name);
  if (!kind) throw InvalidParams{"'kind' must be dynamic, static or local"};
  return *kind;
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

}  // namespace

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

}  // namespace rb
