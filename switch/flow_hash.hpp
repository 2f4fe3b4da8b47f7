// SPDX-License-Identifier: GPL-2.0-or-later
// Computes a number for the conversation of a frame, so that all its frames use one queue and stay in order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "switch/big_endian.hpp"
#include "switch/frame.hpp"

namespace rb {

/// The number is the same for all frames of a TCP or UDP flow, of two IP addresses (fragments, other protocols), or of
/// two stations. It differs between the directions. VLAN tags are skipped. The function reads pieces[0] only.
[[nodiscard]] inline std::uint32_t flow_hash(const Frame& frame) noexcept {
  constexpr std::uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd, kTag = 0x8100, kServiceTag = 0x88a8;
  constexpr std::uint8_t kTcp = 6, kUdp = 17;
  const std::byte* octets = frame.pieces[0].data;
  const std::size_t size = frame.pieces[0].size;
  const auto mix = [](std::uint64_t hash, std::uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
    return hash ^ hash >> 32;
  };
  const auto load = [&](std::size_t at) {
    std::uint64_t value = 0;
    std::memcpy(&value, octets + at, sizeof value);
    return value;
  };
  std::size_t ip = kEthernetHeaderSize;
  std::uint16_t type = load16(octets + ip - 2);
  for (int tags = 0; tags < 2 && (type == kTag || type == kServiceTag) && size >= ip + kVlanTagSize; ++tags) {
    ip += kVlanTagSize;
    type = load16(octets + ip - 2);
  }
  std::uint64_t hash = 0;
  std::size_t ports = 0;
  std::uint8_t protocol = 0;
  if (type == kIpv4 && size >= ip + 20) {
    hash = mix(hash, load(ip + 12));
    protocol = load8(octets + ip + 9);
    const bool fragment = (load16(octets + ip + 6) & 0x3fff) != 0;
    if (!fragment) ports = ip + (load8(octets + ip) & std::size_t{0xf}) * 4;
  } else if (type == kIpv6 && size >= ip + 40) {
    for (std::size_t at = ip + 8; at < ip + 40; at += 8) hash = mix(hash, load(at));
    protocol = load8(octets + ip + 6);
    ports = ip + 40;
  } else {
    hash = mix(mix(hash, load(0)), load(4));
  }
  if ((protocol == kTcp || protocol == kUdp) && ports != 0 && size >= ports + 4)
    hash = mix(hash, load32(octets + ports));
  return static_cast<std::uint32_t>(mix(hash, protocol));
}

}  // namespace rb
