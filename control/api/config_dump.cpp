// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/api/config_dump.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

#include "control/api/model_json.hpp"

namespace rb {
namespace {

/// As split_words() reads it back.
std::string quoted(const std::string& word) {
  if (word.find_first_of(" '\"#") == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) c == '\'' ? text += "'\"'\"'" : text += c;  // out of the quotes, in the others, back in
  return text + "'";
}

/// " name value" for each setting that `link set` sets.
std::string link_set_words(const std::vector<ChangedSetting>& changed) {
  std::string words;
  for (const auto& [setting, value] : changed) {
    if (setting->command.empty()) words += fmt::format(" {} {}", setting->name, quoted(value));
  }
  return words;
}

/// Before the ports: a port of a bridge with a spanning tree never forwards on its own.
void dump_bridge(const ModelBridge& bridge, std::vector<std::string>& lines) {
  const std::string name = quoted(bridge.name);
  lines.push_back(fmt::format("addbr {}{}", name, bridge.wants_host_port ? "" : " --no-host-port"));
  const auto changed = changed_settings(bridge_settings(), bridge.settings, BridgeSettings{});
  for (const auto& [setting, value] : changed) {
    if (!setting->command.empty()) lines.push_back(fmt::format("{} {} {}", setting->command, name, value));
  }
  if (const std::string words = link_set_words(changed); !words.empty())
    lines.push_back(fmt::format("link set {}{}", name, words));
}

std::string vid_range(Vid first, Vid last) {
  return first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
}

/// Calls `use(first, last)` for each run of VIDs that follow each other in `vids` and are `alike`.
template <typename Alike, typename Use>
void for_each_run(const VidSet& vids, Alike alike, Use use) {
  Vid first = kNoVid, last = kNoVid;
  vids.for_each([&](Vid vid) {
    if (first != kNoVid && (vid != last + 1 || !alike(last, vid))) {
      use(first, last);
      first = kNoVid;
    }
    if (first == kNoVid) first = vid;
    last = vid;
  });
  if (first != kNoVid) use(first, last);
}

void dump_bridge_vlans(const ModelBridge& bridge, std::vector<std::string>& lines) {
  const BridgeVlanSettings& vlans = bridge.vlans;
  const std::string name = quoted(bridge.name);
  // Filtering is turned on last, at the end of the dump.
  BridgeVlanSettings begun;
  begun.filtering = vlans.filtering;
  if (const std::string words = link_set_words(changed_settings(bridge_vlan_settings(), vlans, begun)); !words.empty())
    lines.push_back(fmt::format("link set {}{}", name, words));
  // Primaries first: the others name them.
  for (const bool primary : {true, false}) {
    for (const auto& [vid, is] : vlans.private_vlans) {
      if ((is.kind == PrivateVlan::Kind::kPrimary) != primary) continue;
      lines.push_back(fmt::format("vlan private dev {} vid {} {}{}", name, vid, kPrivateVlanNames.name(is.kind),
                                  primary ? "" : fmt::format(" of {}", is.primary)));
    }
  }
}

/// Where a port's VLANs begin: as a port that is added, or as a tunnel port.
PortVlanSettings dump_vlan_mode(const ModelPort& port, Vid default_pvid, std::vector<std::string>& lines) {
  if (!port.vlans.tunnel) return default_port_vlans(default_pvid);
  const PortMode mode{.name = "dot1q-tunnel", .vid = port.vlans.pvid != kNoVid ? port.vlans.pvid : Vid{1}, .vids = {}};
  lines.push_back(fmt::format("port {} mode {} vid {}", quoted(port.name), mode.name, mode.vid));
  return vlans_of_mode(mode).value();
}

void dump_port_vlans(const ModelPort& port, Vid default_pvid, std::vector<std::string>& lines) {
  const PortVlanSettings& vlans = port.vlans;
  const std::string name = quoted(port.name);
  const PortVlanSettings begun = dump_vlan_mode(port, default_pvid, lines);
  VidSet gone = begun.members;
  gone -= vlans.members;
  const auto any = [](Vid, Vid) { return true; };
  for_each_run(gone, any, [&](Vid first, Vid last) {
    lines.push_back(fmt::format("vlan del dev {} vid {}", name, vid_range(first, last)));
  });
  VidSet changed;
  vlans.members.for_each([&](Vid vid) {
    const bool same = begun.members.test(vid) && begun.untagged.test(vid) == vlans.untagged.test(vid) &&
                      (begun.pvid == vid) == (vlans.pvid == vid);
    if (!same) changed.set(vid);
  });
  const auto alike = [&](Vid one, Vid other) {
    return vlans.untagged.test(one) == vlans.untagged.test(other) && one != vlans.pvid && other != vlans.pvid;
  };
  for_each_run(changed, alike, [&](Vid first, Vid last) {
    lines.push_back(fmt::format("vlan add dev {} vid {}{}{}", name, vid_range(first, last),
                                first == vlans.pvid ? " pvid" : "", vlans.untagged.test(first) ? " untagged" : ""));
  });
  for (const auto& [on_wire, inside] : vlans.translation)
    lines.push_back(fmt::format("vlan map add dev {} vid {} to {}", name, on_wire, inside));
  if (const std::string words = link_set_words(changed_settings(port_vlan_settings(), vlans, begun)); !words.empty())
    lines.push_back(fmt::format("link set dev {}{}", name, words));
}

void dump_port_settings(const ModelPort& port, const PortSettings& from, std::vector<std::string>& lines) {
  if (const std::string words = link_set_words(changed_settings(port_settings(), port.settings, from)); !words.empty())
    lines.push_back(fmt::format("link set dev {}{}", quoted(port.name), words));
}

void dump_port(const ModelBridge& bridge, const ModelPort& port, std::vector<std::string>& lines) {
  lines.push_back(fmt::format("addif {} {}", quoted(bridge.name), quoted(port.driver->to_text())));
  dump_port_settings(port, PortSettings{}, lines);
  dump_port_vlans(port, bridge.vlans.default_pvid, lines);
}

/// Entered by hand: neither learned nor the address of a bridge's own interface.
bool is_configured(const FdbEntry& entry, const ModelPort& port, const ModelBridge& bridge) {
  const bool own = port.host && entry.kind == FdbKind::kLocal && entry.mac == bridge.address();
  return entry.kind != FdbKind::kDynamic && !own && !port.arrival;
}

}  // namespace

std::vector<std::string> dump_configuration(SwitchModel& model) {
  std::vector<std::string> lines;
  for (const ModelBridge* bridge : model.bridges()) {
    dump_bridge(*bridge, lines);
    dump_bridge_vlans(*bridge, lines);
    if (bridge->host_port != nullptr) {
      dump_port_settings(*bridge->host_port, host_port_settings(), lines);
      dump_port_vlans(*bridge->host_port, bridge->vlans.default_pvid, lines);
    }
    std::vector<const ModelPort*> ports = bridge->port_list(WithHost::kNo);
    // In the order of their numbers, so that each gets the same one again.
    std::ranges::sort(ports, {}, [](const ModelPort* port) { return port->number; });
    for (const ModelPort* port : ports) {
      if (!port->arrival) dump_port(*bridge, *port, lines);  // others come when their peers do
    }
    for (const ModelListener* listener : bridge->listener_list())
      lines.push_back(fmt::format("addif {} {}", quoted(bridge->name), quoted(listener->driver->options().to_text())));
  }
  std::vector<FdbEntry> entries;
  model.engine().fdb().for_each(model.engine().now_s(), [&](const FdbEntry& entry) {
    const ModelPort* port = model.port_at(entry.port);
    const ModelBridge* bridge = model.vlans().bridge_of_fid(entry.fid);
    if (port != nullptr && bridge != nullptr && is_configured(entry, *port, *bridge)) entries.push_back(entry);
  });
  // What belongs to no VLAN first.
  std::ranges::sort(entries, {}, [&](const FdbEntry& entry) {
    return std::tuple(model.vlans().vid_of_fid(entry.fid), entry.fid, entry.mac);
  });
  for (const FdbEntry& entry : entries) {
    const Vid vid = model.vlans().vid_of_fid(entry.fid);
    lines.push_back(fmt::format("fdb add {} dev {}{} {}", to_string(entry.mac), quoted(model.port_at(entry.port)->name),
                                vid == kNoVid ? "" : fmt::format(" vlan {}", vid), fdb_kind_name(entry.kind)));
  }
  // Last: while filtering is on, an entry without a VLAN would be made in every VLAN of its port.
  for (const ModelBridge* bridge : model.bridges()) {
    if (bridge->vlans.filtering) lines.push_back(fmt::format("link set {} vlan_filtering 1", quoted(bridge->name)));
  }
  return lines;
}

}  // namespace rb
