// SPDX-License-Identifier: GPL-2.0-or-later
// FlapDetector: notices stations that are learned behind one port and another in turn, which is what a loop between the
// two looks like from inside the FDB.
//
// How it works. A station that moves once has moved; one that goes to and fro between the same two ports several times
// within moments is heard by both. Only some of the moves need be told here, for in a loop they come by thousands. What
// is remembered is bounded: a table with one place for each hash of a station, where a station that moves takes the
// place of one that has been quiet, and a list of the pairs of ports of which it was said lately. It proves no loop: a
// port that forges another's stations looks alike, so nothing may be closed on this word alone (see loop_probe.hpp).
//
// Pure; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "switch/fdb.hpp"

namespace rb {

/// A station flaps between two ports.
struct Flap {
  FdbKey station;
  PortIndex low = kNoPort, high = kNoPort;  // the lower index first
  unsigned moves = 0;                       // that were told, to and fro
};

class FlapDetector {
 public:
  /// Moves there and back, of either, that make a flap, within kWindow_ms of each other.
  static constexpr unsigned kMoves = 3;
  static constexpr std::int64_t kWindow_ms = 1'000;
  /// The same two ports are told of again after so long, if it goes on.
  static constexpr std::int64_t kSilence_ms = 30'000;
  static constexpr std::size_t kStations = 256, kPairs = 64;

  /// A station was learned behind `to`, and was behind `from` before. Gives the flap that this proves, if it is news.
  /// `now_ms`: of a clock that does not go back.
  [[nodiscard]] std::optional<Flap> moved(FdbKey station, PortIndex from, PortIndex to, std::int64_t now_ms);
  /// A port has gone: what comes in its place is another.
  void forget(PortIndex port);

 private:
  struct Mover {
    FdbKey station;
    PortIndex low = kNoPort, high = kNoPort;
    unsigned up = 0, down = 0;  // moves to the higher, to the lower
    std::int64_t last_ms = 0;
  };
  struct Told {
    PortIndex low, high;
    std::int64_t when_ms;
  };
  [[nodiscard]] bool told_lately(PortIndex low, PortIndex high, std::int64_t now_ms);

  std::array<Mover, kStations> movers_;
  std::vector<Told> told_;
};

}  // namespace rb
