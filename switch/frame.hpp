// SPDX-License-Identifier: GPL-2.0-or-later
// A frame as the switch sees it: a view, never a copy (docs/architecture.md, "A frame is a view").
#pragma once

#include <cstddef>
#include <cstdint>

#include "switch/vnet_header.hpp"

namespace rb {

/// Index of a port in the switch, unique over all bridges; reused only after workers and FDB have forgotten it.
using PortIndex = std::uint16_t;
inline constexpr PortIndex kNoPort = 0x0fff;
/// Port indexes are 0..kMaxPorts-1: twelve bits in an FDB value, the last of them meaning "no port".
inline constexpr std::size_t kMaxPorts = 0x0fff;

/// Filtering identifier (IEEE 802.1Q-2022 8.8.8): one bridge's VLAN, or the whole of a VLAN-unaware bridge. 0 is
/// unused.
using Fid = std::uint16_t;

inline constexpr std::size_t kEthernetHeaderSize = 14;  // octets: destination, source, type (IEEE 802.3-2022 3.2)
inline constexpr std::size_t kVlanTagSize = 4;          // octets (IEEE 802.1Q-2022 9.6)

/// One contiguous part of a frame. The memory belongs to the owner that lent it to the batch.
struct Piece {
  std::byte* data = nullptr;
  std::uint32_t size = 0;  // octets
};

/// A view of one frame: the header that came with it and its octets. pieces[0] has at least the Ethernet header, and
/// for a frame with NEEDS_CSUM or GSO everything to the end of layer 4; parse.hpp has checked that.
struct Frame {
  VnetHeader* vnet = nullptr;  // if it ends where pieces[0] begins, one write can take both
  Piece* pieces = nullptr;     // piece_count of them
  std::uint32_t size = 0;      // octets of the whole frame, without vnet
  std::uint16_t piece_count = 0;
  PortIndex ingress = kNoPort;
};

}  // namespace rb
