// SPDX-License-Identifier: GPL-2.0-or-later
// The methods fdb.* of the control protocol.
#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "control/api/commands.hpp"
#include "control/api/model_json.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// Entries in one answer; each takes about a kilobyte while the answer is made.
constexpr std::size_t kMaxEntriesListed = 2000000;

FdbKind read_kind(Params& params, FdbKind otherwise) {
  const std::optional<std::string> name = params.maybe_text("kind");
  if (!name) return otherwise;
  const std::optional<FdbKind> kind = fdb_kind_of(*name);
  if (!kind) throw InvalidParams{"'kind' must be dynamic, static or local"};
  return *kind;
}

/// kNoVid when it is not said.
Vid read_vlan(Params& params) {
  const std::optional<std::int64_t> vid = params.maybe_integer("vlan", INT64_MIN, INT64_MAX);
  if (!vid) return kNoVid;
  const Result<VidRange> range = make_vid_range(*vid, *vid);
  if (!range) throw RefusedParams{range.error()};
  return range->first;
}

std::string in_vlan(Vid vid) {
  return vid == kNoVid ? std::string() : fmt::format(" in VLAN {}", vid);
}

/// Whether an entry is of a VLAN, or of the one under which that learns.
bool learns_in(const SwitchModel& model, const FdbEntry& entry, Vid vid) {
  const ModelBridge* bridge = model.vlans().bridge_of_fid(entry.fid);
  return bridge != nullptr && model.vlans().vid_of_fid(entry.fid) == learning_vid(bridge->vlans, vid);
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
  const Vid vid = read_vlan(params);
  params.finish();
  const Result<Selection> selection = select(bridge_name, port_name);
  if (!selection) return std::unexpected(selection.error());
  std::vector<FdbEntry> found;
  model_.engine().fdb().for_each(model_.engine().now_s(), [&](const FdbEntry& entry) {
    if (selection->bridge != nullptr && model_.vlans().bridge_of_fid(entry.fid) != selection->bridge) return;
    if (vid != kNoVid && !learns_in(model_, entry, vid)) return;
    if (selection->port != nullptr && entry.port != selection->port->index) return;
    if (!any_kind && entry.kind != kind) return;
    if (found.size() <= kMaxEntriesListed) found.push_back(entry);
  });
  if (found.size() > kMaxEntriesListed) {
    return fail(
        ErrorCode::kLimit,
        fmt::format("more than {} entries are asked for; name a port, a kind or another bridge", kMaxEntriesListed));
  }
  std::ranges::sort(found, {}, [&](const FdbEntry& entry) {
    const ModelBridge* bridge = model_.vlans().bridge_of_fid(entry.fid);
    return std::tuple(bridge == nullptr ? std::string_view() : bridge->name, entry.mac,
                      model_.vlans().vid_of_fid(entry.fid));
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
  const Vid vid = read_vlan(params);
  params.finish();
  const Result<ModelBridge*> bridge = model_.find_bridge(bridge_name);
  if (!bridge) return std::unexpected(bridge.error());
  const std::optional<FdbEntry> entry =
      model_.engine().fdb().get(FdbKey::of(mac, model_.vlans().fid_of(**bridge, vid)), model_.engine().now_s());
  if (!entry) {
    return fail(ErrorCode::kNoSuchEntry,
                fmt::format("{} is not in the FDB of {}{}", to_string(mac), bridge_name, in_vlan(vid)), to_string(mac));
  }
  return json{{"entry", fdb_entry_json(model_, *entry)}};
}

/// As with the kernel's bridge: an entry without a VLAN is made outside of VLANs, and while filtering is on in each of
/// the port's VLANs too.
Result<std::vector<Fid>> Commands::fids_to_enter(const ModelPort& port, Vid vid) const {
  const ModelBridge& bridge = *model_.bridge_at(port.bridge);
  // `fdb show` says the primary's VID of a private VLAN.
  const bool knows = port.vlans.members.test(vid) || model_.vlans().learning_vids(port).test(vid);
  if (vid != kNoVid && !knows) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{0} is not a member of VLAN {1}; 'vlan add dev {0} vid {1}' makes it one", port.name, vid),
                port.name);
  }
  std::vector<Fid> fids = {model_.vlans().fid_of(bridge, vid)};
  if (vid == kNoVid && bridge.vlans.filtering)
    port.vlans.members.for_each([&](Vid member) { fids.push_back(model_.vlans().fid_of(bridge, member)); });
  std::ranges::sort(fids);
  const auto [first, last] = std::ranges::unique(fids);
  fids.erase(first, last);
  return fids;
}

