// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the headers of a frame that must be cut into segments, and checks that its VnetHeader is correct.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "switch/frame.hpp"

namespace rb {

/// The longest headers, from the first octet to the end of layer 4, that segmentation supports. After two VLAN tags,
/// IPv4 and TCP with all their options take 142; IPv6 and TCP with all options take 122 and leave 70 for extension
/// headers.
inline constexpr std::size_t kMaxHeadersSize = 192;
inline constexpr std::uint32_t kIpv6Size =
    40;  // octets of the fixed header; its payload length counts the octets after it
inline constexpr std::uint32_t kUdpSize = 8;  // octets

/// Offsets count octets from the first of the frame. A frame's headers are in pieces[0], and in its first
/// kMaxHeadersSize octets.
struct GsoHeaders {
  std::uint16_t ip_offset = 0;         // of the IPv4 or IPv6 header, after all VLAN tags
  std::uint16_t transport_offset = 0;  // of the TCP or UDP header, after IPv4 options or IPv6 extension headers
  std::uint16_t size = 0;              // to the end of the TCP (with options) or UDP header
  bool ipv6 = false;
  bool tcp = false;
};

/// Reads the headers of a frame with a gso_type. Returns nullopt unless VLAN tags, EtherType, IP version, protocol,
/// gso_type, csum_start and csum_offset agree, NEEDS_CSUM is set (virtio 1.2 5.1.6.2.1 requires it for GSO frames), the
/// packet is no fragment, and every header is whole. The function does not check the lengths of the payload in headers.
[[nodiscard]] std::optional<GsoHeaders> find_gso_headers(const VnetHeader& vnet, const Frame& frame) noexcept;

/// Returns the number of octets before the contents that the outermost EtherType other than a VLAN tag's announces; 0
/// if the frame ends before.
[[nodiscard]] std::uint16_t layer2_size(const Frame& frame) noexcept;

}  // namespace rb
