// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/gso_headers.hpp"

#include <algorithm>
#include <span>

#include "switch/big_endian.hpp"

namespace rb {
namespace {

using Octets = std::span<const std::byte>;

// IEEE 802 numbers and IANA protocol numbers.
constexpr std::uint16_t kTypeIpv4 = 0x0800;
constexpr std::uint16_t kTypeIpv6 = 0x86dd;
constexpr std::uint16_t kTypeCustomerTag = 0x8100;  // IEEE 802.1Q-2022 table 9-1
constexpr std::uint16_t kTypeServiceTag = 0x88a8;
constexpr std::uint8_t kProtocolTcp = 6;
constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::uint8_t kHopByHopOptions = 0;  // RFC 8200 4.3, 4.4, 4.6
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kDestinationOptions = 60;

constexpr std::size_t kEtherTypeSize = 2;
constexpr std::size_t kIpv4MinSize = 20, kTcpMinSize = 20;
constexpr std::uint16_t kTcpChecksumOffset = 16, kUdpChecksumOffset = 6;

bool has(Octets headers, std::size_t offset, std::size_t size) noexcept {
  return offset + size <= headers.size();
}

/// Returns the part of a frame in which headers may be.
Octets headers_of(const Frame& frame) noexcept {
  if (frame.piece_count == 0) return {};
  return {frame.pieces[0].data, std::min<std::size_t>({frame.pieces[0].size, frame.size, kMaxHeadersSize})};
}

/// Returns the offset after the EtherType, or 0 if that is beyond the end.
std::size_t skip_tags(Octets headers) noexcept {
  for (std::size_t at = kEthernetHeaderSize - kEtherTypeSize; has(headers, at, kEtherTypeSize); at += kVlanTagSize) {
    const std::uint16_t type = load16(&headers[at]);
    if (type != kTypeCustomerTag && type != kTypeServiceTag) return at + kEtherTypeSize;
  }
  return 0;
}

/// Returns the offset of the transport header after an IPv4 header; 0 unless it is of `protocol`, and no fragment.
std::size_t skip_ipv4(Octets headers, std::size_t ip, std::uint8_t protocol) noexcept {
  if (!has(headers, ip, kIpv4MinSize)) return 0;
  const std::size_t size = (load8(&headers[ip]) & 0xfU) * std::size_t{4};
  const bool fragment = (load16(&headers[ip + 6]) & 0x3fff) != 0;  // more fragments, or an offset
  if (load8(&headers[ip]) >> 4 != 4 || size < kIpv4MinSize || fragment || load8(&headers[ip + 9]) != protocol) return 0;
  return ip + size;
}

/// Returns the same for an IPv6 header and its extensions (RFC 8200 4.1), each of which has at least eight octets.
std::size_t skip_ipv6(Octets headers, std::size_t ip, std::uint8_t protocol) noexcept {
  if (!has(headers, ip, kIpv6Size) || load8(&headers[ip]) >> 4 != 6) return 0;
  std::uint8_t next = load8(&headers[ip + 6]);
  std::size_t at = ip + kIpv6Size;
  while (next == kHopByHopOptions || next == kRouting || next == kDestinationOptions) {
    if (!has(headers, at, 8)) return 0;
    next = load8(&headers[at]);
    at += (load8(&headers[at + 1]) + std::size_t{1}) * 8;
  }
  return next == protocol ? at : 0;
}

/// Returns the size of the transport header; 0 unless it is whole.
std::size_t transport_size(Octets headers, std::size_t transport, bool tcp) noexcept {
  if (!tcp) return has(headers, transport, kUdpSize) ? kUdpSize : 0;
  if (!has(headers, transport, kTcpMinSize)) return 0;
  const std::size_t size = (load8(&headers[transport + 12]) >> 4) * std::size_t{4};
  return size >= kTcpMinSize && has(headers, transport, size) ? size : 0;
}

/// True if this project supports the gso_type, ECN included, for packets of an EtherType.
bool fits_type(std::uint8_t gso_type, std::uint16_t type) noexcept {
  switch (gso_type) {
    case kGsoTcpV4:
    case kGsoTcpV4 | kGsoEcn:
      return type == kTypeIpv4;
    case kGsoTcpV6:
    case kGsoTcpV6 | kGsoEcn:
      return type == kTypeIpv6;
    case kGsoUdpL4:
      return type == kTypeIpv4 || type == kTypeIpv6;
    default:
      return false;
  }
}

}  // namespace

std::uint16_t layer2_size(const Frame& frame) noexcept {
  return static_cast<std::uint16_t>(skip_tags(headers_of(frame)));
}

std::optional<GsoHeaders> find_gso_headers(const VnetHeader& vnet, const Frame& frame) noexcept {
  const Octets headers = headers_of(frame);
  const std::size_t ip = skip_tags(headers);
  if (ip == 0) return std::nullopt;
  const std::uint16_t type = load16(&headers[ip - kEtherTypeSize]);
  if (!fits_type(vnet.gso_type, type)) return std::nullopt;
  const bool ipv6 = type == kTypeIpv6;
  const bool tcp = vnet.gso_type != kGsoUdpL4;
  const std::uint8_t protocol = tcp ? kProtocolTcp : kProtocolUdp;
  const std::size_t transport = ipv6 ? skip_ipv6(headers, ip, protocol) : skip_ipv4(headers, ip, protocol);
  if (transport == 0) return std::nullopt;
  const std::size_t own_size = transport_size(headers, transport, tcp);
  const bool checksum_agrees = (vnet.flags & kVnetNeedsCsum) != 0 && vnet.csum_start == transport &&
                               vnet.csum_offset == (tcp ? kTcpChecksumOffset : kUdpChecksumOffset);
  if (own_size == 0 || !checksum_agrees) return std::nullopt;
  return GsoHeaders{.ip_offset = static_cast<std::uint16_t>(ip),
                    .transport_offset = static_cast<std::uint16_t>(transport),
                    .size = static_cast<std::uint16_t>(transport + own_size),
                    .ipv6 = ipv6,
                    .tcp = tcp};
}

}  // namespace rb
