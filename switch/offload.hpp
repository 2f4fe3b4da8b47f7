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
/// IPv4 options and IPv6 options headers (no routing header). Every length is checked against the frame once, in the
/// constructor.
class Segmenter {
 public:
  static constexpr std::size_t kMaxHeaderSize = 192;  // octets to the end of layer 4
  static constexpr std::size_t kScratchSize = sizeof(VnetHeader) + kMaxHeaderSize;
  static constexpr std::size_t kMaxPayloadPieces = 20;  // and of a whole frame's pieces
  /// A frame that would be cut into more is refused: 64 KiB in 32-octet pieces is nobody's honest traffic, and a
  /// gso_size of 1 would make 64 Ki writes of one frame.
  static constexpr std::uint32_t kMaxSegments = 2048;

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
  /// Writes the next segment's head into `scratch` (kScratchSize octets); false when there is none left.
  bool next(std::span<std::byte, kScratchSize> scratch, Segment& segment) noexcept;

 private:
  enum class Work : std::uint8_t { kChecksumOnly, kTcp, kUdp };

  bool read_checksum_only() noexcept;
  bool read_gso() noexcept;
  bool read_ipv4(std::uint8_t protocol) noexcept;
  bool read_ipv6(std::uint8_t protocol) noexcept;
  bool read_layer4() noexcept;
  void write_layer3(std::byte* head, std::uint32_t payload_size) const noexcept;
  void write_layer4(std::byte* head, std::uint32_t payload_size) const noexcept;
  void write_checksum(std::byte* head, const Segment& segment) const noexcept;
  void take_payload(std::uint32_t size, Segment& segment) noexcept;

  const Frame& frame_;
  bool valid_ = false;
  Work work_ = Work::kChecksumOnly;
  bool ipv6_ = false;
  std::uint32_t layer3_ = 0;       // octets before the IP header
  std::uint32_t layer4_ = 0;       // octets before the TCP or UDP header, or before where the checksum begins
  std::uint32_t checksum_at_ = 0;  // octets before the checksum field of layer 4
  std::uint32_t head_size_ = 0;    // octets of all headers
  std::uint32_t payload_size_ = 0;
  std::uint32_t segment_payload_ = 0;  // octets of payload in each segment but the last

  // How far next() has come.
  std::uint32_t index_ = 0;
  std::uint32_t sent_ = 0;   // octets of payload
  std::uint32_t piece_ = 0;  // of frame_.pieces
  std::uint32_t piece_offset_ = 0;
};

}  // namespace rb
