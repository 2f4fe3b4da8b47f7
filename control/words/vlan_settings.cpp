// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/vlan_settings.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace rb {
namespace {

void add_range(VidSet& set, VidRange range) {
  for (Vid vid = range.first; vid <= range.last; ++vid) set.set(vid);
}

Error needs_vid(const PortMode& mode, const char* word) {
  return {ErrorCode::kInvalidArgument, fmt::format("mode {} needs '{}' with a VLAN", mode.name, word), mode.name};
}

Error has_no(const PortMode& mode, const char* word) {
  return {ErrorCode::kInvalidArgument, fmt::format("mode {} has no '{}'", mode.name, word), mode.name};
}

/// A port that is in one VLAN and knows no tags of the bridge.
PortVlanSettings untagged_member(Vid vid) {
  PortVlanSettings settings;
  settings.members.set(vid);
  settings.untagged.set(vid);
  settings.pvid = vid;
  return settings;
}

Result<PortVlanSettings> trunk(const PortMode& mode) {
  if (mode.vid != kNoVid) return std::unexpected(has_no(mode, "vid"));
  if (mode.vids.empty()) return std::unexpected(needs_vid(mode, "vids"));
  PortVlanSettings settings;
  for (const VidRange& range : mode.vids) add_range(settings.members, range);
  if (mode.native == kNoVid) {
    if (mode.name != "trunk") return std::unexpected(needs_vid(mode, "native"));
    settings.admit = AdmitFrames::kTaggedOnly;
    return settings;
  }
  settings.members.set(mode.native);
  settings.pvid = mode.native;
  if (mode.name != "native-tagged") settings.untagged.set(mode.native);
  return settings;
}

/// What ports of private VLANs reach beyond their own: whoever belongs to the primary VLAN without a tag is
/// promiscuous, whoever belongs to a secondary VLAN without a tag is a host of it; tagged members are links to other
/// switches.
void add_private_reach(PortVlans& vlans, const BridgeVlanSettings& bridge) {
  const VidSet own_untagged = vlans.untagged;
  for (const auto& [vid, is] : bridge.private_vlans) {
    if (is.kind == PrivateVlan::Kind::kPrimary) continue;
    const bool host = own_untagged.test(vid) && vlans.egress.test(vid);
    const bool promiscuous = own_untagged.test(is.primary) && !host;
    if (promiscuous) {
      vlans.egress.set(vid);
      vlans.untagged.set(vid);
    }
    if (!host) continue;
    vlans.egress.set(is.primary);
    vlans.untagged.set(is.primary);
    if (is.kind == PrivateVlan::Kind::kIsolated) vlans.egress.reset(vid);
  }
}

VidTranslation translation_of(const PortVlanSettings& port, PortVlans& vlans) {
  VidTranslation both;
  for (std::size_t vid = 0; vid < kVidCount; ++vid) both.to_bridge[vid] = both.to_wire[vid] = static_cast<Vid>(vid);
  // What a VID meant on one side before belongs to another now, unless that is translated too.
  for (const auto& [on_wire, inside] : port.translation) {
    both.to_bridge[inside] = kNoVid;
    both.to_wire[on_wire] = kNoVid;
  }
  for (const auto& [on_wire, inside] : port.translation) {
    both.to_bridge[on_wire] = inside;
    both.to_wire[inside] = on_wire;
  }
  for (const auto& [on_wire, inside] : port.translation) {
    if (both.to_wire[on_wire] == kNoVid && !vlans.untagged.test(on_wire)) vlans.egress.reset(on_wire);
  }
  return both;
}

// The tables.

constexpr std::array<std::string_view, 2> kProtocolNames = {"802.1Q", "802.1ad"};
constexpr std::array<std::string_view, 2> kLearningNames = {"independent", "shared"};

SettingTable<BridgeVlanSettings> make_bridge_table() {
  using nlohmann::json;
  using B = BridgeVlanSettings;
  return {
      flag_setting("vlan_filtering", &B::filtering, "The bridge keeps VLANs apart; while off, tags are payload."),
      {{.name = "vlan_protocol",
        .key = "vlan_protocol",
        .type = &choice_type(kProtocolNames),
        .meaning = "The tag that the bridge knows: the customer tag 0x8100, or the service tag 0x88a8."},
       [](const B& bridge) { return json(vlan_protocol_name(bridge.tpid)); },
       [](B& bridge, const json& value) {
         bridge.tpid = value == vlan_protocol_name(kTpidService) ? kTpidService : kTpidCustomer;
         return Result<>{};
       }},
      number_setting("vlan_default_pvid", &B::default_pvid, number_type({.lowest = 0, .highest = kMaxVid}),
                     "The PVID of ports that are added, and of ports that still have the default; 0 gives none."),
      {{.name = "vlan_learning",
        .key = "vlan_learning",
        .type = &choice_type(kLearningNames),
        .meaning = "One MAC table for each VLAN, or one for all VLANs (IEEE 802.1Q-2022 8.8.8)."},
       [](const B& bridge) { return json(kLearningNames[bridge.shared_learning ? 1 : 0]); },
       [](B& bridge, const json& value) {
         bridge.shared_learning = value == kLearningNames[1];
         return Result<>{};
       }},
  };
}

SettingTable<PortVlanSettings> make_port_table() {
  using P = PortVlanSettings;
  return {
      choice_setting("admit", &P::admit, kAdmitNames, "The frames that the port lets in: all, or by their VLAN tag."),
      flag_setting("ingress_filtering", &P::ingress_filtering,
                   "Frames of VLANs that the port is no member of are dropped when they come in."),
      number_setting("default_pcp", &P::default_pcp, number_type({.lowest = 0, .highest = 7}),
                     "The priority of frames that come without a tag."),
      number_setting("pcp_map", &P::regenerated, number_list_type(8, 7),
                     "The priority that each priority of a tag is replaced by when a frame comes in."),
  };
}

}  // namespace

