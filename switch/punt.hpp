// SPDX-License-Identifier: GPL-2.0-or-later
// Punt: a frame, or a copy of a frame, that the relay gives to the control thread, and the kind of that frame.
//
// The relay finds out once what a punted frame is; workers and the control thread go by the kind. A punted frame
// either ends there, and is counted under a drop reason (kPunted, or why it could not be handed over), or only a copy
// is punted and the frame goes on. Copies have counters of their own (PortCounters::punt_copies, punt_copies_lost), so
// that received = forwarded + flooded + dropped holds whatever is copied.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "switch/egress_lists.hpp"
#include "switch/frame.hpp"

namespace rb {

/// What a punted frame is.
enum class PuntKind : std::uint8_t {
  kBpdu,       // for the spanning tree of the bridge
  kLoopProbe,  // a probe of the bridge's own that has come back
};

/// What workers may hand over of each kind, in a second and of a frame.
struct PuntKindRow {
  std::uint32_t per_second;  // frames a second of one port on one worker
  std::uint32_t octets;      // of a frame, from its destination address on; the rest is cut off
};

/// By the number of the kind. Each kind has a limit of its own: a storm of probes must not take the place of BPDUs.
inline constexpr auto kPuntKinds = std::to_array<PuntKindRow>({
    {.per_second = 30, .octets = 1518},  // bridges send a few a second at most (IEEE 802.1D-2004 17.13.12)
    {.per_second = 20, .octets = 128},
});

[[nodiscard]] constexpr const PuntKindRow& row_of(PuntKind kind) noexcept {
  return kPuntKinds[static_cast<std::size_t>(kind)];
}

/// One frame of a batch that is punted.
struct Punt {
  FrameIndex frame = 0;
  PortIndex port = kNoPort;  // the port that received the frame; of a copy taken at egress, the port that sends it
  PuntKind kind = PuntKind::kBpdu;
  bool ends = true;  // false: the frame goes on, and the control thread gets a copy

  bool operator==(const Punt&) const = default;
};

}  // namespace rb
