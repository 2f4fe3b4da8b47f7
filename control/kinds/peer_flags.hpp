// SPDX-License-Identifier: GPL-2.0-or-later
// What is shown of a port that is no interface, as of an interface's flags.
#pragma once

#include <linux/if.h>

#include <cstdint>

namespace rb {

inline constexpr std::uint32_t kPeerFlags = IFF_BROADCAST | IFF_MULTICAST | IFF_UP;
inline constexpr std::uint32_t kConnectedFlags = kPeerFlags | IFF_RUNNING | IFF_LOWER_UP;

}  // namespace rb
