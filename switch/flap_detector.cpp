// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/flap_detector.hpp"

#include <algorithm>

namespace rb {
namespace {

/// Fibonacci hashing. An attacker can choose stations that share a place and so hide other stations, but is then
/// reported itself.
std::size_t place_of(FdbKey station) noexcept {
  return static_cast<std::size_t>(station.packed * 0x9e3779b97f4a7c15ULL >> 56);
}
static_assert(FlapDetector::kStations == 256);

}  // namespace

std::optional<Flap> FlapDetector::moved(FdbKey station, PortIndex from, PortIndex to, std::int64_t now_ms) {
  const auto [low, high] = std::minmax(from, to);
  Mover& mover = movers_[place_of(station)];
  const bool goes_on = mover.low != kNoPort && now_ms - mover.last_ms <= kWindow_ms;
  // A station that moves keeps its place for as long as it goes on moving.
  if (goes_on && mover.station != station) return std::nullopt;
  if (!goes_on || mover.low != low || mover.high != high)
    mover = {.station = station, .low = low, .high = high, .up = 0, .down = 0, .last_ms = now_ms};
  mover.last_ms = now_ms;
  ++(to == high ? mover.up : mover.down);
  if (mover.up < kMoves || mover.down < kMoves || told_lately(low, high, now_ms)) return std::nullopt;
  return Flap{station, low, high, mover.up + mover.down};
}

bool FlapDetector::told_lately(PortIndex low, PortIndex high, std::int64_t now_ms) {
  std::erase_if(told_, [&](const Told& told) { return now_ms - told.when_ms >= kSilence_ms; });
  if (std::ranges::any_of(told_, [&](const Told& told) { return told.low == low && told.high == high; })) return true;
  if (told_.size() == kPairs) return true;  // the list of recent reports is full
  told_.push_back({low, high, now_ms});
  return false;
}

void FlapDetector::forget(PortIndex port) {
  const auto is_of = [&](const auto& entry) { return entry.low == port || entry.high == port; };
  std::erase_if(told_, is_of);
  for (Mover& mover : movers_) {
    if (is_of(mover)) mover = {};
  }
}

}  // namespace rb
