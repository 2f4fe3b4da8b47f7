// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/guest_frames.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace rb {
namespace {

/// Maximum of chains and of their buffers for one frame: 64 KiB in buffers of 256 octets.
constexpr unsigned kMaxChains = 256, kMaxBuffers = 256;

/// Copies octets into the buffers of successive chains.
class Filling {
 public:
  /// `available` is the number of waiting chains that may be used; at least one.
  Filling(Vring& ring, unsigned available) noexcept
      : ring_(ring), available_(available), head_(ring.head(0)), walk_(ring, head_, VringDirection::kToGuest) {}

  /// An octet in the guest's memory.
  struct Spot {
    std::byte* data = nullptr;
    std::uint64_t guest_address = 0;
  };
  /// Copies octets. False if there is no room left, or the ring has failed. `last` gets the place of the last octet.
  [[nodiscard]] bool write(const void* from, std::uint32_t size, Spot* last = nullptr) noexcept {
    const auto* octets = static_cast<const std::byte*>(from);
    while (size != 0) {
      if (room_.size == 0 && !go_on()) return false;
      const std::uint32_t here = std::min(size, room_.size);
      std::memcpy(room_.data, octets, here);
      if (last != nullptr) *last = {room_.data + here - 1, room_address_ + here - 1};
      ring_.wrote(room_address_, here);
      octets += here;
      size -= here;
      room_ = {room_.data + here, room_.size - here};
      room_address_ += here;
      in_chain_ += here;
    }
    return true;
  }
  /// Ends the last chain. Returns the number of chains that the frame has taken.
  unsigned finish() noexcept {
    // This must not happen earlier: a descriptor that is put into a packed ring overwrites the chain.
    for (unsigned i = 0; i < chains_; ++i) ring_.put_used(full_[i].head, full_[i].written);
    ring_.put_used(head_, in_chain_);
    ring_.take(chains_ + 1);
    return chains_ + 1;
  }
  /// The number of buffers that were looked at.
  [[nodiscard]] unsigned buffers() const noexcept { return buffers_; }

 private:
  /// Finds the next contiguous part of a buffer.
  [[nodiscard]] bool go_on() noexcept {
    while (buffer_.len == 0) {
      if (++buffers_ > kMaxBuffers) return false;
      if (walk_.next(buffer_)) {
        if (!ring_.holds(buffer_.addr, buffer_.len)) return false;
        break;
      }
      if (ring_.trouble().fault != VringFault::kNone || chains_ + 1 >= available_) return false;
      full_[chains_++] = {head_, in_chain_};
      in_chain_ = 0;
      head_ = ring_.head(chains_);
      if (ring_.trouble().fault != VringFault::kNone) return false;
      walk_ = ChainWalk(ring_, head_, VringDirection::kToGuest);
    }
    room_ = ring_.at(buffer_.addr, buffer_.len);
    room_address_ = buffer_.addr;
    buffer_.addr += room_.size;
    buffer_.len -= room_.size;
    return room_.size != 0;
  }

