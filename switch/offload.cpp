// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/offload.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "switch/big_endian.hpp"
#include "switch/checksum.hpp"

namespace rb {
namespace {

// TCP flags (RFC 9293 3.1, RFC 3168 6.1) in the octet after the data offset.
constexpr std::uint8_t kTcpFin = 0x01, kTcpPsh = 0x08, kTcpCwr = 0x80;

/// Checksums and sums of 16-bit words are pairs of octets in memory order, not numbers (switch/checksum.hpp).
std::uint16_t load_sum(const std::byte* at) noexcept {
  std::uint16_t sum = 0;
  std::memcpy(&sum, at, sizeof sum);
  return sum;
}
void store_sum(std::byte* at, std::uint16_t sum) noexcept {
  std::memcpy(at, &sum, sizeof sum);
}
/// Returns a number in the form in which it counts in a sum.
std::uint16_t sum_of(std::uint32_t number) noexcept {
  std::byte octets[2];
  store16(octets, number);
  return load_sum(octets);
}

}  // namespace

bool asks_for_more(const VnetHeader& vnet, Offloads accepts) noexcept {
  if ((vnet.flags & kVnetNeedsCsum) != 0 && !accepts.has(Offloads::kCsum)) return true;
  switch (vnet.gso_type) {
    case kGsoNone:
      return false;
    case kGsoTcpV4:
      return !accepts.has(Offloads::kTso4);
    case kGsoTcpV4 | kGsoEcn:
      return !accepts.has(Offloads::kTso4 | Offloads::kEcn);
    case kGsoTcpV6:
      return !accepts.has(Offloads::kTso6);
    case kGsoTcpV6 | kGsoEcn:
      return !accepts.has(Offloads::kTso6 | Offloads::kEcn);
    case kGsoUdpL4:
      return !accepts.has(Offloads::kUso);
    default:
      return true;
  }
}

Segmenter::Segmenter(const Frame& frame) noexcept : frame_(frame) {
  if (!pieces_hold_frame()) return;
  if (!(frame.vnet->gso_type == kGsoNone ? read_checksum_only() : read_gso())) return;
  payload_size_ = frame.size - headers_.size;
  if (!cut_) segment_payload_ = payload_size_;
  at_.offset = headers_.size;
  valid_ = segments_fit_pieces();
}

bool Segmenter::pieces_hold_frame() const noexcept {
  std::uint64_t size = 0;
  for (std::uint32_t i = 0; i < frame_.piece_count; ++i) size += frame_.pieces[i].size;
  return size != 0 && size == frame_.size;
}

bool Segmenter::read_checksum_only() noexcept {
  const VnetHeader& vnet = *frame_.vnet;
  const std::uint32_t end = std::uint32_t{vnet.csum_start} + vnet.csum_offset + 2;
  if ((vnet.flags & kVnetNeedsCsum) == 0 || end > kMaxHeaderSize || end > frame_.pieces[0].size) return false;
  headers_.transport_offset = vnet.csum_start;
  headers_.size = static_cast<std::uint16_t>(end);
  checksum_offset_ = static_cast<std::uint16_t>(end - 2);
  return true;
}

bool Segmenter::read_gso() noexcept {
  const VnetHeader& vnet = *frame_.vnet;
  const std::optional<GsoHeaders> headers = find_gso_headers(vnet, frame_);
  if (!headers || vnet.gso_size == 0) return false;
  headers_ = *headers;
  checksum_offset_ = static_cast<std::uint16_t>(vnet.csum_start + vnet.csum_offset);
  segment_payload_ = vnet.gso_size;
  const std::uint32_t payload_size = frame_.size - headers_.size;
  cut_ = payload_size > segment_payload_;
  return !cut_ || (lengths_agree() && (payload_size - 1) / segment_payload_ < kMaxSegments);
}

/// True if a frame that must be cut ends where its IP header, and for UDP its own header, says. Only short frames are
/// padded, and no IP length is right for more than 64 KiB.
bool Segmenter::lengths_agree() const noexcept {
  const std::byte* octets = frame_.pieces[0].data;
  const std::byte* ip = octets + headers_.ip_offset;
  const std::uint32_t ip_size = headers_.ipv6 ? kIpv6Size + load16(ip + 4) : load16(ip + 2);
  if (ip_size != frame_.size - headers_.ip_offset) return false;
  return headers_.tcp || load16(octets + headers_.transport_offset + 4) == frame_.size - headers_.transport_offset;
}

/// True if no segment needs more pieces than a Segment holds. This needs a walk only if the whole frame has more.
bool Segmenter::segments_fit_pieces() const noexcept {
  if (frame_.piece_count <= kMaxPayloadPieces) return true;
  Cursor cursor = at_;
  std::uint32_t pieces = 0, in_segment = 0;
  for (std::uint32_t left = payload_size_; left > 0;) {
    const std::uint32_t size = take(cursor, std::min(left, segment_payload_ - in_segment)).size;
    if (size != 0 && ++pieces > kMaxPayloadPieces) return false;
    left -= size;
    in_segment += size;
    if (in_segment == segment_payload_) pieces = in_segment = 0;
  }
  return true;
}

/// Returns the octets at the cursor, at most `size` and no more than the piece has (none for an empty piece). Moves the
/// cursor behind them.
Piece Segmenter::take(Cursor& cursor, std::uint32_t size) const noexcept {
  const Piece& piece = frame_.pieces[cursor.piece];
  const Piece taken{piece.data + cursor.offset, std::min(size, piece.size - cursor.offset)};
  cursor.offset += taken.size;
  if (cursor.offset == piece.size) cursor = {cursor.piece + 1, 0};
  return taken;
}

void Segmenter::take_payload(std::uint32_t size, Segment& segment) noexcept {
  segment.payload_count = 0;
  while (size > 0) {
    const Piece piece = take(at_, size);
    if (piece.size != 0) segment.payload[segment.payload_count++] = piece;
    size -= piece.size;
  }
}

bool Segmenter::next(std::span<std::byte, kScratchSize> scratch, Segment& segment) noexcept {
  if (!valid_ || (index_ > 0 && sent_ == payload_size_)) return false;
  const std::uint32_t payload_size = std::min(segment_payload_, payload_size_ - sent_);
  const VnetHeader finished;
  std::memcpy(scratch.data(), &finished, sizeof finished);
  std::byte* head = scratch.data() + sizeof finished;
  std::memcpy(head, frame_.pieces[0].data, headers_.size);
  segment.head_size = static_cast<std::uint32_t>(sizeof finished) + headers_.size;
  segment.size = headers_.size + payload_size;
  take_payload(payload_size, segment);
  if (cut_) write_headers(head, payload_size);
  write_checksum(head, segment);
  sent_ += payload_size;
  ++index_;
  return true;
}

/// Makes the copied headers those of the next segment. The checksum field gets the sum of the pseudo-header.
void Segmenter::write_headers(std::byte* head, std::uint32_t payload_size) const noexcept {
  write_ip(head, payload_size);
  const std::uint32_t whole = frame_.size - headers_.transport_offset;
  const std::uint32_t own = headers_.size - headers_.transport_offset + payload_size;
  // The length decreases by `whole - own`: add the complement of the first and then the second (RFC 1624 3).
  const auto minus_whole = static_cast<std::uint16_t>(~sum_of(whole));
  std::uint16_t pseudo_header = load_sum(head + checksum_offset_);
  pseudo_header = add_ones_complement(add_ones_complement(pseudo_header, minus_whole), sum_of(own));
  store_sum(head + checksum_offset_, pseudo_header);
  if (headers_.tcp) {
    write_tcp(head, payload_size);
  } else {
    store16(head + headers_.transport_offset + 4, kUdpSize + payload_size);
  }
}

void Segmenter::write_ip(std::byte* head, std::uint32_t payload_size) const noexcept {
  std::byte* ip = head + headers_.ip_offset;
  const std::uint32_t size = headers_.size - headers_.ip_offset + payload_size;
  if (headers_.ipv6) return store16(ip + 4, size - kIpv6Size);
  store16(ip + 2, size);
  store16(ip + 4, load16(ip + 4) + index_);  // each segment is a datagram of its own (RFC 6864 4)
  store16(ip + 10, 0);
  const std::size_t header_size = headers_.transport_offset - headers_.ip_offset;
  store_sum(ip + 10, static_cast<std::uint16_t>(~internet_sum({ip, header_size})));
}

void Segmenter::write_tcp(std::byte* head, std::uint32_t payload_size) const noexcept {
  std::byte* tcp = head + headers_.transport_offset;
  store32(tcp + 4, load32(tcp + 4) + sent_);
  std::uint8_t flags = load8(tcp + 13);
  // Flags that end the data belong to the last segment only, and the flag for a reduced window to the first (RFC 3168
  // 6.1.2).
  if (sent_ + payload_size < payload_size_) flags &= static_cast<std::uint8_t>(~(kTcpFin | kTcpPsh));
  if (index_ > 0) flags &= static_cast<std::uint8_t>(~kTcpCwr);
  tcp[13] = static_cast<std::byte>(flags);
}

/// Sums from the transport header to the end, including the pseudo-header's sum in the checksum field.
void Segmenter::write_checksum(std::byte* head, const Segment& segment) const noexcept {
  const std::uint32_t start = headers_.transport_offset;
  ChecksumSum sum;
  sum.add({head + start, headers_.size - start});
  for (std::uint32_t i = 0; i < segment.payload_count; ++i) sum.add({segment.payload[i].data, segment.payload[i].size});
  const std::uint16_t checksum = sum.finish();
  const bool may_be_zero = cut_ && headers_.tcp;  // a frame that is only summed may be UDP
  store_sum(head + checksum_offset_, checksum == 0 && !may_be_zero ? std::uint16_t{0xffff} : checksum);
}

}  // namespace rb
