// Software offload: finishes a frame's checksum, or cuts a GSO frame into segments, for an egress port that cannot
// take it unfinished. The frame itself is only read: other ports may be sending the same octets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "switch/frame.hpp"

namespace rb {

/// True when `frame` carries work (NEEDS_CSUM, GSO) that a port which takes `accepts` must not be given.
[[nodiscard]] bool needs_software_offload(const VnetHeader& vnet, Offloads accepts) noexcept;

/// Cuts one frame into finished segments. A frame without GSO that only lacks its checksum comes out as one segment.
///
///   Segmenter segmenter(frame);
///   if (!segmenter.valid()) drop(kCannotSegment);
///   while (segmenter.next(scratch, segment)) send(segment);
///
/// Supports TCP over IPv4 and IPv6 (GSO_TCPV4, GSO_TCPV6, with ECN: CWR only on the first segment; FIN and PSH only
/// on the last; IPv4 id counted up), UDP_L4 (USO), each behind any number of VLAN tags that fits kMaxHeaderSize, with
/// IPv4 options and IPv6 extension headers. Every length is checked against the frame once, in the constructor.
class Segmenter {
 public:
  static constexpr std::size_t kMaxHeaderSize = 192;  // octets to the end of layer 4
  static constexpr std::size_t kScratchSize = sizeof(VnetHeader) + kMaxHeaderSize;
  static constexpr std::size_t kMaxPayloadPieces = 20;

  /// One frame ready to be written: scratch[0..head_size) is an all-zero VnetHeader followed by the headers, then
  /// the payload, which still lies in the original frame.
  struct Segment {
    std::uint32_t head_size = 0;  // octets used in scratch, the VnetHeader included
    std::uint32_t size = 0;       // octets of the frame without the VnetHeader
    std::array<Piece, kMaxPayloadPieces> payload;
    std::uint32_t payload_count = 0;
  };

  explicit Segmenter(const Frame& frame) noexcept;

  /// False when the frame's headers do not support what its VnetHeader claims; next() then gives nothing.
  [[nodiscard]] bool valid() const noexcept { return valid_; }
  /// Octets of the largest segment without VnetHeader, for the MTU check.
  [[nodiscard]] std::uint32_t largest_segment_size() const noexcept;
  /// Writes the next segment's head into `scratch` (kScratchSize octets); false when there is none left.
  bool next(std::span<std::byte, kScratchSize> scratch, Segment& segment) noexcept;

 private:
  bool valid_ = false;
};

}  // namespace rb
