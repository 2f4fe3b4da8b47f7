// SPDX-License-Identifier: GPL-2.0-or-later
// EngineEvent: news from the hot side for the control thread.
#pragma once

#include <cstdint>

#include "switch/fdb.hpp"
#include "switch/frame.hpp"
#include "switch/mac_address.hpp"

namespace rb {

/// Something the hot side noticed. When the control thread is slow, events are lost and counted.
struct EngineEvent {
  enum class Kind : std::uint8_t {
    kFdbAdded,   // mac, fid, port
    kFdbMoved,   // mac, fid, port, previous
    kPortError,  // port: reading failed with `error` (an errno) and has ended; detach the port, then attach it again
  };
  Kind kind = Kind::kFdbAdded;
  PortIndex port = kNoPort;
  PortIndex previous = kNoPort;
  Fid fid = 0;
  int error = 0;
  MacAddress mac;
};

/// Limit of kFdbMoved events on each worker while not all FDB events are wanted.
inline constexpr unsigned kMoveEventsPerSecond = 256;

}  // namespace rb
