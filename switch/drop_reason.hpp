// SPDX-License-Identifier: GPL-2.0-or-later
// Why a frame was dropped. Every frame that does not leave is counted under exactly one of these.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rb {

enum class DropReason : std::uint8_t {
  // Ingress: the frame went nowhere. Counted on the port it came in by.
  kRunt,           // shorter than an Ethernet header
  kBadVnetHeader,  // a virtio_net_hdr that does not fit its frame
  kTruncated,      // longer than the largest buffer
  kInvalidSource,  // group or all-zero source address
  kReservedGroup,  // 01-80-C2-00-00-0X that the bridge does not forward
  kIngressDown,    // the ingress port is down, disabled, or nobody's
  kBlocked,        // the ingress port does not forward, or not yet (spanning tree)
  kBpduFiltered,   // a BPDU, and the ingress port filters them
  kPunted,         // no loss: taken by the control thread (a BPDU, a loop probe)
  kPuntLimit,      // would have been punted, but its port has had its share of this second
  kPuntFull,       // would have been punted, but the control thread did not come to take what was there
  kFrameType,      // tagged or untagged, and the port admits only the other (acceptable frame types)
  kNoPvid,         // without a VID, and the port has no PVID
  kInvalidVid,     // VID 4095
  kVlanIngress,    // the ingress port is not a member of the frame's VLAN
  kVlanEgress,     // the port of the destination is not a member of the frame's VLAN
  kLocked,         // locked port, source not in the FDB
  kSamePort,       // destination is behind the ingress port (and hairpin is off)
  kIsolated,       // both ports are isolated
  kNoEgress,       // no other port takes it: nobody there, or flood flags and isolation leave nobody
  // Egress: a copy was on its way out. Counted on the port it should have left by.
  kEgressDown,     // the device is down or gone
  kEgressBlocked,  // the port does not forward, or not yet (spanning tree)
  kOverMtu,        // larger than the egress device's MTU, and not GSO
  kEgressFull,     // the device would have blocked
  kRefused,        // the device refused the frame (EINVAL): a header it does not believe
  kCannotSegment,  // needs software offload, but is malformed for it
  kFormsFull,      // the batch has too many frames with other tags
  kEgressError,    // any other error of the device
};
inline constexpr std::size_t kDropReasonCount = static_cast<std::size_t>(DropReason::kEgressError) + 1;

/// Names as `rbctl stats` prints them, in the order of the enumerators.
inline constexpr std::array<std::string_view, kDropReasonCount> kDropReasonNames = {
    "runt",     "bad_vnet_header", "truncated",    "invalid_source", "reserved_group", "ingress_down",
    "blocked",  "bpdu_filtered",   "punted",       "punt_limit",     "punt_full",      "frame_type",
    "no_pvid",  "invalid_vid",     "vlan_ingress", "vlan_egress",    "locked",         "same_port",
    "isolated", "no_egress",       "egress_down",  "egress_blocked", "over_mtu",       "egress_full",
    "refused",  "cannot_segment",  "forms_full",   "egress_error",
};

static_assert(!kDropReasonNames.front().empty() && !kDropReasonNames.back().empty(), "one name for each reason");

[[nodiscard]] constexpr std::string_view drop_reason_name(DropReason reason) noexcept {
  return kDropReasonNames[static_cast<std::size_t>(reason)];
}
/// True for the reasons that are counted on the egress port.
[[nodiscard]] constexpr bool is_egress_reason(DropReason reason) noexcept {
  return reason >= DropReason::kEgressDown;
}

}  // namespace rb
