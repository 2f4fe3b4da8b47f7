// SPDX-License-Identifier: GPL-2.0-or-later
// What can be set about VLANs on a bridge and on a port, and what the relay makes of it (switch/vlan.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control/words/setting.hpp"
#include "switch/enum_names.hpp"
#include "switch/result.hpp"
#include "switch/vlan.hpp"

namespace rb {

/// What a VLAN is to its private VLAN domain (RFC 5517).
struct PrivateVlan {
  enum class Kind : std::uint8_t { kPrimary, kIsolated, kCommunity } kind = Kind::kPrimary;
  Vid primary = kNoVid;  // of the secondary kinds
  bool operator==(const PrivateVlan&) const = default;
};
inline constexpr auto kPrivateVlanNames = enum_names<PrivateVlan::Kind>("primary", "isolated", "community");
inline constexpr auto kAdmitNames = enum_names<AdmitFrames>("all", "tagged", "untagged");

/// The VLAN settings of a bridge. Their table has all but `private_vlans`, which a command of its own sets.
struct BridgeVlanSettings {
  bool filtering = false;  // off: tags are payload
  std::uint16_t tpid = kTpidCustomer;
  Vid default_pvid = 1;          // of ports that are added; kNoVid: none
  bool shared_learning = false;  // one FID for all VLANs instead of one each (IEEE 802.1Q-2022 8.8.8)
  std::map<Vid, PrivateVlan> private_vlans;
  bool operator==(const BridgeVlanSettings&) const = default;
};

[[nodiscard]] const SettingTable<BridgeVlanSettings>& bridge_vlan_settings();

/// The VLAN settings of a port. As with the kernel's bridge they are kept, and shown, while filtering is off. Their
/// table has admit, ingress_filtering, default_pcp and pcp_map; the commands `vlan` and `port` set the others.
struct PortVlanSettings {
  VidSet members, untagged;  // untagged is part of members
  Vid pvid = kNoVid;         // kNoVid, or a member
  AdmitFrames admit = AdmitFrames::kAll;
  bool ingress_filtering = true;  // off: frames of any VLAN that the bridge has are let in
  bool tunnel = false;
  std::uint8_t default_pcp = 0;
  std::array<std::uint8_t, 8> regenerated{0, 1, 2, 3, 4, 5, 6, 7};
  std::map<Vid, Vid> translation;  // inside by on the wire; no two inside are the same
  bool operator==(const PortVlanSettings&) const = default;
};

[[nodiscard]] const SettingTable<PortVlanSettings>& port_vlan_settings();

/// A port of a bridge with this default PVID, as it begins.
[[nodiscard]] PortVlanSettings default_port_vlans(Vid default_pvid) noexcept;

/// Some VIDs that follow each other.
struct VidRange {
  Vid first = kNoVid;
  Vid last = kNoVid;
};
/// kOutOfRange unless both are VIDs that a VLAN can have, in ascending order.
[[nodiscard]] Result<VidRange> make_vid_range(std::int64_t first, std::int64_t last);

/// "10" or "100-199"; kInvalidArgument for anything else.
[[nodiscard]] Result<VidRange> parse_vid_range(std::string_view text);

/// What `bridge vlan add` and `del` do. kInvalidArgument for a PVID that is a range.
struct VlanFlags {
  bool pvid = false;
  bool untagged = false;
};
[[nodiscard]] Result<> add_vlans(PortVlanSettings& settings, VidRange range, VlanFlags flags);
/// VLANs that it is no member of are passed over, as the kernel's bridge does.
void delete_vlans(PortVlanSettings& settings, VidRange range);
/// Changes the default PVID of a port that still has it; without one before, every port gets it.
void change_default_pvid(PortVlanSettings& settings, Vid before, Vid now);

/// A port's VLANs in the words of a switch's console; everything else about its VLANs begins anew.
struct PortMode {
  std::string name;            // access, trunk, native-tagged, native-untagged, dot1q-tunnel
  Vid vid = kNoVid;            // of access and dot1q-tunnel
  Vid native = kNoVid;         // of the native modes, and if wanted of a trunk
  std::vector<VidRange> vids;  // of the trunk modes
};
[[nodiscard]] Result<PortVlanSettings> vlans_of_mode(const PortMode& mode);

/// Translates the VID `on_wire` to `inside` and back. kInvalidArgument when `inside` is translated already.
[[nodiscard]] Result<> add_translation(PortVlanSettings& settings, Vid on_wire, Vid inside);

[[nodiscard]] Result<> set_private_vlan(BridgeVlanSettings& settings, Vid vid, const PrivateVlan& is);
/// kInvalidArgument while secondary VLANs belong to it.
[[nodiscard]] Result<> unset_private_vlan(BridgeVlanSettings& settings, Vid vid);
/// The VLAN whose stations a VLAN knows: its primary, or itself.
[[nodiscard]] Vid learning_vid(const BridgeVlanSettings& settings, Vid vid) noexcept;

/// What the relay gets for a port. `all` are the VLANs that some port of the bridge is a member of.
[[nodiscard]] PortVlans relay_vlans(const PortVlanSettings& port, const BridgeVlanSettings& bridge, const VidSet& all);

/// "802.1Q" or "802.1ad".
[[nodiscard]] std::string_view vlan_protocol_name(std::uint16_t tpid) noexcept;

}  // namespace rb
