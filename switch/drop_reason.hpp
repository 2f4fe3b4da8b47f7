// SPDX-License-Identifier: GPL-2.0-or-later
// Drop reasons: why a frame or a copy of it did not leave. Every frame that does not leave is counted under exactly
// one reason.
//
// How to add a reason: one row in RB_DROP_REASONS, and its use. The enumerator, the counter, the name in `rbctl stats`,
// the word in `rbctl trace` and the page docs/drop-reasons.md (a test compares the page with the table) follow from the
// row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rb {

/// Where a frame is dropped, which is also the port whose counter grows.
enum class DropSide : std::uint8_t {
  kIngress,  // the frame went nowhere: counted on the port that received the frame
  kEgress,   // a copy was on its way out: counted on the port by which the copy should have left
};

// One row a reason: enumerator, name, side, meaning. Reasons at ingress stand before those at egress.
#define RB_DROP_REASONS(ROW)                                                                                        \
  ROW(kRunt, "runt", kIngress, "The frame is shorter than an Ethernet header.")                                     \
  ROW(kBadVnetHeader, "bad_vnet_header", kIngress, "The virtio_net_hdr does not fit the frame that follows.")       \
  ROW(kTruncated, "truncated", kIngress, "The frame is longer than the largest buffer.")                            \
  ROW(kWrongPeer, "wrong_peer", kIngress, "The datagram comes from a socket that is not the port's peer.")          \
  ROW(kOverRateIn, "over_rate_in", kIngress, "The port receives more than its limit (rate_in) allows.")             \
  ROW(kHoldFull, "hold_full", kIngress, "The frame had to wait, but the memory for waiting frames was full.")       \
  ROW(kInvalidSource, "invalid_source", kIngress, "The source address is a group address, or zero.")                \
  ROW(kReservedGroup, "reserved_group", kIngress,                                                                   \
      "The destination is a reserved group (01:80:c2:00:00:0X) that the bridge does not forward.")                  \
  ROW(kIngressDown, "ingress_down", kIngress, "The port is down or disabled, or belongs to no bridge.")             \
  ROW(kBlocked, "blocked", kIngress, "The port does not forward, or not yet (spanning tree).")                      \
  ROW(kBpduFiltered, "bpdu_filtered", kIngress, "The frame is a BPDU, and the port filters BPDUs.")                 \
  ROW(kPunted, "punted", kIngress,                                                                                  \
      "The frame is a BPDU or a loop probe that the control thread has taken. Nothing is lost.")                    \
  ROW(kPuntLimit, "punt_limit", kIngress,                                                                           \
      "The frame is for the control thread, but the port has sent as many as it may in this second.")               \
  ROW(kPuntFull, "punt_full", kIngress,                                                                             \
      "The frame is for the control thread, but the queue to the control thread is full.")                          \
  ROW(kFrameType, "frame_type", kIngress,                                                                           \
      "The frame is tagged and the port admits only untagged frames, or the other way round.")                      \
  ROW(kNoPvid, "no_pvid", kIngress, "The frame has no VID, and the port has no PVID.")                              \
  ROW(kInvalidVid, "invalid_vid", kIngress, "The VID is 4095, which is reserved.")                                  \
  ROW(kVlanIngress, "vlan_ingress", kIngress, "The port is not a member of the frame's VLAN (ingress filtering).")  \
  ROW(kVlanEgress, "vlan_egress", kIngress, "The port of the destination is not a member of the frame's VLAN.")     \
  ROW(kLocked, "locked", kIngress, "The port is locked, and the FDB does not know the source behind the port.")     \
  ROW(kSamePort, "same_port", kIngress,                                                                             \
      "The destination is behind the port that received the frame, and hairpin is off.")                            \
  ROW(kIsolated, "isolated", kIngress, "The port and the port of the destination are both isolated.")               \
  ROW(kNoEgress, "no_egress", kIngress, "No other port may be given the frame.")                                    \
  ROW(kEgressDown, "egress_down", kEgress, "The device is down or gone.")                                           \
  ROW(kEgressBlocked, "egress_blocked", kEgress, "The port does not forward, or not yet (spanning tree).")          \
  ROW(kOverMtu, "over_mtu", kEgress, "The frame is larger than the MTU of the device, and is no super-frame.")      \
  ROW(kEgressFull, "egress_full", kEgress, "The device, or the queue to the device, is full.")                      \
  ROW(kEgressHoldFull, "egress_hold_full", kEgress,                                                                 \
      "The copy had to wait, but the memory for waiting frames was full.")                                          \
  ROW(kRefused, "refused", kEgress, "The device refused the frame (EINVAL), because it doubts a header.")           \
  ROW(kCannotSegment, "cannot_segment", kEgress,                                                                    \
      "The frame must be finished in software, but its headers do not permit that.")                                \
  ROW(kFormsFull, "forms_full", kEgress, "Too many frames of the batch leave with other tags than they came with.") \
  ROW(kEgressError, "egress_error", kEgress, "The device reported any other error.")

enum class DropReason : std::uint8_t {
#define RB_ROW(enumerator, name, side, meaning) enumerator,
  RB_DROP_REASONS(RB_ROW)
#undef RB_ROW
};

/// One row of the table.
struct DropReasonRow {
  std::string_view name;  // as `rbctl stats` and `rbctl trace` print it
  DropSide side;
  std::string_view meaning;  // one sentence
};

/// By the number of the enumerator.
inline constexpr auto kDropReasons = std::to_array<DropReasonRow>({
#define RB_ROW(enumerator, name, side, meaning) {name, DropSide::side, meaning},
    RB_DROP_REASONS(RB_ROW)
#undef RB_ROW
});
#undef RB_DROP_REASONS

inline constexpr std::size_t kDropReasonCount = kDropReasons.size();

[[nodiscard]] constexpr std::string_view drop_reason_name(DropReason reason) noexcept {
  return kDropReasons[static_cast<std::size_t>(reason)].name;
}
/// True for the reasons that are counted on the egress port.
[[nodiscard]] constexpr bool is_egress_reason(DropReason reason) noexcept {
  return kDropReasons[static_cast<std::size_t>(reason)].side == DropSide::kEgress;
}

}  // namespace rb
