// SPDX-License-Identifier: GPL-2.0-or-later
// Loop probes are frames by which the switch finds out if frames that leave by one of its ports come in by another.
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

/// The destination of probes: 03-52-42-4C-50-00, a group address that is locally administered (IEEE 802-2014 8.2), so
/// that other bridges flood it.
inline constexpr MacNumber kLoopProbeGroup{0x0352424c5000};
/// The type of probes, for local experiments (IEEE 802-2014 9.2.4). Others may use this type with other groups.
inline constexpr std::uint16_t kLoopProbeEtherType = 0x88b5;

/// The contents of a probe. Only a station that has heard the probe can repeat it: its key is random, and is checked
/// when the probe comes back.
struct LoopProbe {
  std::uint64_t sender = 0;  // the random number of the sending bridge
  PortIndex port = kNoPort;  // the port by which the probe left
  std::uint64_t key = 0;

  bool operator==(const LoopProbe&) const = default;
};

/// The offset of the sender in a probe.
inline constexpr std::size_t kLoopProbeSenderAt = 22;
/// True if a frame to kLoopProbeGroup is a probe of this sender. The first octets of the frame are enough.
[[nodiscard]] inline bool is_loop_probe_of(std::uint64_t sender, std::span<const std::byte> frame) noexcept {
  return frame.size() >= kLoopProbeSenderAt + sizeof sender && load16(&frame[12]) == kLoopProbeEtherType &&
         load64(&frame[kLoopProbeSenderAt]) == sender;
}

/// The minimum size of an Ethernet frame, without FCS.
inline constexpr std::size_t kLoopProbeSize = 60;
using LoopProbeFrame = std::array<std::byte, kLoopProbeSize>;

[[nodiscard]] LoopProbeFrame encode(const LoopProbe& probe, const MacAddress& source) noexcept;
/// Reads a whole frame. Returns nullopt if it is no probe of this kind.
[[nodiscard]] std::optional<LoopProbe> decode_loop_probe(std::span<const std::byte> frame) noexcept;

}  // namespace rb
