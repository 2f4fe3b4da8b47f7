// SPDX-License-Identifier: GPL-2.0-or-later
// FlapDetector notices stations that are learned behind two ports in turn. From inside the FDB, a loop between the two
// ports looks like this.
//
// How it works. A station that moves once has moved. A station that moves to and fro between the same two ports several
// times within moments is heard by both ports. The detector needs to hear only some of the moves, because a loop causes
// thousands of them. Memory is bounded: a table has one place for each hash of a station, where a station that moves
// takes the place of a station that has been quiet, and a list has the pairs of ports that were reported recently. A
// flap does not prove a loop: a port that forges another's stations looks the same, so no port may be closed because of
// a flap alone (see loop_probe.hpp).
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
  unsigned moves = 0;                       // reported moves, to and fro
};

class FlapDetector {
 public:
  /// A flap is this many moves there and back, each within kWindow_ms of the last.
  static constexpr unsigned kMoves = 3;
  static constexpr std::int64_t kWindow_ms = 1'000;
  /// If the flap goes on, the same two ports are reported again after this time.
  static constexpr std::int64_t kSilence_ms = 30'000;
  static constexpr std::size_t kStations = 256, kPairs = 64;

  /// A station was learned behind `to`, and was behind `from` before. Returns the flap if this move proves a new one.
  /// `now_ms` is of a clock that does not go back.
  [[nodiscard]] std::optional<Flap> moved(FdbKey station, PortIndex from, PortIndex to, std::int64_t now_ms);
  /// A port was removed. Another port may get its index.
  void forget(PortIndex port);

 private:
  struct Mover {
    FdbKey station;
    PortIndex low = kNoPort, high = kNoPort;
    unsigned up = 0, down = 0;  // moves to the higher port, and to the lower
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
