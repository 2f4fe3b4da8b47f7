// SPDX-License-Identifier: GPL-2.0-or-later
#include "super_frames.hpp"

#include <cstring>
#include <span>
#include <stdexcept>

#include "switch/checksum.hpp"

namespace rb::test {
namespace {

constexpr std::size_t kEthernetSize = 14;
constexpr std::size_t kTcpSize = 20, kUdpSize = 8;
constexpr std::uint8_t kTcp = 6, kUdp = 17;
constexpr std::uint16_t kIpv4Type = 0x0800, kIpv6Type = 0x86dd;
constexpr std::uint32_t kPorts = 0x13881389;   // 5000 and 5001
constexpr std::size_t kKernelHeaderSize = 10;  // PACKET_VNET_HDR has no num_buffers

void put16(Octets& octets, std::uint32_t value) {
  octets.push_back(static_cast<std::uint8_t>(value >> 8 & 0xff));
  octets.push_back(static_cast<std::uint8_t>(value & 0xff));
}
void put32(Octets& octets, std::uint32_t value) {
  put16(octets, value >> 16);
  put16(octets, value);
}
std::uint16_t get16(const Octets& octets, std::size_t at) {
  return static_cast<std::uint16_t>(octets.at(at) << 8 | octets.at(at + 1));
}
std::uint32_t get32(const Octets& octets, std::size_t at) {
  return static_cast<std::uint32_t>(get16(octets, at)) << 16 | get16(octets, at + 2);
}
void set16(Octets& octets, std::size_t at, std::uint32_t value) {
  octets.at(at) = static_cast<std::uint8_t>(value >> 8 & 0xff);
  octets.at(at + 1) = static_cast<std::uint8_t>(value & 0xff);
}

std::uint16_t network_sum(std::span<const std::uint8_t> octets, ChecksumSum sum = {}) {
  sum.add(std::as_bytes(octets));
  const std::uint16_t in_memory = sum.finish();
  std::uint8_t bytes[2];
  std::memcpy(bytes, &in_memory, 2);
  return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

void put_ipv4(Octets& frame, std::uint8_t protocol, std::size_t payload_size) {
  const std::size_t at = frame.size();
  put32(frame, static_cast<std::uint32_t>(0x45000000U | (20 + payload_size)));
  put32(frame, 0x00014000);  // identification 1, do not fragment
  put16(frame, 64U << 8 | protocol);
  put16(frame, 0);
  put32(frame, 0xc0a8df01);  // 192.168.223.1
  put32(frame, 0xc0a8df02);  // 192.168.223.2
  set16(frame, at + 10, network_sum(std::span(frame).subspan(at)));
}

void put_ipv6(Octets& frame, std::uint8_t protocol, std::size_t payload_size) {
  put32(frame, 0x60000000);
  put16(frame, static_cast<std::uint32_t>(payload_size));
  put16(frame, static_cast<std::uint32_t>(protocol << 8 | 64));
  for (const std::uint32_t last : {1U, 2U}) {
    for (const std::uint32_t word : {0xfd000000U, 0U, 0U, last}) put32(frame, word);
  }
}

/// The offsets of the addresses in an IP header, for the pseudo-header.
struct IpLayout {
  std::size_t addresses_at, addresses_size, transport_at, transport_size;
  std::uint8_t protocol;
};

std::optional<IpLayout> ip_layout(const Octets& frame) {
  if (frame.size() < kEthernetSize + 20) return std::nullopt;
  const std::uint16_t type = get16(frame, 12);
  if (type == kIpv4Type) {
    const std::size_t total = get16(frame, 16);
    if (total < 20 || kEthernetSize + total > frame.size()) return std::nullopt;
    if (network_sum(std::span(frame).subspan(kEthernetSize, 20)) != 0) return std::nullopt;
    return IpLayout{26, 8, 34, total - 20, frame[23]};
  }
  if (type != kIpv6Type || frame.size() < kEthernetSize + 40) return std::nullopt;
  const std::size_t size = get16(frame, 18);
  if (kEthernetSize + 40 + size > frame.size()) return std::nullopt;
  return IpLayout{22, 32, 54, size, frame[20]};
}

ChecksumSum pseudo_header(const Octets& frame, const IpLayout& ip) {
  ChecksumSum sum;
  sum.add(std::as_bytes(std::span(frame).subspan(ip.addresses_at, ip.addresses_size)));
  sum.add_word(ip.protocol);
  sum.add_word(static_cast<std::uint16_t>(ip.transport_size & 0xffff));
  return sum;
}

}  // namespace

OffloadedFrame make_super_frame(const SuperFrameFields& fields, const std::string& payload) {
  OffloadedFrame made{.octets = ethernet_frame(fields.destination, fields.source, {})};
  Octets& frame = made.octets;
  put16(frame, fields.ipv6 ? kIpv6Type : kIpv4Type);
  const std::size_t header_size = fields.udp ? kUdpSize : kTcpSize;
  const std::uint8_t protocol = fields.udp ? kUdp : kTcp;
  (fields.ipv6 ? put_ipv6 : put_ipv4)(frame, protocol, header_size + payload.size());
  const std::size_t transport_at = frame.size();
  put32(frame, kPorts);
  if (fields.udp) {
    put16(frame, static_cast<std::uint32_t>(header_size + payload.size()));
    put16(frame, 0);
  } else {
    put32(frame, 1000);                              // the first sequence number
    put32(frame, 1);                                 // acknowledges
    put32(frame, 5U << 28 | 0x10U << 16 | 0xffffU);  // 5 words, ACK, window
    put32(frame, 0);
  }
  frame.insert(frame.end(), payload.begin(), payload.end());
  const std::size_t sum_offset = fields.udp ? 6 : 16;
  const ChecksumSum pseudo = pseudo_header(frame, *ip_layout(frame));
  set16(frame, transport_at + sum_offset, static_cast<std::uint16_t>(~network_sum({}, pseudo)));
  made.header = {.flags = kVnetNeedsCsum,
                 .gso_type = fields.udp    ? kGsoUdpL4
                             : fields.ipv6 ? kGsoTcpV6
                                           : kGsoTcpV4,
                 .hdr_len = static_cast<std::uint16_t>(transport_at + header_size),
                 .gso_size = fields.segment_size,
                 .csum_start = static_cast<std::uint16_t>(transport_at),
                 .csum_offset = static_cast<std::uint16_t>(sum_offset)};
  return made;
}

std::optional<std::string> payload_of(const OffloadedFrame& frame) {
  const std::optional<IpLayout> ip = ip_layout(frame.octets);
  if (!ip || (ip->protocol != kTcp && ip->protocol != kUdp)) return std::nullopt;
  const std::size_t header_size = ip->protocol == kTcp ? kTcpSize : kUdpSize;
  if (ip->transport_size < header_size || get32(frame.octets, ip->transport_at) != kPorts) return std::nullopt;
  const auto transport = std::span(frame.octets).subspan(ip->transport_at, ip->transport_size);
  const bool unfinished = (frame.header.flags & kVnetNeedsCsum) != 0;
  if (!unfinished && network_sum(transport, pseudo_header(frame.octets, *ip)) != 0) return std::nullopt;
  const auto payload = transport.subspan(header_size);
  return std::string(payload.begin(), payload.end());
}

OffloadedWire::OffloadedWire(const Lab::Host& host) {
  const Result<NetnsScope> visit = NetnsScope::enter(host.netns.get());
  if (!visit) throw std::runtime_error(visit.error().message);
  fd_.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  const int one = 1;
  ::setsockopt(fd_.get(), SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one);
  ::setsockopt(fd_.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(host.device.c_str()));
  if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("bind to " + host.device);
}

void OffloadedWire::send(const OffloadedFrame& frame) const {
  Octets whole(kKernelHeaderSize);
  std::memcpy(whole.data(), &frame.header, kKernelHeaderSize);
  whole.insert(whole.end(), frame.octets.begin(), frame.octets.end());
  EXPECT_EQ(::send(fd_.get(), whole.data(), whole.size(), 0), static_cast<ssize_t>(whole.size()));
}

std::optional<OffloadedFrame> OffloadedWire::receive() const {
  pollfd waiting{fd_.get(), POLLIN, 0};
  while (::poll(&waiting, 1, 10000) == 1) {
    Octets whole(70000);
    const ssize_t size = ::recv(fd_.get(), whole.data(), whole.size(), 0);
    if (size < static_cast<ssize_t>(kKernelHeaderSize)) continue;
    OffloadedFrame frame;
    std::memcpy(static_cast<void*>(&frame.header), whole.data(), kKernelHeaderSize);
    frame.octets.assign(whole.begin() + kKernelHeaderSize, whole.begin() + size);
    if (payload_of(frame)) return frame;
  }
  return std::nullopt;
}

}  // namespace rb::test
