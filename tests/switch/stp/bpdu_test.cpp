// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/stp/bpdu.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

#include "switch/big_endian.hpp"

namespace rb::stp {
namespace {

using Kind = Bpdu::Kind;
using Octets = std::vector<std::byte>;

Octets octets(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Octets result;
  for (std::size_t i = 0; i < hex.size();) {
    if (hex[i] == ' ') {
      ++i;
      continue;
    }
    result.push_back(static_cast<std::byte>(digit(hex[i]) << 4 | digit(hex[i + 1])));
    i += 2;
  }
  return result;
}

constexpr MacAddress kSource{{0x02, 0, 0, 0, 0x02, 0x01}};
constexpr BridgeId id_of(std::uint16_t priority, std::uint8_t bridge) {
  return BridgeId::of(priority, MacAddress{{0x02, 0, 0, 0, bridge, 0}});
}

// The offsets within a frame, counted independently of the code: 14 octets of Ethernet, 3 of LLC, then 9.3.1 and 9.3.3.
constexpr std::size_t kHead = 14 + 3, kLength = 12, kVersion = kHead + 2, kType = kHead + 3, kFlags = kHead + 4,
                      kAge = kHead + 27, kMaxAge = kHead + 29, kHello = kHead + 31, kForwardDelay = kHead + 33;

Bpdu rapid_bpdu() {
  return {.kind = Kind::kRapid,
          .priority = {id_of(0x1000, 1), 20000, id_of(0x8000, 2), 0x8001},
          .times = {.message_age = 1000, .max_age = 20'000, .hello = 2'000, .forward_delay = 15'000},
          .topology_change = true,
          .role = PortRole::kRoot,
          .agreement = true,
          .learning = true,
          .forwarding = true};
}
Bpdu configuration_bpdu() {
  Bpdu bpdu = rapid_bpdu();
  bpdu.kind = Kind::kConfiguration;
  bpdu.role = PortRole::kDesignated;
  bpdu.agreement = bpdu.learning = bpdu.forwarding = false;
  return bpdu;
}
Octets frame_of(const Bpdu& bpdu) {
  const BpduFrame frame = encode(bpdu, kSource);
  return {frame.begin(), frame.end()};
}
void expect_error(const Octets& frame, BpduError error) {
  const auto bpdu = decode(frame);
  ASSERT_FALSE(bpdu.has_value()) << "expected " << bpdu_error_name(error);
  EXPECT_EQ(bpdu.error(), error) << bpdu_error_name(bpdu.error());
}

/// A message that another implementation sent over a veth pair, and its meaning.
struct Capture {
  std::string_view frame;
  Bpdu means;
};

// From the kernel's bridge (Linux 6.18), as tcpdump -xx shows it; veth does not pad.
const Capture kLinuxRoot = {
    "0180c2000000 020000000101 0026 424203  0000 00 00 00 1000020000000100 00000000 1000020000000100 8001"
    "0000 0700 0100 0200",
    {.kind = Kind::kConfiguration,
     .priority = {id_of(0x1000, 1), 0, id_of(0x1000, 1), 0x8001},
     .times = {.message_age = 0, .max_age = 7'000, .hello = 1'000, .forward_delay = 2'000}}};
const Capture kLinuxAcknowledges = {
    "0180c2000000 020000000101 0026 424203  0000 00 00 81 1000020000000100 00000000 1000020000000100 8001"
    "0000 0700 0100 0200",
    {.kind = Kind::kConfiguration,
     .priority = {id_of(0x1000, 1), 0, id_of(0x1000, 1), 0x8001},
     .times = {.message_age = 0, .max_age = 7'000, .hello = 1'000, .forward_delay = 2'000},
     .topology_change = true,
     .topology_change_ack = true}};
const Capture kLinuxPassesOn = {
    "0180c2000000 020000000202 0026 424203  0000 00 00 01 1000020000000100 00000013 8000020000000200 8002"
    "00f6 1400 0200 0200",
    {.kind = Kind::kConfiguration,
     .priority = {id_of(0x1000, 1), 19, id_of(0x8000, 2), 0x8002},
     .times = {.message_age = 961, .max_age = 20'000, .hello = 2'000, .forward_delay = 2'000},  // 246/256 s
     .topology_change = true}};
const Capture kLinuxNotification = {"0180c2000000 020000000201 0007 424203  0000 00 80",
                                    {.kind = Kind::kTopologyChangeNotification}};
// From Open vSwitch 3.1, userspace datapath.
const Capture kOvsProposes = {
    "0180c2000000 020000000101 0027 424203  0000 02 02 0e 1000020000000100 00000000 1000020000000100 8001"
    "0000 1400 0200 0f00 00",
    {.priority = {id_of(0x1000, 1), 0, id_of(0x1000, 1), 0x8001}, .role = PortRole::kDesignated, .proposal = true}};
const Capture kOvsAgrees = {
    "0180c2000000 020000000201 0027 424203  0000 02 02 79 1000020000000100 000007d0 2000020000000200 8001"
    "0100 1400 0200 0f00 00",
    {.priority = {id_of(0x1000, 1), 2000, id_of(0x2000, 2), 0x8001},
     .times = {.message_age = 1'000, .max_age = 20'000, .hello = 2'000, .forward_delay = 15'000},
     .topology_change = true,
     .role = PortRole::kRoot,
     .agreement = true,
     .learning = true,
     .forwarding = true}};

TEST(Bpdu, ReadsAndWritesWhatOthersSend) {
  for (const Capture& capture :
       {kLinuxRoot, kLinuxAcknowledges, kLinuxPassesOn, kLinuxNotification, kOvsProposes, kOvsAgrees}) {
    SCOPED_TRACE(capture.frame);
    const Octets frame = octets(capture.frame);
    const auto bpdu = decode(frame);
    ASSERT_TRUE(bpdu.has_value()) << bpdu_error_name(bpdu.error());
    EXPECT_EQ(*bpdu, capture.means);
    Octets padded = frame;
    padded.resize(kBpduFrameSize);
    EXPECT_EQ(decode(padded), *bpdu);
    const BpduFrame again = encode(*bpdu, MacAddress::from_bytes(&frame[6]));
    EXPECT_EQ(Octets(again.begin(), again.end()), padded);
  }
}

TEST(Bpdu, EveryOctetThatIsMissingIsMissed) {
  for (const Capture& capture : {kLinuxRoot, kLinuxNotification, kOvsAgrees}) {
    const Octets whole = octets(capture.frame);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      SCOPED_TRACE(size);
      expect_error({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}, BpduError::kTooShort);
    }
  }
}

TEST(Bpdu, TheLengthFieldHasToCoverTheMessage) {
  for (const Bpdu& bpdu : {configuration_bpdu(), rapid_bpdu(), Bpdu{.kind = Kind::kTopologyChangeNotification}}) {
    Octets frame = frame_of(bpdu);
    const std::uint16_t needed = load16(&frame[kLength]);
    for (std::uint16_t length = 0; length < needed; ++length) {
      store16(&frame[kLength], length);
      expect_error(frame, BpduError::kTooShort);
    }
    // A message of a later version is longer, and the frame may have been cut off.
    for (const std::uint32_t length : {needed + 1U, 105U, 1500U}) {
      store16(&frame[kLength], length);
      EXPECT_EQ(decode(frame), bpdu) << length;
    }
    for (const std::uint32_t ether_type : {1501U, 0x0600U, 0x0800U, 0x8100U, 0xffffU}) {
      store16(&frame[kLength], ether_type);
      expect_error(frame, BpduError::kNotSpanningTree);
    }
  }
}

TEST(Bpdu, AnotherProtocolIsNotRead) {
  for (const std::size_t at : {std::size_t{14}, std::size_t{15}, std::size_t{16}, kHead, kHead + 1}) {
    Octets frame = frame_of(rapid_bpdu());
    frame[at] ^= std::byte{0x01};
    expect_error(frame, BpduError::kNotSpanningTree);
  }
}

TEST(Bpdu, TypeAndVersionTellTheKind) {
  for (unsigned version = 0; version < 256; ++version) {
    for (unsigned type = 0; type < 256; ++type) {
      Octets frame = frame_of(rapid_bpdu());  // long enough for every type
      frame[kVersion] = static_cast<std::byte>(version);
      frame[kType] = static_cast<std::byte>(type);
      const auto bpdu = decode(frame);
      if (type == 0x00) {
        ASSERT_TRUE(bpdu.has_value() && bpdu->kind == Kind::kConfiguration) << version;
      } else if (type == 0x80) {
        ASSERT_TRUE(bpdu.has_value() && bpdu->kind == Kind::kTopologyChangeNotification) << version;
      } else if (type == 0x02 && version >= 2) {
        ASSERT_TRUE(bpdu.has_value() && bpdu->kind == Kind::kRapid) << version;
      } else {
        ASSERT_FALSE(bpdu.has_value()) << version << ' ' << type;
        ASSERT_EQ(bpdu.error(), BpduError::kUnknownType);
      }
    }
  }
}

TEST(Bpdu, AConfigurationMessageSaysNothingOfRolesWhateverItsFlags) {
  Octets frame = frame_of(configuration_bpdu());
  frame[kFlags] = std::byte{0xff};
  Bpdu expected = configuration_bpdu();
  expected.topology_change_ack = true;
  EXPECT_EQ(decode(frame), expected);
}

TEST(Bpdu, RolesAndFlagsAreBits) {
  const auto with = [](unsigned flags) {
    Octets frame = frame_of(rapid_bpdu());
    frame[kFlags] = static_cast<std::byte>(flags);
    return decode(frame).value();
  };
  EXPECT_EQ(with(0x00).role, PortRole::kDisabled);
  EXPECT_EQ(with(0x04).role, PortRole::kAlternate);
  EXPECT_EQ(with(0x08).role, PortRole::kRoot);
  EXPECT_EQ(with(0x0c).role, PortRole::kDesignated);
  EXPECT_TRUE(with(0x01).topology_change);
  EXPECT_TRUE(with(0x02).proposal);
  EXPECT_TRUE(with(0x10).learning);
  EXPECT_TRUE(with(0x20).forwarding);
  EXPECT_TRUE(with(0x40).agreement);
  EXPECT_TRUE(with(0x80).topology_change_ack);
  for (unsigned flags = 0; flags < 256; ++flags)
    EXPECT_EQ(frame_of(with(flags))[kFlags], static_cast<std::byte>(flags));

  Bpdu backup = rapid_bpdu();
  backup.role = PortRole::kBackup;
  EXPECT_EQ(decode(frame_of(backup))->role, PortRole::kAlternate);
}

TEST(Bpdu, AConfigurationMessageTooOldIsStaleAndARapidOneIsNot) {
  for (const std::uint32_t age : {0x1400U, 0x1401U, 0xffffU}) {
    Octets frame = frame_of(configuration_bpdu());
    store16(&frame[kAge], age);
    expect_error(frame, BpduError::kStale);
    frame = frame_of(rapid_bpdu());
    store16(&frame[kAge], age);
    EXPECT_TRUE(decode(frame).has_value());
  }
  Octets frame = frame_of(configuration_bpdu());
  store16(&frame[kAge], 0x13ff);
  EXPECT_EQ(decode(frame).value().times.message_age, 19'996);
}

TEST(Bpdu, TimesUnderASecondAreNoBridges) {
  for (const std::size_t at : {kMaxAge, kHello, kForwardDelay}) {
    for (const std::uint32_t units : {0U, 1U, 255U}) {
      for (Octets frame : {frame_of(configuration_bpdu()), frame_of(rapid_bpdu())}) {
        store16(&frame[kAge], 0);
        store16(&frame[at], units);
        expect_error(frame, BpduError::kBadTimes);
      }
    }
    for (const std::uint32_t units : {256U, 0xffffU}) {
      for (Octets frame : {frame_of(configuration_bpdu()), frame_of(rapid_bpdu())}) {
        store16(&frame[kAge], 0);
        store16(&frame[at], units);
        EXPECT_TRUE(decode(frame).has_value()) << at << ' ' << units;
      }
    }
  }
}

TEST(Bpdu, EveryTimeOnTheWireComesBack) {
  Octets frame = frame_of(rapid_bpdu());
  for (std::uint32_t units = 0; units <= 0xffff; ++units) {
    store16(&frame[kAge], units);
    const Bpdu bpdu = decode(frame).value();
    ASSERT_NEAR(static_cast<double>(bpdu.times.message_age), units * 1000.0 / 256, 0.5);
    ASSERT_EQ(frame_of(bpdu), frame);
  }
}

TEST(Bpdu, TimesThatDoNotFitAreTheNearestThatDo) {
  Bpdu bpdu = rapid_bpdu();
  bpdu.times = {.message_age = -5, .max_age = 256'000, .hello = INT64_MAX, .forward_delay = 255'997};
  const Octets frame = frame_of(bpdu);
  EXPECT_EQ(load16(&frame[kAge]), 0);
  EXPECT_EQ(load16(&frame[kMaxAge]), 0xffff);
  EXPECT_EQ(load16(&frame[kHello]), 0xffff);
  EXPECT_EQ(load16(&frame[kForwardDelay]), 0xffff);
}

TEST(Bpdu, WhatIsWrittenIsRead) {
  std::mt19937_64 random(1);
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  for (int round = 0; round < 20'000; ++round) {
    Bpdu bpdu{.kind = std::array{Kind::kRapid, Kind::kConfiguration}[below(2)],
              .priority = {{random()}, static_cast<std::uint32_t>(random()), {random()}, static_cast<PortId>(random())},
              .times = {.max_age = static_cast<std::int64_t>(1000 * (2 + below(254))),
                        .hello = static_cast<std::int64_t>(1000 * (1 + below(255))),
                        .forward_delay = static_cast<std::int64_t>(1000 * (1 + below(255)))},
              .topology_change = below(2) == 1,
              .topology_change_ack = below(2) == 1};
    bpdu.times.message_age =
        static_cast<std::int64_t>(1000 * below(static_cast<std::uint64_t>(bpdu.times.max_age) / 1000));
    if (bpdu.kind == Kind::kRapid) {
      bpdu.role =
          std::array{PortRole::kDisabled, PortRole::kAlternate, PortRole::kRoot, PortRole::kDesignated}[below(4)];
      bpdu.proposal = below(2) == 1;
      bpdu.agreement = below(2) == 1;
      bpdu.learning = below(2) == 1;
      bpdu.forwarding = below(2) == 1;
    }
    ASSERT_EQ(decode(frame_of(bpdu)), bpdu) << round;
  }
}

TEST(Bpdu, IdsAreOrderedByPriorityThenAddress) {
  EXPECT_LT(id_of(0x1000, 9), id_of(0x8000, 1));
  EXPECT_LT(id_of(0x8000, 1), id_of(0x8000, 2));
  EXPECT_EQ(id_of(0x8000, 2).priority(), 0x8000);
  EXPECT_EQ(id_of(0x8000, 2).address(), (MacAddress{{0x02, 0, 0, 0, 2, 0}}));
}

TEST(Bpdu, VectorsAreOrderedByRootCostBridgeAndPort) {
  const PriorityVector best = {{1}, 5, {7}, 9};
  for (const PriorityVector& worse : {PriorityVector{{2}, 0, {0}, 0}, PriorityVector{{1}, 6, {0}, 0},
                                      PriorityVector{{1}, 5, {8}, 0}, PriorityVector{{1}, 5, {7}, 10}})
    EXPECT_LT(best, worse);
}

TEST(Bpdu, RolesHaveNames) {
  EXPECT_EQ(port_role_name(PortRole::kDisabled), "disabled");
  EXPECT_EQ(port_role_name(PortRole::kAlternate), "alternate");
  EXPECT_EQ(port_role_name(PortRole::kBackup), "backup");
  EXPECT_EQ(port_role_name(PortRole::kRoot), "root");
  EXPECT_EQ(port_role_name(PortRole::kDesignated), "designated");
}

}  // namespace
}  // namespace rb::stp