Commands::Answer Commands::enter_fdb(Params& params, Fdb::IfExists if_exists) {
  const MacAddress mac = params.mac("mac");
  const std::string port_name = params.text("port");
  const FdbKind kind = read_kind(params, FdbKind::kStatic);
  const Vid vid = read_vlan(params);
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
  const Result<std::vector<Fid>> fids = fids_to_enter(**port, vid);
  if (!fids) return std::unexpected(fids.error());
  Fdb& fdb = model_.engine().fdb();
  const std::uint32_t now_s = model_.engine().now_s();
  if (if_exists == Fdb::IfExists::kFail) {
    for (const Fid fid : *fids) {
      if (!fdb.get(FdbKey::of(mac, fid), now_s)) continue;
      return fail(ErrorCode::kExists,
                  fmt::format("{} is in the FDB already{}", to_string(mac), in_vlan(model_.vlans().vid_of_fid(fid))),
                  to_string(mac));
    }
  }
  std::vector<std::pair<Fid, std::optional<FdbEntry>>> replaced;
  for (const Fid fid : *fids) {
    const FdbKey key = FdbKey::of(mac, fid);
    replaced.emplace_back(fid, fdb.get(key, now_s));
    Result<> added = fdb.add(key, (*port)->index, kind, Fdb::IfExists::kReplace, now_s);
    if (added) continue;
    replaced.pop_back();
    for (const auto& [done, before] : replaced) {
      (void)fdb.remove(FdbKey::of(mac, done));
      if (before) (void)fdb.add(FdbKey::of(mac, done), before->port, before->kind, Fdb::IfExists::kReplace, now_s);
    }
    added.error().name = to_string(mac);
    return std::unexpected(added.error());
  }
  for (const Fid fid : *fids) tell_fdb("add", {mac, fid, (*port)->index, kind, 0});
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
  const Vid vid = read_vlan(params);
  params.finish();
  const Result<ModelPort*> port = model_.find_port(port_name);
  if (!port) return std::unexpected(port.error());
  const Result<std::vector<Fid>> fids = fids_to_enter(**port, vid);
  if (!fids) return std::unexpected(fids.error());
  std::vector<FdbEntry> found;
  for (const Fid fid : *fids) {
    const std::optional<FdbEntry> entry = model_.engine().fdb().get(FdbKey::of(mac, fid), model_.engine().now_s());
    if (entry && entry->port == (*port)->index) found.push_back(*entry);
  }
  if (found.empty()) {
    return fail(ErrorCode::kNoSuchEntry,
                fmt::format("{} is not in the FDB behind {}{}", to_string(mac), port_name, in_vlan(vid)),
                to_string(mac));
  }
  const ModelBridge& bridge = *model_.bridge_at((*port)->bridge);
  if (is_own_address(bridge, mac)) return own_address_stays(bridge);
  for (const FdbEntry& entry : found) {
    if (Result<> removed = model_.engine().fdb().remove(FdbKey::of(mac, entry.fid)); !removed)
      return std::unexpected(removed.error());
    tell_fdb("delete", entry);
  }
  return json::object();
}

Commands::Answer Commands::fdb_flush(Params& params, Caller&) {
  const std::optional<std::string> bridge_name = params.maybe_text("bridge"), port_name = params.maybe_text("port");
  const std::string kind = params.maybe_text("kind").value_or("dynamic");
  const Vid vid = read_vlan(params);
  params.finish();
  if (!bridge_name && !port_name) throw InvalidParams{"'bridge' or 'port' says what to flush"};
  if (kind != "dynamic" && kind != "static" && kind != "all")
    throw InvalidParams{"'kind' must be dynamic, static or all"};
  const Result<Selection> selection = select(bridge_name, port_name);
  if (!selection) return std::unexpected(selection.error());
  const ModelBridge* bridge = selection->bridge;
  const ModelPort* port = selection->port;
  Fdb& fdb = model_.engine().fdb();
  // What is counted is forgotten at once; the rest is looked for.
  const bool port_alone = bridge == nullptr && vid == kNoVid;
  if (kind == "dynamic" && port_alone) {
    fdb.flush_port(port->index);
    return json::object();
  }
  if (kind == "dynamic" && port == nullptr) {
    if (vid != kNoVid) {
      fdb.flush_fid(model_.vlans().fid_of(*bridge, vid));
    } else {
      fdb.flush_fid(bridge->fid);
      for (const auto& [member, fid] : bridge->fids) fdb.flush_fid(fid);
    }
    return json::object();
  }
  const auto matches = [&](const FdbEntry& entry) {
    if (entry.kind == FdbKind::kLocal || (kind != "all" && fdb_kind_name(entry.kind) != kind)) return false;
    if (bridge != nullptr && model_.vlans().bridge_of_fid(entry.fid) != bridge) return false;
    if (port != nullptr && entry.port != port->index) return false;
    return vid == kNoVid || learns_in(model_, entry, vid);
  };
  fdb.remove_if(matches, model_.engine().now_s());
  return json::object();
}

}  // namespace rb
