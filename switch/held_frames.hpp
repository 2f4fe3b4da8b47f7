// SPDX-License-Identifier: GPL-2.0-or-later
// HeldFrames: copies of frames that a stage holds until a time.
//
// How it works. A frame is copied into a ring of bytes and takes no more than its own size there. An ordered heap says
// which frame goes on next; frames of equal time go on in the order in which they came. The bytes of a frame become
// free when it and all frames before it in the ring have gone on. Neither a buffer of the pool nor the memory of a
// guest is ever held. Memory is allocated only in the constructor; pages are touched when frames reach them.
//
// Pure: time is handed in. Belongs to one worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "switch/counters.hpp"
#include "switch/frame.hpp"
#include "switch/stage_bits.hpp"
#include "switch/vlan.hpp"

namespace rb {

/// Where a held frame goes on.
struct HeldAt {
  PortIndex port = kNoPort;  // whose stage holds the frame
  bool egress = false;       // the frame was on its way out of the port; else it came in by the port
  StageId stage{};           // the frame goes on behind this stage
  CastKind cast = CastKind::kUnicast;
  Vid vid = kNoVid;  // at egress: the VLAN in which the copy is counted
};

class HeldFrames {
 public:
  // Bounds of one worker, and of one port on one worker.
  static constexpr std::size_t kMaxBytes = std::size_t{8} << 20, kMaxPortBytes = kMaxBytes / 4;
  static constexpr std::size_t kMaxFrames = 8192, kMaxPortFrames = kMaxFrames / 4;

  HeldFrames();

  /// Copies a frame; false when a bound is reached.
  [[nodiscard]] bool hold(const Frame& frame, const HeldAt& at, std::int64_t until_ns) noexcept;
  [[nodiscard]] std::size_t count() const noexcept { return order_.size(); }
  /// When the next frame goes on; nullopt: nothing is held.
  [[nodiscard]] std::optional<std::int64_t> next_due() const noexcept {
    return order_.empty() ? std::nullopt : std::optional(order_.front().until_ns);
  }
  /// Takes the frames that are due, in order, as many as both spans have places; returns how many. The frames stay in
  /// memory until release_taken().
  [[nodiscard]] std::size_t take_due(std::int64_t now_ns, std::span<Frame> frames, std::span<HeldAt> at) noexcept;
  /// The writes of the frames that were taken have been submitted.
  void release_taken() noexcept;
  /// Drops the frames of a port that is removed. They have been counted nowhere yet.
  void forget(PortIndex port) noexcept;

 private:
  struct Record {
    std::uint32_t size = 0;  // bytes of the record; 0: the next record stands at the beginning
    bool done = false;       // its frame is gone
    std::uint32_t octets = 0;
    HeldAt at;
    Piece piece;
  };
  /// The virtio_net_hdr ends where the frame begins, so that both can be written in one go.
  static constexpr std::size_t kVnetAt = sizeof(Record) + 4, kFrameAt = kVnetAt + sizeof(VnetHeader);
  static_assert(kFrameAt % 8 == 0);
  struct Place {
    std::int64_t until_ns;
    std::uint64_t number;  // in the order of hold()
    std::size_t offset;
  };
  static bool later(const Place& a, const Place& b) noexcept {
    return a.until_ns != b.until_ns ? a.until_ns > b.until_ns : a.number > b.number;
  }
  struct Usage {
    std::uint32_t bytes = 0, frames = 0;
  };
  [[nodiscard]] Record& record_at(std::size_t offset) noexcept;
  void finish(Record& record) noexcept;
  void advance() noexcept;

  std::unique_ptr<std::byte[]> memory_;
  std::size_t head_ = 0, tail_ = 0;  // bytes freed and used so far; a place in memory is the rest of kMaxBytes
  std::uint64_t number_ = 0;
  std::vector<Place> order_;        // a heap: the next to go on in front
  std::vector<std::size_t> taken_;  // offsets
  std::unique_ptr<Usage[]> usage_;  // by port
};

}  // namespace rb
