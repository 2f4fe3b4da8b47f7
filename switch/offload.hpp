// SPDX-License-Identifier: GPL-2.0-or-later
// Software offload finishes a frame's checksum, or cuts a GSO frame into segments, for an egress port that cannot take
// the frame unfinished. It only reads the frame: other ports may be sending the same octets.
//
// How it works
//
// The segments are those that Linux would make of the same frame (tcp_gso_segment, __udp_gso_segment,
// skb_checksum_help), to the octet. In particular:
// 1. The checksum field of an unfinished frame holds the sum of the pseudo-header (virtio 1.2 5.1.6.2). It is taken
//    from there and only its length is corrected, not computed from the addresses: behind an IPv6 routing header the
//    sender alone knows the final destination. A sender that put nonsense there gets segments that nobody accepts.
// 2. A GSO frame whose payload fits one segment is not cut, only summed: no header but the checksum changes.
// 3. A checksum that comes out as 0 is written as 0xffff, its equal, wherever UDP could take it for "none".
//
// Nothing is copied but the headers: a segment is a head in the caller's scratch memory, then pieces of the frame. The
// constructor reads every length once and decides; next() relies on nothing else that the frame says.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "switch/frame.hpp"
#include "switch/gso_headers.hpp"

namespace rb {

/// True if the frame has work (NEEDS_CSUM, GSO) beyond `accepts`.
[[nodiscard]] bool asks_for_more(const VnetHeader& vnet, Offloads accepts) noexcept;

/// True if a port that takes `accepts` must not get the frame as it is.
[[nodiscard]] inline bool needs_software_offload(const VnetHeader& vnet, Offloads accepts) noexcept {
  if ((vnet.flags & kVnetNeedsCsum) == 0 && vnet.gso_type == kGsoNone) [[likely]]
    return false;
  return asks_for_more(vnet, accepts);
}

/// Cuts one frame into finished segments. A frame without GSO that only lacks its checksum comes out as one segment.
///
///   Segmenter segmenter(frame);
///   if (!segmenter.valid()) drop(kCannotSegment);
///   while (segmenter.next(scratch, segment)) send(segment);
///
/// Supports TCP over IPv4 and IPv6 (GSO_TCPV4, GSO_TCPV6, with ECN: CWR only on the first segment; FIN and PSH only
/// on the last; IPv4 id counted up), UDP_L4 (USO), each behind any number of VLAN tags that fits kMaxHeaderSize, with
/// IPv4 options and IPv6 extension headers. Every length is checked against the frame once, in the
/// constructor.
class Segmenter {
 public:
  static constexpr std::size_t kMaxHeaderSize = kMaxHeadersSize;  // octets to the end of layer 4
  static constexpr std::size_t kScratchSize = sizeof(VnetHeader) + kMaxHeaderSize;
  /// Maximum in one segment: a 64 KiB frame in pages, and some pieces for its headers. A whole frame may have more.
  static constexpr std::size_t kMaxPayloadPieces = 20;
  /// A frame that would be cut into more is refused: a gso_size of 1 would turn one frame into 64 Ki writes. The
  /// smallest MSS that Linux takes from a TCP peer is 88 (TCP_MIN_MSS), of which options can use 40; 64 KiB of that is
  /// 1,366 segments, and UDP sends no more than 128 in one go (UDP_MAX_SEGMENTS).
  static constexpr std::uint32_t kMaxSegments = 2048;

  /// One frame that is ready to be written: scratch[0..head_size) is an all-zero VnetHeader followed by the headers,
  /// then comes the payload, which is still in the original frame.
  struct Segment {
    std::uint32_t head_size = 0;  // octets used in scratch, the VnetHeader included
    std::uint32_t size = 0;       // octets of the frame without the VnetHeader
    std::array<Piece, kMaxPayloadPieces> payload;
    std::uint32_t payload_count = 0;  // pieces, none of them empty
  };

  /// Keeps a reference to `frame`, its pieces and its VnetHeader, which must outlive the Segmenter unchanged. The
  /// payload may change (it may be in a guest's memory); then only that segment's checksum is wrong.
  explicit Segmenter(const Frame& frame) noexcept;

  /// False if the frame's headers do not fit its VnetHeader, or if there is no work. next() then returns nothing.
  [[nodiscard]] bool valid() const noexcept { return valid_; }
  /// Writes the next segment's head into `scratch` (kScratchSize octets). False if there is none left.
  bool next(std::span<std::byte, kScratchSize> scratch, Segment& segment) noexcept;

 private:
  /// A place in the frame's scatter list.
  struct Cursor {
    std::uint32_t piece = 0;
    std::uint32_t offset = 0;  // octets into that piece
  };

  bool read_checksum_only() noexcept;
  bool read_gso() noexcept;
  [[nodiscard]] bool lengths_agree() const noexcept;
  [[nodiscard]] bool pieces_hold_frame() const noexcept;
  [[nodiscard]] bool segments_fit_pieces() const noexcept;
  Piece take(Cursor& cursor, std::uint32_t size) const noexcept;
  void take_payload(std::uint32_t size, Segment& segment) noexcept;
  void write_headers(std::byte* head, std::uint32_t payload_size) const noexcept;
  void write_ip(std::byte* head, std::uint32_t payload_size) const noexcept;
  void write_tcp(std::byte* head, std::uint32_t payload_size) const noexcept;
  void write_checksum(std::byte* head, const Segment& segment) const noexcept;

  const Frame& frame_;
  GsoHeaders headers_;  // for a checksum-only frame: the start of the sum, and the end of the head
  bool cut_ = false;    // false: only the checksum is missing
  bool valid_ = false;
  std::uint16_t checksum_offset_ = 0;  // octets before the checksum field
  std::uint32_t payload_size_ = 0;
  std::uint32_t segment_payload_ = 0;  // octets of payload in each segment but the last

  // The progress of next().
  std::uint32_t index_ = 0;  // of the next segment
  std::uint32_t sent_ = 0;   // octets of payload
  Cursor at_;
};

}  // namespace rb
