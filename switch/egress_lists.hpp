// SPDX-License-Identifier: GPL-2.0-or-later
// EgressLists: which frames of one batch leave by which port, grouped so that each port is flushed once.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "switch/frame.hpp"

namespace rb {

/// A frame's place in its batch. Numbers from kMaxBatch on are forms of a frame with another tag (tag_forms.hpp).
using FrameIndex = std::uint16_t;
inline constexpr std::size_t kMaxBatch = 256;  // frames

/// Belongs to one worker. Memory is allocated only in the constructor; add() and clear() cost time in proportion to
/// the batch, not to the number of ports.
class EgressLists {
 public:
  /// Frames that one port may be given in a batch. A port may be given the same frame twice, its own copy and a
  /// mirrored copy, so there is room for two full batches.
  static constexpr std::size_t kMaxFramesAPort = 2 * kMaxBatch;

  explicit EgressLists(std::size_t max_ports) : lists_(std::make_unique_for_overwrite<List[]>(max_ports)) {
    touched_.reserve(max_ports);
  }

  /// Adds a frame to a port. Frames are added in batch order, which keeps the order within every flow. A full list
  /// takes no more frames: take_refused() tells how many copies it has not taken.
  void add(PortIndex port, FrameIndex frame) noexcept {
    List& list = lists_[port];
    // One comparison finds the first frame of a port (kEmpty) and a full list.
    if (list.last >= kMaxFramesAPort - 1) {
      if (list.last != kEmpty) [[unlikely]] {
        ++refused_;
        ++list.refused;
        return;
      }
      touched_.push_back(port);
    }
    list.frames[++list.last] = frame;
  }
  /// Ports that have frames, in the order in which they got their first.
  [[nodiscard]] std::span<const PortIndex> ports() const noexcept { return touched_; }
  [[nodiscard]] std::span<const FrameIndex> frames(PortIndex port) const noexcept {
    return {lists_[port].frames.data(), lists_[port].last + 1U};
  }
  [[nodiscard]] bool is_full(PortIndex port) const noexcept { return frames(port).size() == kMaxFramesAPort; }
  /// Calls `use(port, count)` for each port whose full list has refused frames, and forgets them.
  template <typename Use>
  void take_refused(Use use) noexcept {
    if (refused_ == 0) [[likely]]
      return;
    for (const PortIndex port : touched_) {
      if (const auto count = std::exchange(lists_[port].refused, 0U); count != 0) use(port, count);
    }
    refused_ = 0;
  }
  void clear() noexcept {
    for (const PortIndex port : touched_) lists_[port].last = kEmpty;
    touched_.clear();
  }

 private:
  static constexpr std::uint32_t kEmpty = 0xffffffff;  // one more is 0

  struct List {
    List() noexcept {}  // leaves `frames` alone

    std::uint32_t last = kEmpty;  // the place of the last frame
    std::uint32_t refused = 0;
    std::array<FrameIndex, kMaxFramesAPort> frames;
  };

  std::unique_ptr<List[]> lists_;
  std::vector<PortIndex> touched_;
  std::size_t refused_ = 0;  // of all lists
};

}  // namespace rb
