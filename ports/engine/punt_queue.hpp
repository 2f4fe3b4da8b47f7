// SPDX-License-Identifier: GPL-2.0-or-later
// PuntQueue: frames that one worker hands to the control thread, with their kind.
//
// How it works. The relay says which frames of a batch are punted, and as what (switch/punt.hpp). hand_over() keeps
// each port to the limit that the kind has in a second, cuts the frame to the octets that the kind allows, and copies
// the rest into a ring of bytes that the control thread empties. Copies of frames that go on may fill no more than a
// half of the ring: protocols depend on the frames that end here, copies are for whoever looks on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "ports/engine/rate_limit.hpp"
#include "ports/engine/record_ring.hpp"
#include "switch/counters.hpp"
#include "switch/punt.hpp"

namespace rb {

class Relay;

/// A frame that a worker has handed over.
struct PuntHeader {
  PuntKind kind = PuntKind::kBpdu;
  PortIndex port = kNoPort;
  std::uint32_t size = 0;  // octets of the whole frame, which may be more than were handed over
};

class PuntQueue {
 public:
  static constexpr std::size_t kCapacity = std::size_t{1} << 20;  // bytes
  static constexpr std::size_t kKeptFromCopies = kCapacity / 2;   // bytes
  using Ring = RecordRing<PuntHeader, kCapacity>;

  /// Takes the punted frames of the relay's last batch, and counts how each has ended, or that it was copied. Returns
  /// true when the control thread has something to take. The worker's thread.
  [[nodiscard]] bool hand_over(const Relay& relay, std::span<PortCounters> counters, std::uint32_t now_s) noexcept;
  /// Calls `use(const PuntHeader&, std::span<std::byte> octets)` for the oldest frames, `max` at most; returns how many
  /// there were. The control thread.
  template <typename Use>
  std::size_t drain(Use&& use, std::size_t max) {
    return ring_.drain(std::forward<Use>(use), max);
  }
  /// Frames that can wait at once.
  static constexpr std::size_t kMaxFrames = kCapacity / Ring::record_size(0);

 private:
  Ring ring_;
  std::vector<std::array<RateLimit, kPuntKinds.size()>> limits_{kMaxPorts};  // by port
};

}  // namespace rb
