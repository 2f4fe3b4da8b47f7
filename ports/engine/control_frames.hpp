// SPDX-License-Identifier: GPL-2.0-or-later
// Frames between the workers and the control thread: the punted frames one way, the switch's own frames the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "switch/frame.hpp"
#include "switch/punt.hpp"

namespace rb {

/// A frame, or a copy of a frame, that a worker has handed to the control thread.
struct PuntedFrame {
  PuntKind kind = PuntKind::kBpdu;
  PortIndex port = kNoPort;
  std::uint32_t size = 0;         // octets of the whole frame
  std::vector<std::byte> octets;  // the first of them, from the destination address on: row_of(kind).octets at most
};

/// Largest frame of the switch's own, in octets from its destination address on.
inline constexpr std::size_t kMaxOwnFrameSize = 256;

}  // namespace rb