std::string_view vlan_protocol_name(std::uint16_t tpid) noexcept {
  return tpid == kTpidService ? "802.1ad" : "802.1Q";
}

const SettingTable<BridgeVlanSettings>& bridge_vlan_settings() {
  static const SettingTable<BridgeVlanSettings> table = make_bridge_table();
  return table;
}

const SettingTable<PortVlanSettings>& port_vlan_settings() {
  static const SettingTable<PortVlanSettings> table = make_port_table();
  return table;
}

PortVlanSettings default_port_vlans(Vid default_pvid) noexcept {
  return default_pvid == kNoVid ? PortVlanSettings{} : untagged_member(default_pvid);
}

Result<VidRange> make_vid_range(std::int64_t first, std::int64_t last) {
  for (const std::int64_t vid : {first, last}) {
    if (vid >= 1 && vid <= kMaxVid) continue;
    const char* const why = vid == 0 ? " (0 means that a frame has none)" : vid == 4095 ? " (4095 is reserved)" : "";
    return fail(ErrorCode::kOutOfRange, fmt::format("VLAN {} is out of range; it can be 1 to {}{}", vid, kMaxVid, why));
  }
  if (first > last) {
    return fail(ErrorCode::kOutOfRange,
                fmt::format("the VLAN range {}-{} runs backwards; say {}-{}", first, last, last, first));
  }
  return VidRange{static_cast<Vid>(first), static_cast<Vid>(last)};
}

Result<VidRange> parse_vid_range(std::string_view text) {
  const auto number_of = [](std::string_view digits) -> std::optional<std::int64_t> {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (digits.empty() || error != std::errc{} || stop != digits.data() + digits.size()) return std::nullopt;
    return number;
  };
  const std::size_t dash = text.find('-', 1);
  const auto first = number_of(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : number_of(text.substr(dash + 1));
  if (!first || !last) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no VLAN and no range of VLANs, such as 10 or 100-199", text), std::string(text));
  }
  return make_vid_range(*first, *last);
}

Result<> add_vlans(PortVlanSettings& settings, VidRange range, VlanFlags flags) {
  if (flags.pvid && range.first != range.last) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("VLANs {}-{} cannot all be the PVID; a port has one", range.first, range.last));
  }
  for (Vid vid = range.first; vid <= range.last; ++vid) {
    settings.members.set(vid);
    flags.untagged ? settings.untagged.set(vid) : settings.untagged.reset(vid);
    if (flags.pvid) {
      settings.pvid = vid;
    } else if (settings.pvid == vid) {
      settings.pvid = kNoVid;
    }
  }
  return {};
}

void delete_vlans(PortVlanSettings& settings, VidRange range) {
  VidSet gone;
  add_range(gone, range);
  settings.members -= gone;
  settings.untagged -= gone;
  if (gone.test(settings.pvid)) settings.pvid = kNoVid;
}

