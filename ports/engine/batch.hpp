// SPDX-License-Identifier: GPL-2.0-or-later
// Batch: the frames that the ports of one worker have received and that the relay has not seen yet.
//
// How it works. A frame enters the batch in one of two ways. receive() gives a buffer of the pool with the frame. With
// receive_lent() the frame stays where it lies, in a guest's memory, and only its head is copied, to lent_room().
//
// When the relay has seen the batch, sent() empties it. Buffers and lent memory stay in use until the writes that name
// them have been submitted: written() then gives the buffers back to the pool, and the memory to its lenders.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ports/engine/buffer_pool.hpp"
#include "ports/engine/port.hpp"
#include "switch/egress_lists.hpp"
#include "switch/frame.hpp"
#include "switch/offload.hpp"
#include "switch/parse.hpp"

namespace rb {

class Batch {
 public:
  /// Whoever sends the batch on its way.
  class Owner {
   public:
    /// Relays the frames of the batch, and empties it by sent(). Called when another frame finds no place: at most once
    /// a batch.
    virtual void forward() noexcept = 0;

   protected:
    ~Owner() = default;
  };

  /// Pieces of a lent frame: with a head for another tag there are as many as a write takes.
  static constexpr std::size_t kMaxLentPieces = Segmenter::kMaxPayloadPieces - 1;

  /// `owner` outlives the batch.
  explicit Batch(Owner& owner);

  // Ports.

  /// Adds a received frame: `size` bytes of virtio_net_hdr and frame at `start` (aligned to two bytes), which lies in
  /// `buffer`. The batch owns the buffer from here.
  void receive(PortIndex ingress, BufferId buffer, std::byte* start, std::uint32_t size) noexcept {
    if (count_ == kMaxBatch) owner_.forward();
    auto* vnet = reinterpret_cast<VnetHeader*>(start);
    const std::uint32_t frame_size = size - static_cast<std::uint32_t>(sizeof(VnetHeader));
    pieces_[count_] = {start + sizeof(VnetHeader), frame_size};
    frames_[count_] = {vnet, &pieces_[count_], frame_size, 1, ingress};
    buffers_[count_] = buffer;
    ++count_;
  }

  /// Room for the next lent frame. The port copies all headers of the frame to `head`, which becomes pieces[0]; the
  /// other pieces lie in memory that somebody else may change. Not to be used without read_budget().
  struct LentRoom {
    VnetHeader* vnet;  // uninitialised; `head` follows it without a gap
    std::byte* head;   // kMaxHeadersSize bytes
    Piece* pieces;     // kMaxLentPieces
  };
  [[nodiscard]] LentRoom lent_room() noexcept {
    std::byte* vnet = &lent_heads_[lent_heads_size_];
    return {reinterpret_cast<VnetHeader*>(vnet), vnet + sizeof(VnetHeader), &lent_pieces_[lent_piece_count_]};
  }
  /// Adds the frame that stands in lent_room(): `size` octets in `piece_count` pieces.
  void receive_lent(PortIndex ingress, std::uint32_t size, std::size_t piece_count) noexcept {
    const LentRoom room = lent_room();
    frames_[count_] = {room.vnet, room.pieces, size, static_cast<std::uint16_t>(piece_count), ingress};
    buffers_[count_] = kNoBuffer;
    lent_piece_count_ += piece_count;
    lent_heads_size_ += (sizeof(VnetHeader) + room.pieces[0].size + 15) / 16 * 16;
    ++count_;
  }
  /// Has lender.take_back() called once when this batch has been written.
  void lent_by(Port& lender) noexcept {
    if (lenders_.empty() || lenders_.back() != &lender) lenders_.push_back(&lender);
  }

  /// The number of reads that ports may still prepare in this round, so that every port gets its share of the batch.
  [[nodiscard]] unsigned read_budget() const noexcept { return read_budget_; }
  void spend_read_budget(unsigned reads) noexcept { read_budget_ -= std::min(reads, read_budget_); }

  // The owner.

  void begin_round() noexcept { read_budget_ = kMaxBatch; }
  [[nodiscard]] std::span<const Frame> frames() const noexcept { return {frames_.data(), count_}; }
  /// True when there is neither a frame nor a lender that waits for its memory.
  [[nodiscard]] bool empty() const noexcept { return count_ == 0 && lenders_.empty(); }
  /// The writes of all frames have been prepared: empties the batch. Those of the batch before have been written.
  void sent() noexcept;
  /// True while lenders wait for writes to be submitted.
  [[nodiscard]] bool has_sending_lenders() const noexcept { return !sending_lenders_.empty(); }
  /// Writes that were prepared have been submitted: gives back the buffers of all batches that were sent().
  void give_back_buffers(BufferPool& pool) noexcept;
  /// Likewise the memory.
  void give_back_lent(PortContext& context) noexcept;

 private:
  // The heads of lent frames lie one behind the other, and each takes no more room than it needs, so that a batch of
  // short frames stays in the first-level cache. All pieces lie in the same way.
  static constexpr std::size_t kLentHeadSize = (sizeof(VnetHeader) + kMaxHeadersSize + 15) / 16 * 16;

  Owner& owner_;
  unsigned read_budget_ = 0;
  std::size_t count_ = 0;
  std::array<Frame, kMaxBatch> frames_;
  std::array<Piece, kMaxBatch> pieces_;
  std::array<BufferId, kMaxBatch> buffers_;
  std::vector<BufferId> sending_;  // buffers of batches whose writes are not submitted yet

  std::unique_ptr<std::byte[]> lent_heads_ = std::make_unique<std::byte[]>(kMaxBatch * kLentHeadSize);
  std::unique_ptr<Piece[]> lent_pieces_ = std::make_unique<Piece[]>(kMaxBatch * kMaxLentPieces);
  std::size_t lent_heads_size_ = 0, lent_piece_count_ = 0;
  std::vector<Port*> lenders_, sending_lenders_;  // of the batch being filled, and of the batch before
};

}  // namespace rb
