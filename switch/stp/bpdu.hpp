// SPDX-License-Identifier: GPL-2.0-or-later
// Bpdu has the three messages of the spanning tree protocols, as octets and as values (IEEE 802.1D-2004 9).
//
// How it works. Octets from a port are hostile. decode() is the only border: it checks every bound once and refuses
// messages that 9.3.4 does not accept. The code behind decode() sees values only. As 9.3.4 requires, decode() reads a
// longer message or a later version as the version that we know.
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

/// Priority and number of a port; the lower value is the better port (9.2.7). The sender decides how many bits each
/// part has. Our bridge has 6 bits of priority and 10 bits of number, as the kernel's bridge has.
using PortId = std::uint16_t;

/// The quality of a message, or of the information of a port: the lower, the better (17.5).
struct PriorityVector {
  BridgeId root;
  std::uint32_t root_path_cost = 0;
  BridgeId designated_bridge;
  PortId designated_port = 0;

  auto operator<=>(const PriorityVector&) const = default;
};

/// The times that BPDUs carry (17.18.4, 17.19.22), in milliseconds. On the wire the unit is 1/256 s.
struct Times {
  std::int64_t message_age = 0;
  std::int64_t max_age = 20'000;
  std::int64_t hello = 2'000;
  std::int64_t forward_delay = 15'000;

  bool operator==(const Times&) const = default;
};

/// The role of a port in the tree (17.7). Alternate and backup have the same value on the wire.
enum class PortRole : std::uint8_t { kDisabled, kAlternate, kBackup, kRoot, kDesignated };
[[nodiscard]] std::string_view port_role_name(PortRole role) noexcept;

/// One message.
struct Bpdu {
  enum class Kind : std::uint8_t {
    kConfiguration,               // STP
    kTopologyChangeNotification,  // STP; the other members have no meaning
    kRapid,                       // RSTP
  };
  Kind kind = Kind::kRapid;
  PriorityVector priority = {};
  Times times = {};
  bool topology_change = false;
  bool topology_change_ack = false;
  // The members below belong to kRapid. A configuration message always comes from a designated port.
  PortRole role = PortRole::kDesignated;  // kDisabled: the role on the wire is "unknown"
  bool proposal = false;
  bool agreement = false;
  bool learning = false;
  bool forwarding = false;

  bool operator==(const Bpdu&) const = default;
};

/// The reason why decode() refuses octets.
enum class BpduError : std::uint8_t {
  kTooShort,         // too short for its type
  kNotSpanningTree,  // another LLC address, or protocol identifier
  kUnknownType,      // none of the three types
  kStale,            // a configuration message whose message age is not below its max age
  kBadTimes,         // a max age, hello time or forward delay that no bridge may have
};
inline constexpr std::size_t kBpduErrorCount = static_cast<std::size_t>(BpduError::kBadTimes) + 1;
[[nodiscard]] std::string_view bpdu_error_name(BpduError error) noexcept;

inline constexpr MacAddress kBridgeGroupAddress{{0x01, 0x80, 0xc2, 0x00, 0x00, 0x00}};
/// Octets of a whole Ethernet frame, without FCS, padded to the minimum size of a frame.
inline constexpr std::size_t kBpduFrameSize = 60;
using BpduFrame = std::array<std::byte, kBpduFrameSize>;

/// Reads a whole frame that begins with its destination address: untagged, with a length and LLC 42 42 03. decode()
/// ignores further octets, so the caller may cut a frame off at kBpduFrameSize.
[[nodiscard]] std::expected<Bpdu, BpduError> decode(std::span<const std::byte> frame) noexcept;

/// Makes the frame with this message for a port with address `source`. encode() stores costs, ids and times unchanged.
/// A time beyond the range of the field (255.996 s) becomes the largest value.
[[nodiscard]] BpduFrame encode(const Bpdu& bpdu, const MacAddress& source) noexcept;

}  // namespace rb::stp
