// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/punt_queue.hpp"

#include <algorithm>

#include "switch/relay.hpp"

namespace rb {

bool PuntQueue::hand_over(const Relay& relay, std::span<PortCounters> counters, std::uint32_t now_s) noexcept {
  bool any = false;
  for (const Punt& punt : relay.punted()) {
    const Frame& frame = relay.frame(punt.frame);
    const PuntKindRow& kind = row_of(punt.kind);
    PortCounters& counted = counters[punt.port];
    DropReason end = DropReason::kPuntLimit;
    if (limits_[punt.port][static_cast<std::size_t>(punt.kind)].take(now_s, kind.per_second)) {
      const bool pushed = ring_.push({punt.kind, punt.port, frame.size}, frame, std::min(frame.size, kind.octets),
                                     punt.ends ? 0 : kKeptFromCopies);
      end = pushed ? DropReason::kPunted : DropReason::kPuntFull;
      any = any || pushed;
    }
    if (punt.ends) {
      counted.drop(end);
    } else {
      (end == DropReason::kPunted ? counted.punt_copies : counted.punt_copies_lost).add(1);
    }
  }
  return any;
}

}  // namespace rb
