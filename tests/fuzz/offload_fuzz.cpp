// SPDX-License-Identifier: GPL-2.0-or-later
// Takes any octets as a virtio_net_hdr and a scattered frame. A frame that passes the border must be safe to pass on.
// The Segmenter's output must be whole segments of the frame, for valid and invalid headers.
//
// Input: a VnetHeader, an octet of choices, an octet of piece size, then the frame.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "switch/gso_headers.hpp"
#include "switch/offload.hpp"
#include "switch/vnet_check.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// The frame in heap blocks of exactly the right size: the first may hold all headers, and the others are equal.
struct ScatteredFrame {
  ScatteredFrame(const std::uint8_t* data, std::size_t size, std::size_t first_size, std::size_t piece_size) {
    for (std::size_t at = 0; at < size || pieces.empty();) {
      const std::size_t own = std::min(pieces.empty() ? first_size : piece_size, size - at);
      memory.push_back(std::make_unique<std::byte[]>(own));
      if (own != 0) std::memcpy(memory.back().get(), data + at, own);
      pieces.push_back({memory.back().get(), static_cast<std::uint32_t>(own)});
      at += own;
    }
  }

  std::vector<std::unique_ptr<std::byte[]>> memory;
  std::vector<rb::Piece> pieces;
};

/// Reads every octet, so that the sanitizers notice an octet outside.
std::uint32_t read_all(const rb::Segmenter::Segment& segment) {
  std::uint32_t size = 0;
  volatile std::uint8_t sink = 0;
  for (std::uint32_t i = 0; i < segment.payload_count; ++i) {
    const rb::Piece& piece = segment.payload[i];
    require(piece.size != 0);
    size += piece.size;
    for (std::uint32_t k = 0; k < piece.size; ++k) sink = sink ^ std::to_integer<std::uint8_t>(piece.data[k]);
  }
  return size;
}

void cut(const rb::Frame& frame) {
  rb::Segmenter segmenter(frame);
  const auto scratch = std::make_unique<std::array<std::byte, rb::Segmenter::kScratchSize>>();
  rb::Segmenter::Segment segment;
  std::uint32_t segments = 0, payload = 0, headers = 0;
  while (segmenter.next(*scratch, segment)) {
    require(++segments <= rb::Segmenter::kMaxSegments && segment.head_size <= scratch->size());
    const std::uint32_t own = read_all(segment);
    const std::uint32_t own_headers = segment.head_size - static_cast<std::uint32_t>(sizeof(rb::VnetHeader));
    require(segments == 1 || own_headers == headers);
    headers = own_headers;
    require(own + headers == segment.size);
    require(frame.vnet->gso_type == rb::kGsoNone || own <= frame.vnet->gso_size);
    payload += own;
  }
  require(segmenter.valid() == (segments > 0));
  require(segments == 0 || payload + headers == frame.size);
}

/// Checks the rules for a VnetHeader that has passed.
void require_sound(const rb::VnetHeader& vnet, const rb::Frame& frame, rb::Trust trust) {
  const bool sums = (vnet.flags & rb::kVnetNeedsCsum) != 0;
  require(vnet.num_buffers == 0);
  require((vnet.flags & ~(rb::kVnetNeedsCsum | rb::kVnetDataValid)) == 0);
  require((vnet.flags & rb::kVnetDataValid) == 0 || trust == rb::Trust::kKernel);
  require(sums || (vnet.csum_start == 0 && vnet.csum_offset == 0 && vnet.gso_type == rb::kGsoNone));
  require(!sums || vnet.csum_start >= rb::kEthernetHeaderSize);
  require(!sums || std::uint32_t{vnet.csum_start} + vnet.csum_offset + 2 <= frame.pieces[0].size);
  require((vnet.gso_type != rb::kGsoNone) == (vnet.gso_size != 0));
  require((vnet.gso_type != rb::kGsoNone) == (vnet.hdr_len != 0));
  require(vnet.hdr_len <= frame.pieces[0].size && vnet.hdr_len <= rb::kMaxHeadersSize);
  rb::VnetHeader again = vnet;
  require(rb::check_vnet_header(again, frame, trust) && std::memcmp(&again, &vnet, sizeof vnet) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rb::VnetHeader vnet;
  if (size < sizeof vnet + 2) return 0;
  std::memcpy(&vnet, data, sizeof vnet);
  const std::uint8_t choices = data[sizeof vnet];
  const std::size_t piece_size = data[sizeof vnet + 1] + std::size_t{1};
  data += sizeof vnet + 2;
  size -= sizeof vnet + 2;
  const rb::Trust trust = (choices & 1) != 0 ? rb::Trust::kKernel : rb::Trust::kPeer;
  ScatteredFrame scattered(data, size, 2 * (choices >> 1), piece_size);
  const rb::Frame frame{&vnet, scattered.pieces.data(), static_cast<std::uint32_t>(size),
                        static_cast<std::uint16_t>(scattered.pieces.size()), 0};
  cut(frame);  // the Segmenter does not rely on the border
  if (!rb::check_vnet_header(vnet, frame, trust)) return 0;
  require_sound(vnet, frame, trust);
  cut(frame);
  return 0;
}
