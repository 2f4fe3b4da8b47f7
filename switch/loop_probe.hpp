// SPDX-License-Identifier: GPL-2.0-or-later
// Loop probes: frames by which the switch finds out whether what leaves by one of its ports comes in by another.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "switch/big_endian.hpp"
#include "switch/frame.hpp"
#include "switch/mac_address.hpp"

namespace rb {

/// Where they go: 03-52-42-4C-50-00, a group address that is locally administered (IEEE 802-2014 8.2), so other bridges
/// flood it.
inline constexpr MacNumber kLoopProbeGroup{0x0352424c5000};
/// Their type, for local experiments (IEEE 802-2014 9.2.4): others may use it with other groups.
inline constexpr std::uint16_t kLoopProbeEtherType = 0x88b5;

/// What one says. Nobody but who has heard it can say it again: its key is random, and asked for when it comes back.
struct LoopProbe {
  std::uint64_t sender = 0;  // a bridge, by a random number of its own
  PortIndex port = kNoPort;  // by which it left
  std::uint64_t key = 0;

  bool operator==(const LoopProbe&) const = default;
};

/// Where a probe says whose it is.
inline constexpr std::size_t kLoopProbeSenderAt = 22;
/// Whether a frame to kLoopProbeGroup is a probe of this sender; its first octets are enough.
[[nodiscard]] inline bool is_loop_probe_of(std::uint64_t sender, std::span<const std::byte> frame) noexcept {
  return frame.size() >= kLoopProbeSenderAt + sizeof sender && load16(&frame[12]) == kLoopProbeEtherType &&
         load64(&frame[kLoopProbeSenderAt]) == sender;
}

/// As long as a frame on an Ethernet has to be, without FCS.
inline constexpr std::size_t kLoopProbeSize = 60;
using LoopProbeFrame = std::array<std::byte, kLoopProbeSize>;

[[nodiscard]] LoopProbeFrame encode(const LoopProbe& probe, const MacAddress& source) noexcept;
/// Reads a whole frame; nullopt for what is no probe of this kind.
[[nodiscard]] std::optional<LoopProbe> decode_loop_probe(std::span<const std::byte> frame) noexcept;

}  // namespace rb
