// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the VLAN of a frame (IEEE 802.1Q-2022 6.9), by the rules of the kernel's bridge (br_vlan.c).
#pragma once

#include <optional>

#include "switch/big_endian.hpp"
#include "switch/drop_reason.hpp"
#include "switch/vlan.hpp"

namespace rb {

/// The result of classify(). With `refused` the frame belongs to no VLAN, and vid is the VID of its tag, if there is
/// one.
struct Classified {
  Vid vid = kNoVid;            // inside the bridge
  std::uint16_t priority = 0;  // PCP and DEI inside the bridge, at their place in a TCI
  VlanTag tag = kUntagged;     // the bridge's own tag with which the frame came
  std::optional<DropReason> refused;
};

/// Classifies a frame that check_frame() has passed, on a port of a bridge with `tpid`.
[[nodiscard]] inline Classified classify(const Frame& frame, const PortVlans& port, std::uint16_t tpid) noexcept {
  Classified found;
  const std::byte* type = frame.pieces[0].data + kEthernetHeaderSize - 2;
  if (!port.tunnel && load16(type) == tpid) {
    // A tag, and the type behind it.
    if (frame.pieces[0].size < kEthernetHeaderSize + kVlanTagSize) {
      found.refused = DropReason::kRunt;
      return found;
    }
    found.tag = make_tag(tpid, load16(type + 2));
    found.vid = vid_of(found.tag);
    const std::uint32_t pcp = port.regenerated[priority_bits(found.tag) >> kPcpShift];
    found.priority = static_cast<std::uint16_t>(pcp << kPcpShift | (found.tag & kDeiBit));
  } else {
    found.priority = static_cast<std::uint16_t>(port.default_pcp << kPcpShift);
  }
  const bool has_vid = found.vid != kNoVid;
  if (port.admit != AdmitFrames::kAll && has_vid != (port.admit == AdmitFrames::kTaggedOnly)) {
    found.refused = DropReason::kFrameType;
    return found;
  }
  if (!has_vid) {
    found.vid = port.pvid;
    if (found.vid == kNoVid) found.refused = DropReason::kNoPvid;
    return found;
  }
  if (found.vid > kMaxVid) {
    found.refused = DropReason::kInvalidVid;
    return found;
  }
  if (!port.translation.empty()) found.vid = port.translation[0].to_bridge[found.vid];
  if (!port.ingress.test(found.vid)) found.refused = DropReason::kVlanIngress;
  return found;
}

/// Returns the tag with which a frame of a VLAN leaves by a port that is a member.
[[nodiscard]] inline VlanTag egress_tag(Vid vid, std::uint16_t priority, const PortVlans& port,
                                        std::uint16_t tpid) noexcept {
  if (port.untagged.test(vid)) return kUntagged;
  const Vid on_wire = port.translation.empty() ? vid : port.translation[0].to_wire[vid];
  return make_tag(tpid, static_cast<std::uint16_t>(priority | on_wire));
}

}  // namespace rb
