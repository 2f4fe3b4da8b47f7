// SPDX-License-Identifier: GPL-2.0-or-later
// Bpdu: the three messages of the spanning tree protocols, as octets and as values (IEEE 802.1D-2004 9).
//
// How it works. Octets from a port are hostile: decode() is their only border, checks every bound once and refuses what
// 9.3.4 does not let pass; behind it there are values alone. What says more than it has to (a longer message, a later
// version) is read as the version we know, as 9.3.4 asks for.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "switch/mac_address.hpp"

namespace rb::stp {

/// Priority (the upper 16 bits) and address of a bridge; the lower number is the better bridge (9.2.5).
struct BridgeId {
  std::uint64_t value = 0;

  [[nodiscard]] static constexpr BridgeId of(std::uint16_t priority, const MacAddress& address) noexcept {
    return {std::uint64_t{priority} << 48 | address.to_number()};
  }
  [[nodiscard]] constexpr std::uint16_t priority() const noexcept { return static_cast<std::uint16_t>(value >> 48); }
  [[nodiscard]] constexpr MacAddress address() const noexcept { return MacAddress::from_number(value); }
  auto operator<=>(const BridgeId&) const = default;
};

/// Priority and number of a port; how many bits each has is the sender's affair, the lower number is the better port
/// (9.2.7). Here, as in the kernel's bridge, 6 bits of priority and 10 of number.
using PortId = std::uint16_t;

/// How good a message, or what a port knows, is: the lower, the better (17.5).
struct PriorityVector {
  BridgeId root;
  std::uint32_t root_path_cost = 0;
  BridgeId designated_bridge;
  PortId designated_port = 0;

  auto operator<=>(const PriorityVector&) const = default;
};

/// Milliseconds; on the wire 1/256 s. As BPDUs carry them (17.18.4, 17.19.22).
struct Times {
  std::int64_t message_age = 0;
  std::int64_t max_age = 20'000;
  std::int64_t hello = 2'000;
  std::int64_t forward_delay = 15'000;

  bool operator==(const Times&) const = default;
};

/// What a port is to the tree (17.7). On the wire alternate and backup are one.
enum class PortRole : std::uint8_t { kDisabled, kAlternate, kBackup, kRoot, kDesignated };
[[nodiscard]] std::string_view port_role_name(PortRole role) noexcept;

/// One message.
struct Bpdu {
  enum class Kind : std::uint8_t {
    kConfiguration,               // STP
    kTopologyChangeNotification,  // STP; nothing below says anything
    kRapid,                       // RSTP
  };
  Kind kind = Kind::kRapid;
  PriorityVector priority = {};
  Times times = {};
  bool topology_change = false;
  bool topology_change_ack = false;
  // Of kRapid; a configuration message comes from a designated port.
  PortRole role = PortRole::kDesignated;  // kDisabled: the wire said "unknown"
  bool proposal = false;
  bool agreement = false;
  bool learning = false;
  bool forwarding = false;

  bool operator==(const Bpdu&) const = default;
};

/// Why octets are no BPDU.
enum class BpduError : std::uint8_t {
  kTooShort,         // for what it says it is
  kNotSpanningTree,  // another LLC address, or protocol identifier
  kUnknownType,      // neither of the three
  kStale,            // a configuration message whose message age is not below its max age
  kBadTimes,         // a max age, hello time or forward delay that no bridge may have
};
inline constexpr std::size_t kBpduErrorCount = static_cast<std::size_t>(BpduError::kBadTimes) + 1;
[[nodiscard]] std::string_view bpdu_error_name(BpduError error) noexcept;

inline constexpr MacAddress kBridgeGroupAddress{{0x01, 0x80, 0xc2, 0x00, 0x00, 0x00}};
/// Octets of a whole frame on an Ethernet, without FCS: padded to the least that one may have.
inline constexpr std::size_t kBpduFrameSize = 60;
using BpduFrame = std::array<std::byte, kBpduFrameSize>;

/// Reads a whole frame, from its destination on: untagged, with a length and LLC 42 42 03. Octets behind what is needed
/// are not looked at, so a frame may be cut off at kBpduFrameSize.
[[nodiscard]] std::expected<Bpdu, BpduError> decode(std::span<const std::byte> frame) noexcept;

/// The frame by which a port with address `source` says it. Costs, ids and times are stored as they are; times beyond
/// what the field holds (255.996 s) as the largest.
[[nodiscard]] BpduFrame encode(const Bpdu& bpdu, const MacAddress& source) noexcept;

}  // namespace rb::stp
