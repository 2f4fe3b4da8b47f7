// SPDX-License-Identifier: GPL-2.0-or-later
// Reads frames out of descriptor chains in a guest's memory, and writes frames into them.
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

/// Octets of a virtio_net_hdr without num_buffers, as a device before 1.0 without merged buffers has it.
inline constexpr std::uint32_t kLegacyHeaderSize = 10;
static_assert(offsetof(VnetHeader, num_buffers) == kLegacyHeaderSize);

/// A chain that a guest sends, at its place in our memory.
struct SentChain {
  std::size_t piece_count = 0;
  std::uint32_t size = 0;  // octets, with the virtio_net_hdr; at least the header's size
};
/// Finds the pieces of the chain that begins with `head`. nullopt: the chain is invalid, and the ring has failed. A
/// frame of more than `max_frame_size` octets, or in more pieces than `pieces` has room for, is invalid.
[[nodiscard]] std::optional<SentChain> find_chain(Vring& ring, std::uint16_t head, std::uint32_t header_size,
                                                  std::uint32_t max_frame_size, std::span<Piece> pieces) noexcept;

/// Reads the octets of a chain from its beginning. The caller knows the chain's size and reads no more.
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
  /// Returns the number of pieces that have not been read, and stores them in `pieces`, which has room for all pieces
  /// of the chain.
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
  std::uint32_t offset_ = 0;  // octets into the present piece
};

/// The way in which a guest receives frames.
struct GuestReceive {
  std::uint32_t header_size = 0;  // octets of its virtio_net_hdr: 10 or 12
  bool mergeable = false;         // a frame may take several chains
};

/// Writes a frame after `vnet` into a buffer that has room for both and is the whole chain.
inline void write_frame(std::byte* to, const Frame& frame, VnetHeader vnet, std::uint32_t header_size) noexcept {
  vnet.num_buffers = 1;
  // The header has ten octets and perhaps two more.
  std::memcpy(to, &vnet, kLegacyHeaderSize);
  if (header_size == sizeof vnet) std::memcpy(to + kLegacyHeaderSize, &vnet.num_buffers, sizeof vnet.num_buffers);
  to += header_size;
  for (std::size_t i = 0; i < frame.piece_count; ++i) {
    copy_octets(to, frame.pieces[i].data, frame.pieces[i].size);
    to += frame.pieces[i].size;
  }
}

/// Copies a frame after `vnet` into the next chains of a receive ring, which are put into its used ring but not
/// published. `budget` is the number of buffers that may be looked at, and the function subtracts what it needs.
/// Errors: kEgressFull (no chains, or the budget is used up), kOverMtu (the chains are too small), kEgressError (the
/// ring has failed).
[[nodiscard]] std::optional<DropReason> put_frame(const Frame& frame, const VnetHeader& vnet, GuestReceive guest,
                                                  Vring& ring, unsigned& budget) noexcept;

}  // namespace rb
