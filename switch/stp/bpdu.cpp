// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/stp/bpdu.hpp"

#include <algorithm>

#include "switch/big_endian.hpp"

namespace rb::stp {
namespace {

// Offsets within a frame: IEEE 802.3 3.2, then the LLC header of 802.1D-2004 7.12.3, then 9.3.1 and 9.3.3.
constexpr std::size_t kSourceAt = 6, kLengthAt = 12, kLlcAt = 14, kBpduAt = 17;
constexpr std::size_t kProtocolAt = kBpduAt, kVersionAt = kBpduAt + 2, kTypeAt = kBpduAt + 3, kFlagsAt = kBpduAt + 4,
                      kRootAt = kBpduAt + 5, kCostAt = kBpduAt + 13, kBridgeAt = kBpduAt + 17, kPortAt = kBpduAt + 25,
                      kMessageAgeAt = kBpduAt + 27, kMaxAgeAt = kBpduAt + 29, kHelloAt = kBpduAt + 31,
                      kForwardDelayAt = kBpduAt + 33;
// Sizes of the messages in octets, counted from the protocol identifier. The last octet of kRapid is the length of
// version 1, which is 0.
constexpr std::size_t kNotificationSize = 4, kConfigurationSize = 35, kRapidSize = 36;
static_assert(kBpduAt + kRapidSize <= kBpduFrameSize);

constexpr std::array<std::byte, 3> kLlc = {std::byte{0x42}, std::byte{0x42}, std::byte{0x03}};
constexpr std::size_t kMaxLength = 1500;  // a larger value is an EtherType or undefined (IEEE 802.3 3.2.6)

// 9.2.2, 9.2.3.
constexpr std::uint8_t kConfigurationType = 0x00, kRapidType = 0x02, kNotificationType = 0x80;
constexpr std::uint8_t kStpVersion = 0, kRstpVersion = 2;

// Flags (9.3.3); the role is the two bits from kRoleShift on.
constexpr unsigned kTopologyChange = 0x01, kProposal = 0x02, kLearning = 0x10, kForwarding = 0x20, kAgreement = 0x40,
                   kTopologyChangeAck = 0x80;
constexpr unsigned kRoleShift = 2, kRoleMask = 3;

// Times are multiples of 1/256 s (9.2.8).
constexpr std::int64_t kUnitsPerSecond = 256, kMsPerSecond = 1000, kMaxUnits = 0xffff;
// No bridge has a shorter max age, hello time or forward delay: the smallest value that table 17-1 and Linux allow for
// any of them is the hello time's 1 s. A shorter forward delay would not prevent a loop, and with a shorter max age
// information would be too old at once. There is no upper bound: the field holds no more than 256 s, and if we ignored
// a bridge with long times, we would treat its LAN as a LAN without bridges and make a loop.
constexpr std::uint16_t kMinUnits = kUnitsPerSecond;

constexpr std::int64_t ms_of(std::uint16_t units) noexcept {
  return (units * kMsPerSecond + kUnitsPerSecond / 2) / kUnitsPerSecond;
}
constexpr std::uint32_t units_of(std::int64_t ms) noexcept {
  const std::int64_t within = std::clamp(ms, std::int64_t{0}, ms_of(kMaxUnits));
  return static_cast<std::uint32_t>((within * kUnitsPerSecond + kMsPerSecond / 2) / kMsPerSecond);
}
static_assert(units_of(ms_of(kMaxUnits)) == kMaxUnits && units_of(ms_of(1)) == 1);

// 9.2.9.
constexpr std::array kRolesOnWire = {PortRole::kDisabled, PortRole::kAlternate, PortRole::kRoot, PortRole::kDesignated};
constexpr unsigned role_bits(PortRole role) noexcept {
  switch (role) {
    case PortRole::kDisabled:
      return 0;
    case PortRole::kAlternate:
    case PortRole::kBackup:
      return 1;
    case PortRole::kRoot:
      return 2;
    case PortRole::kDesignated:
      return 3;
  }
  return 0;
}

}  // namespace

std::string_view port_role_name(PortRole role) noexcept {
  switch (role) {
    case PortRole::kDisabled:
      return "disabled";
    case PortRole::kAlternate:
      return "alternate";
    case PortRole::kBackup:
      return "backup";
    case PortRole::kRoot:
      return "root";
    case PortRole::kDesignated:
      return "designated";
  }
  return "?";
}

std::string_view bpdu_error_name(BpduError error) noexcept {
  switch (error) {
    case BpduError::kTooShort:
      return "too_short";
    case BpduError::kNotSpanningTree:
      return "not_spanning_tree";
    case BpduError::kUnknownType:
      return "unknown_type";
    case BpduError::kStale:
      return "stale";
    case BpduError::kBadTimes:
      return "bad_times";
  }
  return "?";
}

std::expected<Bpdu, BpduError> decode(std::span<const std::byte> frame) noexcept {
  if (frame.size() < kBpduAt) return std::unexpected(BpduError::kTooShort);
  const std::byte* const at = frame.data();
  const std::size_t length = load16(at + kLengthAt);
  if (length > kMaxLength || !std::equal(kLlc.begin(), kLlc.end(), at + kLlcAt))
    return std::unexpected(BpduError::kNotSpanningTree);
  // Octets beyond the length are padding. The frame may also have been cut off before the end of the length.
  const std::size_t llc_end = kLlcAt + length, end = std::min(llc_end, frame.size());
  const auto holds = [end](std::size_t bpdu_size) { return end >= kBpduAt + bpdu_size; };

  if (!holds(kNotificationSize)) return std::unexpected(BpduError::kTooShort);
  if (load16(at + kProtocolAt) != 0) return std::unexpected(BpduError::kNotSpanningTree);
  const std::uint8_t type = load8(at + kTypeAt);
  Bpdu bpdu;
  if (type == kNotificationType) {
    bpdu.kind = Bpdu::Kind::kTopologyChangeNotification;
    return bpdu;
  }
  const bool rapid = type == kRapidType && load8(at + kVersionAt) >= kRstpVersion;
  if (!rapid && type != kConfigurationType) return std::unexpected(BpduError::kUnknownType);
  if (!holds(rapid ? kRapidSize : kConfigurationSize)) return std::unexpected(BpduError::kTooShort);

  const std::uint16_t message_age = load16(at + kMessageAgeAt), max_age = load16(at + kMaxAgeAt);
  const std::uint16_t hello = load16(at + kHelloAt), forward_delay = load16(at + kForwardDelayAt);
  if (std::min({max_age, hello, forward_delay}) < kMinUnits) return std::unexpected(BpduError::kBadTimes);
  // 9.3.4 requires this for configuration messages only. The state machines must see a rapid message that is too old:
  // it replaces earlier information of the same bridge, and so ends counting to infinity (17.21.23).
  if (!rapid && message_age >= max_age) return std::unexpected(BpduError::kStale);

  bpdu.kind = rapid ? Bpdu::Kind::kRapid : Bpdu::Kind::kConfiguration;
  bpdu.priority = {.root = {load64(at + kRootAt)},
                   .root_path_cost = load32(at + kCostAt),
                   .designated_bridge = {load64(at + kBridgeAt)},
                   .designated_port = load16(at + kPortAt)};
  bpdu.times = {.message_age = ms_of(message_age),
                .max_age = ms_of(max_age),
                .hello = ms_of(hello),
                .forward_delay = ms_of(forward_delay)};
  const unsigned flags = load8(at + kFlagsAt);
  bpdu.topology_change = (flags & kTopologyChange) != 0;
  bpdu.topology_change_ack = (flags & kTopologyChangeAck) != 0;
  if (rapid) {
    bpdu.role = kRolesOnWire[flags >> kRoleShift & kRoleMask];
    bpdu.proposal = (flags & kProposal) != 0;
    bpdu.agreement = (flags & kAgreement) != 0;
    bpdu.learning = (flags & kLearning) != 0;
    bpdu.forwarding = (flags & kForwarding) != 0;
  }
  return bpdu;
}

BpduFrame encode(const Bpdu& bpdu, const MacAddress& source) noexcept {
  BpduFrame frame{};
  std::byte* const at = frame.data();
  const auto begin = [&](std::uint8_t version, std::uint8_t type, std::size_t bpdu_size) {
    std::ranges::transform(kBridgeGroupAddress.octets, at, [](std::uint8_t octet) { return std::byte{octet}; });
    std::ranges::transform(source.octets, at + kSourceAt, [](std::uint8_t octet) { return std::byte{octet}; });
    store16(at + kLengthAt, static_cast<std::uint32_t>(kLlc.size() + bpdu_size));
    std::ranges::copy(kLlc, at + kLlcAt);
    at[kVersionAt] = std::byte{version};
    at[kTypeAt] = std::byte{type};
  };
  unsigned flags = (bpdu.topology_change ? kTopologyChange : 0) | (bpdu.topology_change_ack ? kTopologyChangeAck : 0);
  switch (bpdu.kind) {
    case Bpdu::Kind::kTopologyChangeNotification:
      begin(kStpVersion, kNotificationType, kNotificationSize);
      return frame;
    case Bpdu::Kind::kConfiguration:
      begin(kStpVersion, kConfigurationType, kConfigurationSize);
      break;
    case Bpdu::Kind::kRapid:
      begin(kRstpVersion, kRapidType, kRapidSize);
      flags |= role_bits(bpdu.role) << kRoleShift | (bpdu.proposal ? kProposal : 0) | (bpdu.learning ? kLearning : 0) |
               (bpdu.forwarding ? kForwarding : 0) | (bpdu.agreement ? kAgreement : 0);
      break;
  }
  at[kFlagsAt] = static_cast<std::byte>(flags);
  store64(at + kRootAt, bpdu.priority.root.value);
  store32(at + kCostAt, bpdu.priority.root_path_cost);
  store64(at + kBridgeAt, bpdu.priority.designated_bridge.value);
  store16(at + kPortAt, bpdu.priority.designated_port);
  store16(at + kMessageAgeAt, units_of(bpdu.times.message_age));
  store16(at + kMaxAgeAt, units_of(bpdu.times.max_age));
  store16(at + kHelloAt, units_of(bpdu.times.hello));
  store16(at + kForwardDelayAt, units_of(bpdu.times.forward_delay));
  return frame;
}

}  // namespace rb::stp
