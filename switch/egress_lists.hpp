// SPDX-License-Identifier: GPL-2.0-or-later
// EgressLists: which frames of one batch leave by which port, grouped so that each port is flushed once.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "switch/frame.hpp"

namespace rb {

/// A frame's place in its batch; from kMaxBatch on, that of a form of it with another tag (tag_forms.hpp).
using FrameIndex = std::uint16_t;
inline constexpr std::size_t kMaxBatch = 256;  // frames

/// One worker's. Allocates only when made; add() and clear() cost what the batch holds, not what the switch holds.
class EgressLists {
 public:
  explicit EgressLists(std::size_t max_ports) : lists_(max_ports) { touched_.reserve(max_ports); }

  /// Frames are added in batch order, which keeps the order within every flow. At most kMaxBatch a port: the caller
  /// adds a frame to a port once.
  void add(PortIndex port, FrameIndex frame) noexcept {
    List& list = lists_[port];
    if (list.count == 0) touched_.push_back(port);
    list.frames[list.count++] = frame;
  }
  /// Ports that have frames, in the order in which they got their first.
  [[nodiscard]] std::span<const PortIndex> ports() const noexcept { return touched_; }
  [[nodiscard]] std::span<const FrameIndex> frames(PortIndex port) const noexcept {
    return {lists_[port].frames.data(), lists_[port].count};
  }
  void clear() noexcept {
    for (const PortIndex port : touched_) lists_[port].count = 0;
    touched_.clear();
  }

 private:
  struct List {
    std::uint16_t count = 0;
    std::array<FrameIndex, kMaxBatch> frames;
  };
  std::vector<List> lists_;
  std::vector<PortIndex> touched_;
};

}  // namespace rb
