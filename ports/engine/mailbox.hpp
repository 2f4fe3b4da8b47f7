// SPDX-License-Identifier: GPL-2.0-or-later
// Mailbox: frames from one worker to another, for ports that the other alone may write to. Lock-free, one producer,
// one consumer, bounded.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

#include "switch/counters.hpp"
#include "switch/frame.hpp"

namespace rb {

class Mailbox {
 public:
  static constexpr std::size_t kCapacity = std::size_t{1} << 20;  // octets; sixteen of the largest frames

  /// Copies a frame in; false when there is no room. The producer's thread.
  bool push(PortIndex to, CastKind cast, const Frame& frame) noexcept {
    const std::size_t size = (sizeof(Letter) + frame.size + alignof(Letter) - 1) / alignof(Letter) * alignof(Letter);
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    const std::size_t free = kCapacity - (tail - head_.load(std::memory_order_acquire));
    const std::size_t at = tail % kCapacity, to_end = kCapacity - at;
    // A letter lies in one piece; what is left before the end is skipped when it does not fit.
    const std::size_t skipped = size <= to_end ? 0 : to_end;
    if (size + skipped > free) return false;
    if (skipped != 0) new (&memory_[at]) Letter{};
    auto* letter = new (&memory_[(tail + skipped) % kCapacity])
        Letter{static_cast<std::uint32_t>(size), to, cast, *frame.vnet, frame.size};
    auto* octets = reinterpret_cast<std::byte*>(letter + 1);
    for (std::size_t i = 0; i < frame.piece_count; ++i) {
      std::memcpy(octets, frame.pieces[i].data, frame.pieces[i].size);
      octets += frame.pieces[i].size;
    }
    tail_.store(tail + skipped + size, std::memory_order_release);
    return true;
  }
  /// Calls `use(PortIndex, CastKind, const Frame&)` for each frame that is there; it is gone after the call. The
  /// consumer's thread.
  template <typename Use>
  void drain(Use&& use) noexcept {
    std::size_t head = head_.load(std::memory_order_relaxed);
    const std::size_t tail = tail_.load(std::memory_order_acquire);
    while (head != tail) {
      auto* letter = reinterpret_cast<Letter*>(&memory_[head % kCapacity]);
      if (letter->size == 0) {
        head += kCapacity - head % kCapacity;
        continue;
      }
      Piece piece{reinterpret_cast<std::byte*>(letter + 1), letter->frame_size};
      use(letter->to, letter->cast, Frame{&letter->vnet, &piece, letter->frame_size, 1, kNoPort});
      head += letter->size;
    }
    head_.store(head, std::memory_order_release);
  }

 private:
  struct alignas(8) Letter {
    std::uint32_t size = 0;  // octets, this header included; 0: the next letter stands at the beginning
    PortIndex to = kNoPort;
    CastKind cast = CastKind::kUnicast;
    VnetHeader vnet;
    std::uint32_t frame_size = 0;
  };

  // One more: the mark that says "go on at the beginning" may stand in the last octets.
  std::unique_ptr<std::byte[]> memory_ = std::make_unique_for_overwrite<std::byte[]>(kCapacity + sizeof(Letter));
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
};

}  // namespace rb
