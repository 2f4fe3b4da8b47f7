// The one border for frame octets: reads the Ethernet header and refuses what no later code may rely on.
#pragma once

#include <optional>

#include "switch/counters.hpp"
#include "switch/drop_reason.hpp"
#include "switch/frame.hpp"
#include "switch/mac_address.hpp"

namespace rb {

/// What later stages need of a frame's octets.
struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
};

/// Whether a virtio_net_hdr may belong to its frame: what it points at lies within, and its kinds are known. Most
/// frames carry neither work, and cost one comparison.
[[nodiscard]] inline bool check_vnet_header(const Frame& frame) noexcept {
  const VnetHeader& vnet = *frame.vnet;
  if ((vnet.flags & kVnetNeedsCsum) == 0 && vnet.gso_type == kGsoNone) [[likely]]
    return true;
  if ((vnet.flags & kVnetNeedsCsum) != 0 && std::uint32_t{vnet.csum_start} + vnet.csum_offset + 2 > frame.size)
    return false;
  switch (vnet.gso_type & ~kGsoEcn) {
    case kGsoNone:
      return vnet.gso_type == kGsoNone;
    case kGsoTcpV4:
    case kGsoTcpV6:
    case kGsoUdpL4:
      return vnet.gso_size != 0;
    default:
      return false;
  }
}

/// Whether the frame is one at all; nullopt: it is, and its first kEthernetHeaderSize octets lie in pieces[0].
[[nodiscard]] inline std::optional<DropReason> check_frame(const Frame& frame) noexcept {
  if (frame.size < kEthernetHeaderSize || frame.piece_count == 0 || frame.pieces[0].size < kEthernetHeaderSize) {
    return DropReason::kRunt;
  }
  if (!check_vnet_header(frame)) return DropReason::kBadVnetHeader;
  return std::nullopt;
}

/// Reads the header of a frame that check_frame() let pass.
[[nodiscard]] inline EthernetHeader parse_ethernet(const Frame& frame) noexcept {
  const std::byte* octets = frame.pieces[0].data;
  return {MacAddress::from_bytes(octets), MacAddress::from_bytes(octets + 6)};
}

[[nodiscard]] inline CastKind cast_of(const MacAddress& destination) noexcept {
  if (!destination.is_group()) return CastKind::kUnicast;
  return destination.is_broadcast() ? CastKind::kBroadcast : CastKind::kMulticast;
}

}  // namespace rb