  Vring& ring_;
  unsigned available_;
  std::uint16_t head_;
  ChainWalk walk_;
  struct Full {
    std::uint16_t head;
    std::uint32_t written;
  };
  std::array<Full, kMaxChains> full_;
  unsigned chains_ = 0;   // full chains
  unsigned buffers_ = 0;  // buffers that were looked at
  std::uint32_t in_chain_ = 0;
  vring_desc buffer_{};  // the rest of the present buffer, after room_
  Piece room_{};         // the place of the next write
  std::uint64_t room_address_ = 0;
};

std::optional<DropReason> put_piecemeal(const Frame& frame, const VnetHeader& vnet, GuestReceive guest, Vring& ring,
                                        unsigned& budget) noexcept {
  // For a guest that does not merge buffers, a frame must fit into one chain.
  const unsigned available = ring.available(guest.mergeable ? kMaxChains : 1);
  if (available == 0)
    return ring.trouble().fault == VringFault::kNone ? DropReason::kEgressFull : DropReason::kEgressError;
  Filling filling(ring, available);
  if (ring.trouble().fault != VringFault::kNone) return DropReason::kEgressError;
  // num_buffers, the last two octets of a header that has it, is known only at the end.
  constexpr std::uint32_t kBeforeCount = offsetof(VnetHeader, num_buffers);
  Filling::Spot low, high;
  const std::byte none{};
  bool room = filling.write(&vnet, kBeforeCount);
  if (guest.header_size > kBeforeCount) room = room && filling.write(&none, 1, &low) && filling.write(&none, 1, &high);
  for (std::size_t i = 0; room && i < frame.piece_count; ++i)
    room = filling.write(frame.pieces[i].data, frame.pieces[i].size);
  budget -= std::min(budget, filling.buffers());
  if (!room) {
    if (ring.trouble().fault != VringFault::kNone) return DropReason::kEgressError;
    return guest.mergeable && available < kMaxChains ? DropReason::kEgressFull : DropReason::kOverMtu;
  }
  const unsigned chains = filling.finish();
  if (low.data == nullptr) return std::nullopt;
  *low.data = static_cast<std::byte>(chains & 0xff);
  *high.data = static_cast<std::byte>(chains >> 8);
  ring.wrote(low.guest_address, 1);
  ring.wrote(high.guest_address, 1);
  return std::nullopt;
}

}  // namespace

std::optional<SentChain> find_chain(Vring& ring, std::uint16_t head, std::uint32_t header_size,
                                    std::uint32_t max_frame_size, std::span<Piece> pieces) noexcept {
  std::size_t count = 0;
  std::uint64_t size = 0;
  ChainWalk walk(ring, head, VringDirection::kFromGuest);
  for (vring_desc buffer; walk.next(buffer);) {
    while (buffer.len != 0) {
      if (count == pieces.size()) {
        ring.fail(VringFault::kLoop, head);
        return std::nullopt;
      }
      const Piece piece = ring.at(buffer.addr, buffer.len);
      if (piece.size == 0) return std::nullopt;
      pieces[count++] = piece;
      size += piece.size;
      buffer.addr += piece.size;
      buffer.len -= piece.size;
    }
  }
  if (ring.trouble().fault != VringFault::kNone) return std::nullopt;
  if (size < header_size) {
    ring.fail(VringFault::kTooShort, size);
    return std::nullopt;
  }
  if (size - header_size > max_frame_size) {
    ring.fail(VringFault::kTooLong, size - header_size);
    return std::nullopt;
  }
  return SentChain{count, static_cast<std::uint32_t>(size)};
}

std::optional<DropReason> put_frame(const Frame& frame, const VnetHeader& vnet, GuestReceive guest, Vring& ring,
                                    unsigned& budget) noexcept {
  if (budget == 0) return DropReason::kEgressFull;
  --budget;
  if (ring.available(1) == 0)
    return ring.trouble().fault == VringFault::kNone ? DropReason::kEgressFull : DropReason::kEgressError;
  const std::uint16_t head = ring.head(0);
  if (ring.trouble().fault != VringFault::kNone) return DropReason::kEgressError;
  const vring_desc descriptor = ring.descriptor(head);
  const std::uint32_t size = guest.header_size + frame.size;
  if (descriptor.flags != VRING_DESC_F_WRITE || descriptor.len < size)
    return put_piecemeal(frame, vnet, guest, ring, budget);
  const Piece room = ring.at(descriptor.addr, descriptor.len);
  if (room.size != descriptor.len) return put_piecemeal(frame, vnet, guest, ring, budget);
  write_frame(room.data, frame, vnet, guest.header_size);
  ring.wrote(descriptor.addr, size);
  ring.put_used(head, size);
  ring.take(1);
  return std::nullopt;
}

}  // namespace rb
