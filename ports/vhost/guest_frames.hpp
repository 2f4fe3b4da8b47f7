// SPDX-License-Identifier: GPL-2.0-or-later
// Frames in descriptor chains: reading them out of a guest's memory, and writing them there.
#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>

#include "ports/vhost/vring.hpp"
#include "switch/copy.hpp"
#include "switch/drop_reason.hpp"
#include "switch/frame.hpp"

namespace rb {

/// Octets of a virtio_net_hdr without num_buffers: that of a device before 1.0 that merges no buffers.
inline constexpr std::uint32_t kLegacyHeaderSize = 10;
static_assert(offsetof(VnetHeader, num_buffers) == kLegacyHeaderSize);

/// A chain that a guest sends, as it lies in our memory.
struct SentChain {
  std::size_t piece_count = 0;
  std::uint32_t size = 0;  // octets, the virtio_net_hdr included; at least that
};
/// Finds the pieces of the chain that begins with `head`. nullopt: it is none, and the ring has failed. A frame of
/// more than `max_frame_size` octets, or in more pieces than `pieces` has room for, is none.
[[nodiscard]] std::optional<SentChain> find_chain(Vring& ring, std::uint16_t head, std::uint32_t header_size,
                                                  std::uint32_t max_frame_size, std::span<Piece> pieces) noexcept;

/// Reads the octets of a chain from its beginning. Whoever reads has added their sizes up.
class ChainReader {
 public:
  explicit ChainReader(std::span<const Piece> chain) noexcept : chain_(chain) {}

  void read(std::byte* to, std::size_t size) noexcept {
    while (size != 0) {
      const std::size_t here = std::min<std::size_t>(size, chain_[piece_].size - offset_);
      std::memcpy(to, chain_[piece_].data + offset_, here);
      to += here;
      size -= here;
      offset_ += static_cast<std::uint32_t>(here);
      if (offset_ != chain_[piece_].size) return;
      ++piece_;
      offset_ = 0;
    }
  }
  /// Names what has not been read; how many pieces that is. `pieces` has room for as many as the chain has.
  [[nodiscard]] std::size_t rest(std::span<Piece> pieces) const noexcept {
    std::size_t count = 0;
    for (std::size_t at = piece_; at < chain_.size(); ++at) {
      const std::uint32_t skipped = at == piece_ ? offset_ : 0;
      pieces[count++] = {chain_[at].data + skipped, chain_[at].size - skipped};
    }
    return count;
  }

 private:
  std::span<const Piece> chain_;
  std::size_t piece_ = 0;
  std::uint32_t offset_ = 0;  // octets into it
};

/// How a guest takes its frames.
struct GuestReceive {
  std::uint32_t header_size = 0;  // octets of its virtio_net_hdr: 10 or 12
  bool mergeable = false;         // a frame may take several chains
};

/// Writes a frame behind `vnet` into a buffer that has room for both, as all that its chain is for.
inline void write_frame(std::byte* to, const Frame& frame, VnetHeader vnet, std::uint32_t header_size) noexcept {
  vnet.num_buffers = 1;
  // Ten octets and perhaps two more.
  std::memcpy(to, &vnet, kLegacyHeaderSize);
  if (header_size == sizeof vnet) std::memcpy(to + kLegacyHeaderSize, &vnet.num_buffers, sizeof vnet.num_buffers);
  to += header_size;
  for (std::size_t i = 0; i < frame.piece_count; ++i) {
    copy_octets(to, frame.pieces[i].data, frame.pieces[i].size);
    to += frame.pieces[i].size;
  }
}

/// Copies a frame behind `vnet` into the next chains of a receive ring, which are put into its used ring but not
/// published. `budget`: how many buffers may be looked at, of which it takes what it needs; none left is kEgressFull,
/// too. Why not, else: kEgressFull (no chains), kOverMtu (they are too small), kEgressError (the ring has failed).
[[nodiscard]] std::optional<DropReason> put_frame(const Frame& frame, const VnetHeader& vnet, GuestReceive guest,
                                                  Vring& ring, unsigned& budget) noexcept;

}  // namespace rb
