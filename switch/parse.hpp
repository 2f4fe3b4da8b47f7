// SPDX-License-Identifier: GPL-2.0-or-later
// The one border for frame octets: reads the Ethernet header and refuses what no later code may rely on.
#pragma once

#include <optional>

#include "switch/counters.hpp"
#include "switch/drop_reason.hpp"
#include "switch/frame.hpp"
#include "switch/mac_address.hpp"
#include "switch/vnet_check.hpp"

namespace rb {

/// What later stages need of a frame's octets.
struct EthernetHeader {
  MacNumber destination;
  MacNumber source;
};

/// Whether the frame is one at all; nullopt: it is, its first kEthernetHeaderSize octets lie in pieces[0], and its
/// VnetHeader has been reduced to what holds of it.
[[nodiscard]] inline std::optional<DropReason> check_frame(const Frame& frame, Trust trust) noexcept {
  if (frame.size < kEthernetHeaderSize || frame.piece_count == 0 || frame.pieces[0].size < kEthernetHeaderSize) {
    return DropReason::kRunt;
  }
  if (!check_vnet_header(*frame.vnet, frame, trust)) return DropReason::kBadVnetHeader;
  return std::nullopt;
}

/// Reads the header of a frame that check_frame() let pass.
[[nodiscard]] inline EthernetHeader parse_ethernet(const Frame& frame) noexcept {
  const std::byte* octets = frame.pieces[0].data;
  return {MacNumber::at(octets), MacNumber::at(octets + 6)};
}

[[nodiscard]] inline CastKind cast_of(MacNumber destination) noexcept {
  if (!destination.is_group()) return CastKind::kUnicast;
  return destination.is_broadcast() ? CastKind::kBroadcast : CastKind::kMulticast;
}

}  // namespace rb
