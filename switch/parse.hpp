// SPDX-License-Identifier: GPL-2.0-or-later
// The only border for frame octets: reads the Ethernet header and refuses frames that later code cannot handle.
#pragma once

#include <optional>

#include "switch/counters.hpp"
#include "switch/drop_reason.hpp"
#include "switch/frame.hpp"
#include "switch/mac_address.hpp"
#include "switch/vnet_check.hpp"

namespace rb {

/// The parts of a frame's octets that later stages need.
struct EthernetHeader {
  MacNumber destination;
  MacNumber source;
};

/// Checks a frame. nullopt: the frame is good, its first kEthernetHeaderSize octets are in pieces[0], and its
/// VnetHeader has only checked fields. Otherwise the reason to drop it.
[[nodiscard]] inline std::optional<DropReason> check_frame(const Frame& frame, Trust trust) noexcept {
  if (frame.size < kEthernetHeaderSize || frame.piece_count == 0 || frame.pieces[0].size < kEthernetHeaderSize) {
    return DropReason::kRunt;
  }
  if (!check_vnet_header(*frame.vnet, frame, trust)) return DropReason::kBadVnetHeader;
  return std::nullopt;
}

/// Reads the header of a frame that check_frame() has passed.
[[nodiscard]] inline EthernetHeader parse_ethernet(const Frame& frame) noexcept {
  const std::byte* octets = frame.pieces[0].data;
  return {MacNumber::at(octets), MacNumber::at(octets + 6)};
}

[[nodiscard]] inline CastKind cast_of(MacNumber destination) noexcept {
  if (!destination.is_group()) return CastKind::kUnicast;
  return destination.is_broadcast() ? CastKind::kBroadcast : CastKind::kMulticast;
}

}  // namespace rb
