// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/station_events.hpp"

namespace rb {

bool StationEvents::report(std::span<const LearnEvent> learned, Wanted wanted, std::uint32_t now_s) noexcept {
  if (!wanted.all && !wanted.moves) return false;
  bool any = false;
  for (const LearnEvent& station : learned) {
    const bool moved = station.previous != kNoPort;
    if (!wanted.all && !(moved && move_limit_.take(now_s, kMoveEventsPerSecond))) continue;
    any = true;
    EngineEvent event;
    event.kind = moved ? EngineEvent::Kind::kFdbMoved : EngineEvent::Kind::kFdbAdded;
    event.port = station.port;
    event.previous = station.previous;
    event.fid = station.key.fid();
    event.mac = station.key.mac();
    queue_.push(event);
  }
  return any;
}

}  // namespace rb