void change_default_pvid(PortVlanSettings& settings, Vid before, Vid now) {
  // As the kernel's bridge (__br_vlan_set_default_pvid): whoever is in the new one already has been set up by hand.
  const bool has_it = before == kNoVid || (settings.pvid == before && settings.untagged.test(before));
  if (!has_it || (now != kNoVid && settings.members.test(now))) return;
  if (before != kNoVid) {
    settings.members.reset(before);
    settings.untagged.reset(before);
    settings.pvid = kNoVid;
  }
  if (now == kNoVid) return;
  settings.members.set(now);
  settings.untagged.set(now);
  settings.pvid = now;
}

Result<PortVlanSettings> vlans_of_mode(const PortMode& mode) {
  if (mode.name == "trunk" || mode.name == "native-tagged" || mode.name == "native-untagged") return trunk(mode);
  if (mode.name != "access" && mode.name != "dot1q-tunnel") {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("'{}' is no mode of a port; access, trunk, native-tagged, native-untagged and dot1q-tunnel are",
                    mode.name),
        mode.name);
  }
  if (!mode.vids.empty()) return std::unexpected(has_no(mode, "vids"));
  if (mode.native != kNoVid) return std::unexpected(has_no(mode, "native"));
  if (mode.vid == kNoVid) return std::unexpected(needs_vid(mode, "vid"));
  PortVlanSettings settings = untagged_member(mode.vid);
  if (mode.name == "access") {
    settings.admit = AdmitFrames::kUntaggedOnly;
  } else {
    settings.tunnel = true;
  }
  return settings;
}

Result<> add_translation(PortVlanSettings& settings, Vid on_wire, Vid inside) {
  for (const auto& [other, taken] : settings.translation) {
    if (taken == inside && other != on_wire) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("VLAN {} is VID {} on the wire already; 'vlan map del' that first", inside, other));
    }
  }
  settings.translation[on_wire] = inside;
  return {};
}

Result<> set_private_vlan(BridgeVlanSettings& settings, Vid vid, const PrivateVlan& is) {
  if (is.kind != PrivateVlan::Kind::kPrimary) {
    const auto primary = settings.private_vlans.find(is.primary);
    if (primary == settings.private_vlans.end() || primary->second.kind != PrivateVlan::Kind::kPrimary) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("VLAN {} is no primary VLAN; make it one first, by 'vlan private dev BRIDGE vid {} primary'",
                      is.primary, is.primary));
    }
    if (is.primary == vid)
      return fail(ErrorCode::kInvalidArgument, fmt::format("VLAN {} cannot be its own primary", vid));
    if (is.kind == PrivateVlan::Kind::kIsolated) {
      for (const auto& [other, its] : settings.private_vlans) {
        if (its == is && other != vid) {
          return fail(ErrorCode::kInvalidArgument,
                      fmt::format("VLAN {} is the isolated VLAN of primary {} already; there is one (RFC 5517)", other,
                                  is.primary));
        }
      }
    }
  }
  const auto before = settings.private_vlans.find(vid);
  if (before != settings.private_vlans.end() && before->second != is) {
    if (Result<> unset = unset_private_vlan(settings, vid); !unset) return unset;
  }
  settings.private_vlans[vid] = is;
  return {};
}

Result<> unset_private_vlan(BridgeVlanSettings& settings, Vid vid) {
  for (const auto& [other, its] : settings.private_vlans) {
    if (its.kind != PrivateVlan::Kind::kPrimary && its.primary == vid) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("VLAN {} is the primary of VLAN {}; that must go first", vid, other));
    }
  }
  settings.private_vlans.erase(vid);
  return {};
}

Vid learning_vid(const BridgeVlanSettings& settings, Vid vid) noexcept {
  const auto found = settings.private_vlans.find(vid);
  return found == settings.private_vlans.end() || found->second.kind == PrivateVlan::Kind::kPrimary
             ? vid
             : found->second.primary;
}

PortVlans relay_vlans(const PortVlanSettings& port, const BridgeVlanSettings& bridge, const VidSet& all) {
  PortVlans vlans;
  vlans.ingress = port.ingress_filtering ? port.members : all;
  vlans.egress = port.members;
  vlans.untagged = port.untagged;
  vlans.pvid = port.pvid;
  vlans.admit = port.admit;
  vlans.tunnel = port.tunnel;
  vlans.regenerated = port.regenerated;
  vlans.default_pcp = port.default_pcp;
  if (!bridge.private_vlans.empty()) add_private_reach(vlans, bridge);
  if (!port.translation.empty()) vlans.translation.push_back(translation_of(port, vlans));
  return vlans;
}

}  // namespace rb
