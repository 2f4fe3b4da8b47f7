// SPDX-License-Identifier: GPL-2.0-or-later
// OwnFrames: memory for frames that the switch itself sends, until the next submit.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

#include "ports/engine/control_frames.hpp"
#include "switch/frame.hpp"

namespace rb {

/// One worker's.
class OwnFrames {
 public:
  static constexpr std::size_t kCount = 64;

  [[nodiscard]] bool full() const noexcept { return count_ == kCount; }
  /// Copies a frame, of at most kMaxOwnFrameSize octets from its destination address on; not when full().
  [[nodiscard]] const Frame& add(std::span<const std::byte> octets) noexcept {
    Own& own = frames_[count_++];
    own.vnet = {};
    std::memcpy(own.octets.data(), octets.data(), octets.size());
    own.piece = {own.octets.data(), static_cast<std::uint32_t>(octets.size())};
    own.frame = {&own.vnet, &own.piece, own.piece.size, 1, kNoPort};
    return own.frame;
  }
  /// All frames have been submitted.
  void clear() noexcept { count_ = 0; }

 private:
  struct Own {
    alignas(8) VnetHeader vnet;
    // Behind the header without a gap, so that one write takes both.
    std::array<std::byte, kMaxOwnFrameSize> octets;
    Piece piece;
    Frame frame;
  };
  static_assert(offsetof(Own, octets) == offsetof(Own, vnet) + sizeof(VnetHeader));

  std::array<Own, kCount> frames_;
  std::size_t count_ = 0;
};

}  // namespace rb
