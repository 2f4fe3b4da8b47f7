// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/flow_hash.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <vector>

namespace rb {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::uint8_t kTcp = 6, kUdp = 17, kIcmp = 1, kFragmentHeader = 44;

/// A packet: the addresses of its conversation, and the fields that do not belong to the conversation.
struct Packet {
  std::uint64_t source_station = 0x020000000001, destination_station = 0x020000000002;
  std::vector<std::uint32_t> tags = {};  // TPID and TCI
  std::uint32_t source = 0x0a000001, destination = 0x0a000002;
  std::uint8_t protocol = kTcp;
  std::uint16_t source_port = 40000, destination_port = 80;
  std::uint16_t fragment = 0;  // flags and offset of IPv4
  std::size_t options = 0;     // words of IPv4 options
  std::size_t payload = 40;    // octets after the ports
};

void put(Octets& to, std::uint64_t number, unsigned size) {
  while (size-- > 0) to.push_back(static_cast<std::uint8_t>(number >> 8 * size));
}
Octets ethernet(const Packet& packet, std::uint16_t type) {
  Octets frame;
  put(frame, packet.destination_station, 6);
  put(frame, packet.source_station, 6);
  for (const std::uint32_t tag : packet.tags) put(frame, tag, 4);
  put(frame, type, 2);
  return frame;
}
void put_ports(Octets& frame, const Packet& packet) {
  put(frame, packet.source_port, 2);
  put(frame, packet.destination_port, 2);
  frame.insert(frame.end(), packet.payload, std::uint8_t{0x55});
}
Octets ipv4(const Packet& packet) {
  Octets frame = ethernet(packet, 0x0800);
  put(frame, 0x4500 + (packet.options << 8), 2);
  put(frame, 24 + packet.options * 4 + packet.payload, 2);
  put(frame, 0x1234, 2);
  put(frame, packet.fragment, 2);
  put(frame, 64, 1);
  put(frame, packet.protocol, 1);
  put(frame, 0, 2);
  put(frame, packet.source, 4);
  put(frame, packet.destination, 4);
  frame.insert(frame.end(), packet.options * 4, std::uint8_t{1});
  put_ports(frame, packet);
  return frame;
}
Octets ipv6(const Packet& packet) {
  Octets frame = ethernet(packet, 0x86dd);
  put(frame, 0x60000000, 4);
  put(frame, 4 + packet.payload, 2);
  put(frame, packet.protocol, 1);
  put(frame, 64, 1);
  for (const std::uint32_t address : {packet.source, packet.destination}) {
    put(frame, 0xfd00000000000000, 8);
    put(frame, address, 8);
  }
  put_ports(frame, packet);
  return frame;
}
Octets other(const Packet& packet) {
  Octets frame = ethernet(packet, 0x88b5);
  frame.insert(frame.end(), packet.payload, std::uint8_t{0x55});
  return frame;
}

/// The memory has exactly the size of the frame, so that AddressSanitizer sees a read behind it.
std::uint32_t hash_of(const Octets& octets) {
  std::vector<std::byte> own(octets.size());
  std::transform(octets.begin(), octets.end(), own.begin(), [](std::uint8_t octet) { return std::byte{octet}; });
  Piece piece{own.data(), static_cast<std::uint32_t>(own.size())};
  return flow_hash(Frame{nullptr, &piece, piece.size, 1, 0});
}

/// A function that makes frames of one kind, and the name of the kind.
struct Kind {
  const char* name;
  Octets (*frame)(const Packet&);
};
constexpr std::array kIpKinds = {Kind{"IPv4", ipv4}, Kind{"IPv6", ipv6}};

TEST(FlowHash, IsTheSameForAllFramesOfAFlow) {
  for (const Kind& kind : kIpKinds) {
    for (const std::uint8_t protocol : {kTcp, kUdp, kIcmp}) {
      const std::uint32_t hash = hash_of(kind.frame({.protocol = protocol, .payload = 1400}));
      for (const std::size_t payload : {0, 1, 8, 46}) {
        EXPECT_EQ(hash_of(kind.frame({.protocol = protocol, .payload = payload})), hash) << kind.name;
      }
      EXPECT_EQ(hash_of(kind.frame({.source_station = 0x02000000ffff, .protocol = protocol})), hash) << kind.name;
    }
  }
}

TEST(FlowHash, KnowsFlowsByAddressesProtocolAndPorts) {
  for (const Kind& kind : kIpKinds) {
    const std::uint32_t hash = hash_of(kind.frame({}));
    EXPECT_NE(hash_of(kind.frame({.source = 0x0a000003})), hash) << kind.name;
    EXPECT_NE(hash_of(kind.frame({.destination = 0x0a000003})), hash) << kind.name;
    EXPECT_NE(hash_of(kind.frame({.protocol = kUdp})), hash) << kind.name;
    EXPECT_NE(hash_of(kind.frame({.source_port = 40001})), hash) << kind.name;
    EXPECT_NE(hash_of(kind.frame({.destination_port = 443})), hash) << kind.name;
  }
}

TEST(FlowHash, TakesNothingForPortsThatAreNone) {
  for (const Kind& kind : kIpKinds) {
    EXPECT_EQ(hash_of(kind.frame({.protocol = kIcmp, .source_port = 1})),
              hash_of(kind.frame({.protocol = kIcmp, .source_port = 2})))
        << kind.name;
  }
}

TEST(FlowHash, KeepsTheFragmentsOfAPacketTogether) {
  constexpr std::uint16_t kMoreFragments = 0x2000, kDontFragment = 0x4000;
  const std::uint32_t first = hash_of(ipv4({.protocol = kUdp, .fragment = kMoreFragments}));
  // In the other fragments the octets at the place of the ports are payload.
  EXPECT_EQ(hash_of(ipv4({.protocol = kUdp, .source_port = 1, .fragment = kMoreFragments | 185})), first);
  EXPECT_EQ(hash_of(ipv4({.protocol = kUdp, .source_port = 2, .fragment = 370})), first);
  EXPECT_EQ(hash_of(ipv4({.fragment = kDontFragment})), hash_of(ipv4({})));
  EXPECT_EQ(hash_of(ipv6({.protocol = kFragmentHeader, .source_port = 1})),
            hash_of(ipv6({.protocol = kFragmentHeader, .source_port = 2})));
}

TEST(FlowHash, FindsPortsBehindOptions) {
  const std::uint32_t hash = hash_of(ipv4({}));
  EXPECT_EQ(hash_of(ipv4({.options = 1})), hash);
  EXPECT_EQ(hash_of(ipv4({.options = 10})), hash);
}

TEST(FlowHash, PassesOverTags) {
  for (const Kind& kind : {Kind{"IPv4", ipv4}, Kind{"IPv6", ipv6}, Kind{"other", other}}) {
    const std::uint32_t hash = hash_of(kind.frame({}));
    EXPECT_EQ(hash_of(kind.frame({.tags = {0x8100000a}})), hash) << kind.name;
    EXPECT_EQ(hash_of(kind.frame({.tags = {0x8100e00b}})), hash) << kind.name;
    EXPECT_EQ(hash_of(kind.frame({.tags = {0x88a8000a, 0x8100000b}})), hash) << kind.name;
  }
}

TEST(FlowHash, KnowsOtherFramesByTheirStations) {
  const std::uint32_t hash = hash_of(other({}));
  EXPECT_EQ(hash_of(other({.payload = 1000})), hash);
  EXPECT_NE(hash_of(other({.source_station = 0x020000000003})), hash);
  EXPECT_NE(hash_of(other({.destination_station = 0x020000000003})), hash);
}

TEST(FlowHash, ReadsNothingBehindFramesOfAnyLength) {
  const Packet tagged{.tags = {0x88a8000a, 0x8100000b}, .options = 10};
  for (const Octets& whole : {ipv4({}), ipv6({}), ipv4(tagged), ipv6(tagged), other({}), other(tagged)}) {
    for (std::size_t size = kEthernetHeaderSize; size <= whole.size(); ++size) {
      const Octets cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(hash_of(cut), hash_of(cut)) << size;
    }
  }
}

/// Returns how many of 1,000 flows each of eight queues gets.
std::array<unsigned, 8> spread(const std::function<Octets(unsigned)>& flow) {
  std::array<unsigned, 8> counts{};
  for (unsigned i = 0; i < 1000; ++i) ++counts[hash_of(flow(i)) % counts.size()];
  return counts;
}

TEST(FlowHash, SpreadsFlowsOverQueues) {
  const std::vector<std::pair<std::string, std::function<Octets(unsigned)>>> flows = {
      {"IPv4 by port", [](unsigned i) { return ipv4({.source_port = static_cast<std::uint16_t>(32768 + i)}); }},
      {"IPv4 by address", [](unsigned i) { return ipv4({.source = 0x0a000000 + i}); }},
      {"IPv4 by a client's network", [](unsigned i) { return ipv4({.source = 0x0a000001 + (i << 8)}); }},
      {"IPv6 by port", [](unsigned i) { return ipv6({.source_port = static_cast<std::uint16_t>(32768 + i)}); }},
      {"IPv6 by address", [](unsigned i) { return ipv6({.destination = 0x0a000000 + i}); }},
      {"by destination", [](unsigned i) { return other({.destination_station = 0x020000000000ULL + i}); }},
      {"by source", [](unsigned i) { return other({.source_station = 0x020000000000ULL + i}); }},
  };
  for (const auto& [name, flow] : flows) {
    const std::array<unsigned, 8> counts = spread(flow);
    constexpr unsigned kFair = 1000 / 8;
    EXPECT_GE(*std::min_element(counts.begin(), counts.end()), kFair / 2) << name;
    EXPECT_LE(*std::max_element(counts.begin(), counts.end()), kFair * 2) << name;
  }
}

}  // namespace
}  // namespace rb
