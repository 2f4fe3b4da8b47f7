#include "switch/offload.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "switch/checksum.hpp"

namespace rb {
namespace {

constexpr std::uint16_t kTypeIpv4 = 0x0800, kTypeIpv6 = 0x86dd, kTypeVlan = 0x8100, kTypeProviderVlan = 0x88a8;
constexpr std::uint8_t kProtocolTcp = 6, kProtocolUdp = 17;
constexpr std::uint32_t kIpv4MinSize = 20, kIpv6Size = 40, kTcpMinSize = 20, kUdpSize = 8;

// TCP flags (RFC 9293 3.1, RFC 3168): the octet behind the data offset.
constexpr std::uint8_t kTcpFin = 0x01, kTcpPsh = 0x08, kTcpCwr = 0x80;

std::uint8_t get8(const std::byte* at) noexcept {
  return std::to_integer<std::uint8_t>(*at);
}
std::uint16_t get16(const std::byte* at) noexcept {
  return static_cast<std::uint16_t>(get8(at) << 8 | get8(at + 1));
}
std::uint32_t get32(const std::byte* at) noexcept {
  return std::uint32_t{get16(at)} << 16 | get16(at + 2);
}
void put16(std::byte* at, std::uint32_t value) noexcept {
  at[0] = static_cast<std::byte>(value >> 8 & 0xff);
  at[1] = static_cast<std::byte>(value & 0xff);
}
void put32(std::byte* at, std::uint32_t value) noexcept {
  put16(at, value >> 16);
  put16(at + 2, value & 0xffff);
}
/// A checksum is a pair of octets, not a number: it goes as it lies in memory.
void put_checksum(std::byte* at, std::uint16_t checksum) noexcept {
  std::memcpy(at, &checksum, sizeof checksum);
}

/// 0 would mean "none" to UDP and is written as its equal, 0xffff; by Linux skb_checksum_help() for every protocol, but
/// not by tcp_gso_segment().
std::uint16_t never_zero(std::uint16_t checksum) noexcept {
  return checksum == 0 ? std::uint16_t{0xffff} : checksum;
}

std::uint8_t gso_kind(const VnetHeader& vnet) noexcept {
  return static_cast<std::uint8_t>(vnet.gso_type & ~kGsoEcn);
}

}  // namespace

bool needs_software_offload(const VnetHeader& vnet, Offloads accepts) noexcept {
  if ((vnet.flags & kVnetNeedsCsum) != 0 && !accepts.has(Offloads::kCsum)) return true;
  if (vnet.gso_type == kGsoNone) return false;
  if ((vnet.gso_type & kGsoEcn) != 0 && !accepts.has(Offloads::kEcn)) return true;
  switch (gso_kind(vnet)) {
    case kGsoTcpV4:
      return !accepts.has(Offloads::kTso4);
    case kGsoTcpV6:
      return !accepts.has(Offloads::kTso6);
    case kGsoUdpL4:
      return !accepts.has(Offloads::kUso);
    default:
      return true;
  }
}

Segmenter::Segmenter(const Frame& frame) noexcept : frame_(frame) {
  if (frame.piece_count == 0 || frame.piece_count > kMaxPayloadPieces) return;
  valid_ = frame.vnet->gso_type == kGsoNone ? read_checksum_only() : read_gso();
  if (!valid_) return;
  payload_size_ = frame.size - head_size_;
  if (work_ == Work::kChecksumOnly) segment_payload_ = std::max(payload_size_, 1U);
  if (payload_size_ / segment_payload_ >= kMaxSegments) valid_ = false;
  piece_offset_ = head_size_;
}

bool Segmenter::read_checksum_only() noexcept {
  const VnetHeader& vnet = *frame_.vnet;
  if ((vnet.flags & kVnetNeedsCsum) == 0) return false;
  layer4_ = vnet.csum_start;
  checksum_at_ = std::uint32_t{vnet.csum_start} + vnet.csum_offset;
  head_size_ = checksum_at_ + 2;
  return head_size_ <= kMaxHeaderSize && head_size_ <= frame_.pieces[0].size && head_size_ <= frame_.size;
}

bool Segmenter::read_gso() noexcept {
  const std::byte* octets = frame_.pieces[0].data;
  const std::size_t readable = std::min<std::size_t>({frame_.pieces[0].size, frame_.size, kMaxHeaderSize});
  std::uint32_t type_at = 12;
  for (;; type_at += kVlanTagSize) {
    if (type_at + 2 > readable) return false;
    const std::uint16_t type = get16(octets + type_at);
    if (type != kTypeVlan && type != kTypeProviderVlan) break;
  }
  layer3_ = type_at + 2;
  const std::uint16_t type = get16(octets + type_at);
  std::uint8_t protocol = kProtocolTcp;
  switch (gso_kind(*frame_.vnet)) {
    case kGsoTcpV4:
      if (type != kTypeIpv4) return false;
      break;
    case kGsoTcpV6:
      if (type != kTypeIpv6) return false;
      break;
    case kGsoUdpL4:
      protocol = kProtocolUdp;
      break;
    default:
      return false;
  }
  work_ = protocol == kProtocolTcp ? Work::kTcp : Work::kUdp;
  ipv6_ = type == kTypeIpv6;
  if (!(type == kTypeIpv4 ? read_ipv4(protocol) : type == kTypeIpv6 && read_ipv6(protocol))) return false;
  return read_layer4();
}

bool Segmenter::read_ipv4(std::uint8_t protocol) noexcept {
  const std::byte* ip = frame_.pieces[0].data + layer3_;
  const std::size_t readable = std::min<std::size_t>({frame_.pieces[0].size, frame_.size, kMaxHeaderSize});
  if (layer3_ + kIpv4MinSize > readable) return false;
  const std::uint32_t header_size = (get8(ip) & 0xfU) * 4;
  const bool fragment = (get16(ip + 6) & 0x3fff) != 0;  // more fragments, or an offset
  if (get8(ip) >> 4 != 4 || header_size < kIpv4MinSize || fragment || get8(ip + 9) != protocol) return false;
  if (get16(ip + 2) != frame_.size - layer3_) return false;
  layer4_ = layer3_ + header_size;
  return true;
}

bool Segmenter::read_ipv6(std::uint8_t protocol) noexcept {
  const std::byte* octets = frame_.pieces[0].data;
  const std::size_t readable = std::min<std::size_t>({frame_.pieces[0].size, frame_.size, kMaxHeaderSize});
  if (layer3_ + kIpv6Size > readable || get8(octets + layer3_) >> 4 != 6) return false;
  if (get16(octets + layer3_ + 4) != frame_.size - layer3_ - kIpv6Size) return false;
  // RFC 8200 4: hop-by-hop and destination options may stand between; each is at least eight octets long. Not a routing
  // header: behind it the checksum covers the last destination (8.1), and that is not the one in the IPv6 header.
  std::uint8_t next = get8(octets + layer3_ + 6);
  layer4_ = layer3_ + kIpv6Size;
  while (next == 0 || next == 60) {
    if (layer4_ + 8 > readable) return false;
    next = get8(octets + layer4_);
    layer4_ += (get8(octets + layer4_ + 1) + 1U) * 8;
  }
  return next == protocol;
}

bool Segmenter::read_layer4() noexcept {
  const VnetHeader& vnet = *frame_.vnet;
  const std::size_t readable = std::min<std::size_t>({frame_.pieces[0].size, frame_.size, kMaxHeaderSize});
  const std::uint32_t smallest = work_ == Work::kTcp ? kTcpMinSize : kUdpSize;
  if (layer4_ + smallest > readable) return false;
  const std::uint32_t size = work_ == Work::kTcp ? (get8(frame_.pieces[0].data + layer4_ + 12) >> 4) * 4U : kUdpSize;
  head_size_ = layer4_ + size;
  checksum_at_ = layer4_ + (work_ == Work::kTcp ? 16 : 6);
  if (size < smallest || head_size_ > readable || vnet.gso_size == 0) return false;
  if ((vnet.flags & kVnetNeedsCsum) != 0 && vnet.csum_start != layer4_) return false;
  segment_payload_ = vnet.gso_size;
  return true;
}

bool Segmenter::next(std::span<std::byte, kScratchSize> scratch, Segment& segment) noexcept {
  if (!valid_ || (index_ > 0 && sent_ >= payload_size_)) return false;
  const std::uint32_t payload = std::min(segment_payload_, payload_size_ - sent_);
  const VnetHeader finished;
  std::memcpy(scratch.data(), &finished, sizeof finished);
  std::byte* head = scratch.data() + sizeof finished;
  std::memcpy(head, frame_.pieces[0].data, head_size_);
  segment.head_size = static_cast<std::uint32_t>(sizeof finished) + head_size_;
  segment.size = head_size_ + payload;
  if (work_ != Work::kChecksumOnly) {
    write_layer3(head, payload);
    write_layer4(head, payload);
  }
  take_payload(payload, segment);
  write_checksum(head, segment);
  sent_ += payload;
  ++index_;
  return true;
}

void Segmenter::write_layer3(std::byte* head, std::uint32_t payload_size) const noexcept {
  std::byte* ip = head + layer3_;
  const std::uint32_t size = head_size_ - layer3_ + payload_size;
  if (ipv6_) return put16(ip + 4, size - kIpv6Size);
  put16(ip + 2, size);
  put16(ip + 4, get16(ip + 4) + index_);  // each segment is a packet of its own (RFC 6864)
  put16(ip + 10, 0);
  ChecksumSum sum;
  sum.add({ip, layer4_ - layer3_});
  put_checksum(ip + 10, sum.finish());
}

void Segmenter::write_layer4(std::byte* head, std::uint32_t payload_size) const noexcept {
  std::byte* layer4 = head + layer4_;
  if (work_ == Work::kUdp) return put16(layer4 + 4, kUdpSize + payload_size);
  put32(layer4 + 4, get32(layer4 + 4) + sent_);
  // What ends the data is said once, by the last segment; that the window was reduced, by the first (RFC 3168 6.1.2).
  std::uint8_t flags = get8(layer4 + 13);
  if (sent_ + payload_size < payload_size_) flags &= static_cast<std::uint8_t>(~(kTcpFin | kTcpPsh));
  if (index_ > 0) flags &= static_cast<std::uint8_t>(~kTcpCwr);
  layer4[13] = static_cast<std::byte>(flags);
}

void Segmenter::write_checksum(std::byte* head, const Segment& segment) const noexcept {
  ChecksumSum sum;
  if (work_ != Work::kChecksumOnly) {
    // The pseudo header (RFC 9293 3.1, RFC 8200 8.1). A checksum-only frame has its sum in the field already.
    const std::byte* ip = head + layer3_;
    put16(head + checksum_at_, 0);
    sum.add(ipv6_ ? std::span<const std::byte>(ip + 8, 32) : std::span<const std::byte>(ip + 12, 8));
    sum.add_word(work_ == Work::kTcp ? kProtocolTcp : kProtocolUdp);
    sum.add_word(static_cast<std::uint16_t>(segment.size - layer4_));
  }
  sum.add({head + layer4_, head_size_ - layer4_});
  for (std::uint32_t i = 0; i < segment.payload_count; ++i) sum.add({segment.payload[i].data, segment.payload[i].size});
  put_checksum(head + checksum_at_, work_ == Work::kTcp ? sum.finish() : never_zero(sum.finish()));
}

void Segmenter::take_payload(std::uint32_t size, Segment& segment) noexcept {
  segment.payload_count = 0;
  while (size > 0) {
    const Piece& piece = frame_.pieces[piece_];
    const std::uint32_t here = std::min(size, piece.size - piece_offset_);
    if (here > 0) segment.payload[segment.payload_count++] = {piece.data + piece_offset_, here};
    piece_offset_ += here;
    size -= here;
    if (piece_offset_ == piece.size) {
      ++piece_;
      piece_offset_ = 0;
    }
  }
}

}  // namespace rb
