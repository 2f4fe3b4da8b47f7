// SPDX-License-Identifier: GPL-2.0-or-later
// Frames between the workers and the control thread: the punted frames one way, the switch's own frames the other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "switch/frame.hpp"

namespace rb {

/// A frame for the control thread (BridgeState::stp, probe_sender), as the port received it.
struct PuntedFrame {
  static constexpr std::size_t kMaxOctets = 128;  // a BPDU has 60 on an Ethernet; nobody reads further octets

  PortIndex port = kNoPort;
  std::uint16_t size = 0;                         // number of octets in `octets`
  std::array<std::byte, kMaxOctets> octets = {};  // the frame's first octets, from its destination address on

  [[nodiscard]] std::span<const std::byte> frame() const noexcept { return {octets.data(), size}; }
};

/// Limit of a port on each worker. Bridges send a few BPDUs a second at most (IEEE 802.1D-2004 17.13.12), and several
/// bridges may share a LAN.
inline constexpr unsigned kPuntsPerSecond = 30;
/// Loop probes have a limit of their own: a storm of probes must not take the place of BPDUs.
inline constexpr unsigned kProbesPerSecond = 20;

/// Largest frame of the switch's own, in octets from its destination address on.
inline constexpr std::size_t kMaxOwnFrameSize = 256;

}  // namespace rb
