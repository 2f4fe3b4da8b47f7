// SPDX-License-Identifier: GPL-2.0-or-later
// Super-frames: IPv4/TCP frames longer than a wire takes, as a guest hands them over uncut (TSO).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "switch/vnet_header.hpp"

namespace bench {

inline constexpr std::size_t kMaxSuperFrameSize = 14 + 4 + 65535;  // octets; with a tag, and the longest IPv4 packet
inline constexpr std::size_t kSegmentSize = 1460;                  // octets of payload in each segment

namespace super_frame {
inline constexpr std::size_t kIpSize = 20, kTcpSize = 20,
                             kTcpChecksum =
                                 16;  // octets; there are no options; kTcpChecksum is the offset of the checksum
inline constexpr std::byte kProtocolTcp{6};

inline void put(std::byte* there, std::size_t value) {
  there[0] = static_cast<std::byte>(value >> 8);
  there[1] = static_cast<std::byte>(value);
}
[[nodiscard]] inline unsigned get(const std::byte* there) {
  return std::to_integer<unsigned>(there[0]) << 8 | std::to_integer<unsigned>(there[1]);
}
/// The sum of 16-bit words, before the complement.
[[nodiscard]] inline unsigned sum(const std::byte* words, std::size_t count, unsigned so_far = 0) {
  for (std::size_t i = 0; i < count; ++i) so_far += get(words + 2 * i);
  while (so_far > 0xffff) so_far = (so_far & 0xffff) + (so_far >> 16);
  return so_far;
}
/// The offset after the EtherType 0x0800, 14 or 18; 0 if the frame has none.
[[nodiscard]] inline std::size_t ip_offset(std::span<const std::byte> frame) {
  const std::size_t offset = frame.size() >= 18 && get(frame.data() + 12) == 0x8100 ? 18 : 14;
  return frame.size() >= offset + kIpSize + kTcpSize && get(frame.data() + offset - 2) == 0x0800 ? offset : 0;
}
}  // namespace super_frame

/// Writes IPv4 and TCP headers after the Ethernet header of a whole frame. `ethernet_size` is 14 octets, or 18 with a
/// tag. The TCP checksum field gets the pseudo-header's sum, as NEEDS_CSUM requires (virtio 1.2 5.1.6.2).
inline void write_tcp_headers(std::span<std::byte> frame, std::size_t ethernet_size) {
  using namespace super_frame;
  put(frame.data() + ethernet_size - 2, 0x0800);
  std::byte* const ip = frame.data() + ethernet_size;
  const std::size_t ip_length = frame.size() - ethernet_size;
  std::memset(ip, 0, kIpSize + kTcpSize);
  ip[0] = std::byte{0x45};
  put(ip + 2, ip_length);
  ip[8] = std::byte{64};  // time to live
  ip[9] = kProtocolTcp;
  put(ip + 12, 192 << 8 | 168), put(ip + 14, 223 << 8 | 1);  // from
  put(ip + 16, 192 << 8 | 168), put(ip + 18, 223 << 8 | 2);  // to
  put(ip + 10, ~sum(ip, kIpSize / 2) & 0xffffU);
  std::byte* const tcp = ip + kIpSize;
  put(tcp, 9000), put(tcp + 2, 9000);  // ports
  tcp[12] = std::byte{kTcpSize / 4 << 4};
  tcp[13] = std::byte{0x10};  // ACK
  put(tcp + 14, 0xffff);      // window
  const unsigned rest = 6 + static_cast<unsigned>(ip_length - kIpSize);
  put(tcp + kTcpChecksum, sum(ip + 12, 4, rest));
}

/// Returns the header that a guest gives a frame: an empty one for a frame that fits on a wire or is not TCP, otherwise
/// one with the segment size.
[[nodiscard]] inline rb::VnetHeader header_for(std::span<const std::byte> frame) {
  using namespace super_frame;
  const std::size_t offset = ip_offset(frame);
  if (offset == 0 || frame.size() <= offset + kIpSize + kTcpSize + kSegmentSize) return {};
  if (frame[offset] != std::byte{0x45} || frame[offset + 9] != kProtocolTcp) return {};
  return {.flags = rb::kVnetNeedsCsum,
          .gso_type = rb::kGsoTcpV4,
          .hdr_len = static_cast<std::uint16_t>(offset + kIpSize + kTcpSize),
          .gso_size = kSegmentSize,
          .csum_start = static_cast<std::uint16_t>(offset + kIpSize),
          .csum_offset = kTcpChecksum,
          .num_buffers = 0};
}

}  // namespace bench
