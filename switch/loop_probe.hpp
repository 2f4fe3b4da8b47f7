// Loop probes: frames by which the switch finds out whether what leaves by one of its ports comes in by another.
#pragma once

#include <cstdint>

#include "switch/mac_address.hpp"

namespace rb {

/// Where they go: 03-52-42-4C-50-00, a group address that is locally administered (IEEE 802-2014 8.2), so other bridges
/// flood it.
inline constexpr MacNumber kLoopProbeGroup{0x0352424c5000};
/// Their type, for local experiments (IEEE 802-2014 9.2.4): others may use it with other groups.
inline constexpr std::uint16_t kLoopProbeEtherType = 0x88b5;

}  // namespace rb
