// SPDX-License-Identifier: GPL-2.0-or-later
// Mailbox: frames from one worker to another, for ports that only the other worker may write to.
#pragma once

#include <cstddef>
#include <utility>

#include "ports/engine/record_ring.hpp"
#include "switch/counters.hpp"
#include "switch/frame.hpp"

namespace rb {

/// One producer and one consumer; bounded (record_ring.hpp).
class Mailbox {
 public:
  static constexpr std::size_t kCapacity = std::size_t{1} << 20;  // bytes; sixteen of the largest frames

  /// Copies a frame into the mailbox; returns false when there is no room. The producer's thread.
  [[nodiscard]] bool push(PortIndex to, CastKind cast, const Frame& frame) noexcept {
    return letters_.push({to, cast, *frame.vnet}, frame, frame.size);
  }
  /// Calls `use(PortIndex, CastKind, const Frame&)` for each frame that is there; the frame is gone after the call. The
  /// consumer's thread.
  template <typename Use>
  void drain(Use&& use) noexcept {
    letters_.drain([&](Letter& letter, std::span<std::byte> octets) {
      Piece piece{octets.data(), static_cast<std::uint32_t>(octets.size())};
      use(letter.to, letter.cast, Frame{&letter.vnet, &piece, piece.size, 1, kNoPort});
    });
  }

 private:
  struct Letter {
    PortIndex to = kNoPort;
    CastKind cast = CastKind::kUnicast;
    VnetHeader vnet;
  };
  RecordRing<Letter, kCapacity> letters_;
};

}  // namespace rb
