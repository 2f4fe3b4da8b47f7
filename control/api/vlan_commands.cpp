// SPDX-License-Identifier: GPL-2.0-or-later
// The methods vlan.* of the control protocol.
#include <fmt/core.h>

#include <algorithm>

#include "control/api/commands.hpp"
#include "control/api/model_json.hpp"

namespace rb {

using nlohmann::json;

namespace {

constexpr std::int64_t kAnyLow = INT64_MIN, kAnyHigh = INT64_MAX;

/// A required VID, or `vid` to `vid_end`.
VidRange read_range(Params& params) {
  const std::optional<std::int64_t> first = params.maybe_integer("vid", kAnyLow, kAnyHigh);
  const std::optional<std::int64_t> last = params.maybe_integer("vid_end", kAnyLow, kAnyHigh);
  if (!first) throw InvalidParams{"'vid' is missing"};
  const Result<VidRange> range = make_vid_range(*first, last.value_or(*first));
  if (!range) throw RefusedParams{range.error()};
  return *range;
}

Vid read_vid(Params& params, const char* name) {
  const std::optional<std::int64_t> vid = params.maybe_integer(name, kAnyLow, kAnyHigh);
  if (!vid) throw InvalidParams{fmt::format("'{}' is missing", name)};
  const Result<VidRange> range = make_vid_range(*vid, *vid);
  if (!range) throw RefusedParams{range.error()};
  return range->first;
}

Vid maybe_vid(Params& params, const char* name) {
  return params.has(name) ? read_vid(params, name) : kNoVid;
}

/// "10" or "100-199" each.
std::vector<VidRange> read_ranges(Params& params, const char* name) {
  std::vector<VidRange> ranges;
  for (const std::string& text : params.maybe_texts(name).value_or(std::vector<std::string>{})) {
    const Result<VidRange> range = parse_vid_range(text);
    if (!range) throw RefusedParams{range.error()};
    ranges.push_back(*range);
  }
  return ranges;
}

json translation_json(const PortVlanSettings& vlans) {
  json list = json::array();
  for (const auto& [on_wire, inside] : vlans.translation) list.push_back({{"vid", on_wire}, {"to", inside}});
  return list;
}

}  // namespace

Result<ModelPort*> Commands::port_of_vlans(const std::string& name) {
  Result<ModelPort*> port = model_.find_port(name);
  if (!port && model_.find_bridge(name)) {
    return fail(ErrorCode::kNoSuchPort,
                fmt::format("bridge {} has no interface of its own on this host, so it is a member of no VLAN", name),
                name);
  }
  return port;
}

/// What a method changes of one port: all of it, or nothing.
template <typename Change>
Commands::Answer Commands::change_port_vlans(const std::string& name, Change change) {
  const Result<ModelPort*> port = port_of_vlans(name);
  if (!port) return std::unexpected(port.error());
  PortVlanSettings vlans = (*port)->vlans;
  Result<> changed = change(vlans);
  if (changed) changed = model_.set_port_vlans(name, vlans);
  if (!changed) {
    return fail(changed.error().code, fmt::format("{}: {}", name, changed.error().message), name);
  }
  return json::object();
}

Commands::Answer Commands::vlan_add(Params& params, Caller&) {
  const std::string name = params.text("port");
  const VidRange range = read_range(params);
  const VlanFlags flags{.pvid = params.flag("pvid", false), .untagged = params.flag("untagged", false)};
  params.finish();
  return change_port_vlans(name, [&](PortVlanSettings& vlans) { return add_vlans(vlans, range, flags); });
}

Commands::Answer Commands::vlan_delete(Params& params, Caller&) {
  const std::string name = params.text("port");
  const VidRange range = read_range(params);
  params.finish();
  return change_port_vlans(name, [&](PortVlanSettings& vlans) -> Result<> {
    delete_vlans(vlans, range);
    return {};
  });
}

Commands::Answer Commands::vlan_mode(Params& params, Caller&) {
  const std::string name = params.text("port");
  const PortMode mode{.name = params.text("mode"),
                      .vid = maybe_vid(params, "vid"),
                      .native = maybe_vid(params, "native"),
                      .vids = read_ranges(params, "vids")};
  params.finish();
  return change_port_vlans(name, [&](PortVlanSettings& vlans) -> Result<> {
    const Result<PortVlanSettings> wanted = vlans_of_mode(mode);
    if (!wanted) return std::unexpected(wanted.error());
    vlans = *wanted;
    return {};
  });
}

Commands::Answer Commands::vlan_map_add(Params& params, Caller&) {
  const std::string name = params.text("port");
  const Vid on_wire = read_vid(params, "vid"), inside = read_vid(params, "to");
  params.finish();
  return change_port_vlans(name, [&](PortVlanSettings& vlans) { return add_translation(vlans, on_wire, inside); });
}

Commands::Answer Commands::vlan_map_delete(Params& params, Caller&) {
  const std::string name = params.text("port");
  const Vid on_wire = read_vid(params, "vid");
  params.finish();
  return change_port_vlans(name, [&](PortVlanSettings& vlans) -> Result<> {
    if (vlans.translation.erase(on_wire) != 0) return {};
    return fail(ErrorCode::kNoSuchEntry, fmt::format("VID {} is not translated", on_wire));
  });
}

Commands::Answer Commands::vlan_private(Params& params, Caller&) {
  using Kind = PrivateVlan::Kind;
  const std::string name = params.text("bridge");
  const Vid vid = read_vid(params, "vid"), primary = maybe_vid(params, "primary");
  const std::string kind = params.text("kind");
  params.finish();
  const Result<ModelBridge*> bridge = model_.find_bridge(name);
  if (!bridge) return std::unexpected(bridge.error());
  BridgeVlanSettings vlans = (*bridge)->vlans;
  Result<> set;
  if (kind == "none") {
    set = unset_private_vlan(vlans, vid);
  } else {
    const std::optional<Kind> found = kPrivateVlanNames.value(kind);
    if (!found) throw InvalidParams{"'kind' must be primary, isolated, community or none"};
    if ((*found == Kind::kPrimary) != (primary == kNoVid))
      throw InvalidParams{"'primary' belongs to kinds isolated and community"};
    set = set_private_vlan(vlans, vid, {.kind = *found, .primary = primary});
  }
  if (set) set = model_.set_bridge_vlans(name, vlans);
  if (!set) return std::unexpected(set.error());
  return json::object();
}

namespace {

/// Lines in one answer; each takes some hundred octets while the answer is made.
constexpr std::size_t kMaxVlansListed = 300000;

/// Members one after the other with the same flags are one range, unless each is counted.
json member_list(const Engine& engine, const ModelPort& port, Vid only, bool statistics) {
  json list = json::array();
  Vid last = kNoVid;
  port.vlans.members.for_each([&](Vid vid) {
    if (only != kNoVid && vid != only) return;
    const bool pvid = port.vlans.pvid == vid, untagged = port.vlans.untagged.test(vid);
    if (!statistics && !pvid && last != kNoVid && vid == last + 1 && !list.back()["pvid"] &&
        list.back()["untagged"] == untagged) {
      list.back()["vid_end"] = last = vid;
      return;
    }
    list.push_back({{"vid", vid}, {"pvid", pvid}, {"untagged", untagged}});
    last = vid;
    if (!statistics) return;
    const VlanTotals totals = engine.vlan_counters(port.index, vid);
    list.back().update({{"rx_bytes", totals.rx_bytes},
                        {"rx_packets", totals.rx_frames},
                        {"tx_bytes", totals.tx_bytes},
                        {"tx_packets", totals.tx_frames},
                        {"drops", totals.drops}});
  });
  return list;
}

}  // namespace

Commands::Answer Commands::vlan_list(Params& params, Caller&) {
  const std::optional<std::string> name = params.maybe_text("port");
  const Vid only = maybe_vid(params, "vid");
  const bool statistics = params.flag("statistics", false);
  params.finish();
  const Result<ModelPort*> wanted = name ? port_of_vlans(*name) : nullptr;
  if (!wanted) return std::unexpected(wanted.error());
  json ports = json::array();
  std::size_t listed = 0;
  for (const ModelBridge* bridge : model_.bridges()) {
    std::vector<const ModelPort*> members = bridge->port_list(WithHost::kYes);
    std::ranges::sort(members, {}, [](const ModelPort* port) { return port->number; });  // its own first
    for (const ModelPort* port : members) {
      if (*wanted != nullptr && port != *wanted) continue;
      json vlans = member_list(model_.engine(), *port, only, statistics);
      if (only != kNoVid && vlans.empty()) continue;
      listed += vlans.size();
      if (listed > kMaxVlansListed) {
        return fail(ErrorCode::kLimit,
                    fmt::format("more than {} VLANs of ports are asked for; name a port", kMaxVlansListed));
      }
      ports.push_back({{"name", port->name},
                       {"bridge", bridge->name},
                       {"vlans", std::move(vlans)},
                       {"map", translation_json(port->vlans)},
                       {"tunnel", port->vlans.tunnel}});
    }
  }
  return json{{"ports", std::move(ports)}};
}

Commands::Answer Commands::vlan_private_list(Params& params, Caller&) {
  const std::optional<std::string> name = params.maybe_text("bridge");
  params.finish();
  const Result<ModelBridge*> wanted = name ? model_.find_bridge(*name) : nullptr;
  if (!wanted) return std::unexpected(wanted.error());
  json vlans = json::array();
  for (const ModelBridge* bridge : model_.bridges()) {
    if (*wanted != nullptr && bridge != *wanted) continue;
    for (const auto& [vid, is] : bridge->vlans.private_vlans) {
      vlans.push_back({{"bridge", bridge->name}, {"vid", vid}, {"kind", kPrivateVlanNames.name(is.kind)}});
      if (is.primary != kNoVid) vlans.back()["primary"] = is.primary;
    }
  }
  return json{{"vlans", std::move(vlans)}};
}

}  // namespace rb
