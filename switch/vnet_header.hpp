// SPDX-License-Identifier: GPL-2.0-or-later
// virtio_net_hdr (virtio 1.2 5.1.6): the checksum and segmentation work that a frame still needs, and Offloads, the set
// of those that a port can take.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace rb {

/// The 12-octet header before every frame read from or written to a port (TUNSETVNETHDRSZ 12, TUNSETVNETLE 1). All
/// fields are little-endian; this project builds for little-endian hosts only.
struct VnetHeader {
  std::uint8_t flags = 0;
  std::uint8_t gso_type = 0;
  std::uint16_t hdr_len = 0;      // octets to the end of the layer 4 header; a hint
  std::uint16_t gso_size = 0;     // octets of payload in each segment
  std::uint16_t csum_start = 0;   // octets from the Ethernet header's first octet
  std::uint16_t csum_offset = 0;  // octets from csum_start to the checksum field
  std::uint16_t num_buffers = 0;  // of mergeable receive buffers; always 0 or 1 inside the switch
};
static_assert(sizeof(VnetHeader) == 12 && alignof(VnetHeader) == 2);
static_assert(std::endian::native == std::endian::little);

// virtio 1.2 5.1.6 and linux/virtio_net.h; GSO_UDP_L4 is missing from Linux 6.1's header.
inline constexpr std::uint8_t kVnetNeedsCsum = 1;  // VIRTIO_NET_HDR_F_NEEDS_CSUM
inline constexpr std::uint8_t kVnetDataValid = 2;  // VIRTIO_NET_HDR_F_DATA_VALID
inline constexpr std::uint8_t kVnetRscInfo = 4;    // VIRTIO_NET_HDR_F_RSC_INFO
inline constexpr std::uint8_t kGsoNone = 0;        // VIRTIO_NET_HDR_GSO_NONE
inline constexpr std::uint8_t kGsoTcpV4 = 1;       // VIRTIO_NET_HDR_GSO_TCPV4
inline constexpr std::uint8_t kGsoUdp = 3;         // VIRTIO_NET_HDR_GSO_UDP (fragmentation; never accepted here)
inline constexpr std::uint8_t kGsoTcpV6 = 4;       // VIRTIO_NET_HDR_GSO_TCPV6
inline constexpr std::uint8_t kGsoUdpL4 = 5;       // VIRTIO_NET_HDR_GSO_UDP_L4
inline constexpr std::uint8_t kGsoEcn = 0x80;      // VIRTIO_NET_HDR_GSO_ECN, or-ed in

/// The writer of a VnetHeader.
enum class Trust : std::uint8_t {
  kKernel,  // the host's own kernel, through a tap or a packet socket: its DATA_VALID is trusted
  kPeer,    // a guest or another process: its DATA_VALID ("the checksum has been verified") is not trusted
};

/// The unfinished work that a port takes: bits of a set. offload_names() has the names that `rbctl` prints.
struct Offloads {
  static constexpr std::uint8_t kCsum = 1;
  static constexpr std::uint8_t kTso4 = 2;
  static constexpr std::uint8_t kTso6 = 4;
  static constexpr std::uint8_t kEcn = 8;
  static constexpr std::uint8_t kUso = 16;  // USO4 and USO6 go together (Linux 6.2)
  static constexpr std::uint8_t kAll = 31;

  std::uint8_t bits = 0;

  bool operator==(const Offloads&) const = default;
  [[nodiscard]] constexpr bool has(std::uint8_t wanted) const noexcept { return (bits & wanted) == wanted; }
  [[nodiscard]] constexpr bool any_segmentation() const noexcept { return (bits & (kTso4 | kTso6 | kUso)) != 0; }
};

}  // namespace rb
