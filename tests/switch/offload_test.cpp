#include "switch/offload.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "switch/checksum.hpp"

namespace rb {
namespace {

using Octets = std::vector<std::uint8_t>;

/// The Internet checksum in the words of RFC 1071: nothing fast.
std::uint16_t naive_checksum(const Octets& octets, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < octets.size(); i += 2) {
    sum += static_cast<std::uint32_t>(octets[i] << 8) + (i + 1 < octets.size() ? octets[i + 1] : 0);
    if (sum > 0xffff) sum = (sum & 0xffff) + 1;
  }
  return static_cast<std::uint16_t>(~sum);
}
std::uint32_t word(const Octets& octets, std::size_t at) {
  return static_cast<std::uint32_t>(octets.at(at) << 8 | octets.at(at + 1));
}
std::uint32_t long_word(const Octets& octets, std::size_t at) {
  return word(octets, at) << 16 | word(octets, at + 2);
}
void append(Octets& to, std::initializer_list<int> octets) {
  for (const int octet : octets) to.push_back(static_cast<std::uint8_t>(octet));
}

/// What a test frame looks like.
struct Shape {
  bool ipv6 = false;
  bool udp = false;
  int vlan_tags = 0;
  std::size_t options = 0;  // octets of IPv4 options, or of IPv6 destination options (a multiple of 8)
  std::size_t tcp_options = 12;
  std::size_t payload = 5000;
  std::uint16_t gso_size = 1448;
  std::uint8_t tcp_flags = 0x18;
};

struct Sample {
  explicit Sample(const Shape& wanted, unsigned piece_count = 1) : shape(wanted) {
    append(octets, {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1});
    for (int i = 0; i < shape.vlan_tags; ++i)
      append(octets,
             {i == 0 && shape.vlan_tags > 1 ? 0x88 : 0x81, i == 0 && shape.vlan_tags > 1 ? 0xa8 : 0x00, 0x20, 10 + i});
    append(octets, {shape.ipv6 ? 0x86 : 0x08, shape.ipv6 ? 0xdd : 0x00});
    l3 = octets.size();
    const std::size_t l4_header = shape.udp ? 8 : 20 + shape.tcp_options;
    const std::size_t l4_size = l4_header + shape.payload;
    const int protocol = shape.udp ? 17 : 6;
    if (shape.ipv6) {
      const std::size_t size = l4_size + shape.options;
      append(octets, {0x60, 0, 0, 0, static_cast<int>(size >> 8), static_cast<int>(size & 0xff),
                      shape.options != 0 ? 60 : protocol, 64});
      for (int i = 0; i < 32; ++i) octets.push_back(static_cast<std::uint8_t>(0xf0 + i));
      if (shape.options != 0) {
        append(octets, {protocol, static_cast<int>(shape.options / 8 - 1), 1, static_cast<int>(shape.options - 4)});
        octets.insert(octets.end(), shape.options - 4, 0);
      }
    } else {
      const std::size_t size = 20 + shape.options + l4_size;
      append(octets, {static_cast<int>(0x45 + shape.options / 4),
                      0,
                      static_cast<int>(size >> 8),
                      static_cast<int>(size & 0xff),
                      0xff,
                      0xfe,
                      0x40,
                      0,
                      64,
                      protocol,
                      0,
                      0,
                      10,
                      0,
                      0,
                      1,
                      10,
                      0,
                      0,
                      2});
      octets.insert(octets.end(), shape.options, 1);
    }
    l4 = octets.size();
    append(octets, {0x12, 0x34, 0x56, 0x78});
    if (shape.udp) {
      append(octets, {static_cast<int>(l4_size >> 8), static_cast<int>(l4_size & 0xff), 0, 0});
    } else {
      append(octets, {0xff, 0xff, 0xf0, 0x00, 1, 2, 3, 4, static_cast<int>((20 + shape.tcp_options) / 4 << 4),
                      shape.tcp_flags, 0x10, 0, 0, 0, 0, 0});
      octets.insert(octets.end(), shape.tcp_options, 1);
    }
    payload_at = octets.size();
    std::mt19937 random(static_cast<unsigned>(shape.payload));
    for (std::size_t i = 0; i < shape.payload; ++i) octets.push_back(static_cast<std::uint8_t>(random()));
    vnet.flags = kVnetNeedsCsum;
    vnet.gso_type = shape.udp ? kGsoUdpL4 : shape.ipv6 ? kGsoTcpV6 : kGsoTcpV4;
    vnet.gso_size = shape.gso_size;
    vnet.csum_start = static_cast<std::uint16_t>(l4);
    vnet.csum_offset = shape.udp ? 6 : 16;
    // The first piece holds the headers, the others cut the payload anywhere.
    std::size_t at = 0;
    for (unsigned i = 0; i < piece_count; ++i) {
      const std::size_t end =
          i + 1 == piece_count ? octets.size() : payload_at + shape.payload * (i + 1) / (piece_count + 1);
      pieces.push_back({reinterpret_cast<std::byte*>(octets.data()) + at, static_cast<std::uint32_t>(end - at)});
      at = end;
    }
  }
  Frame frame() {
    return {&vnet, pieces.data(), static_cast<std::uint32_t>(octets.size()), static_cast<std::uint16_t>(pieces.size()),
            0};
  }

  Shape shape;
  Octets octets;
  VnetHeader vnet;
  std::vector<Piece> pieces;
  std::size_t l3 = 0, l4 = 0, payload_at = 0;
};

std::vector<Octets> segments_of(const Frame& frame) {
  Segmenter segmenter(frame);
  std::vector<Octets> segments;
  std::array<std::byte, Segmenter::kScratchSize> scratch;
  Segmenter::Segment segment;
  while (segmenter.next(scratch, segment)) {
    Octets octets;
    const auto take = [&](const std::byte* data, std::size_t size) {
      const auto* from = reinterpret_cast<const std::uint8_t*>(data);
      octets.insert(octets.end(), from, from + size);
    };
    EXPECT_EQ(std::string(reinterpret_cast<char*>(scratch.data()), sizeof(VnetHeader)),
              std::string(sizeof(VnetHeader), '\0'));
    take(scratch.data() + sizeof(VnetHeader), segment.head_size - sizeof(VnetHeader));
    for (std::uint32_t i = 0; i < segment.payload_count; ++i) take(segment.payload[i].data, segment.payload[i].size);
    EXPECT_EQ(octets.size(), segment.size);
    segments.push_back(std::move(octets));
  }
  return segments;
}

/// Everything that must hold of the segments of a sample, by code that shares nothing with the Segmenter.
void expect_correct(Sample& sample) {
  const std::vector<Octets> segments = segments_of(sample.frame());
  const Shape& shape = sample.shape;
  ASSERT_EQ(segments.size(), std::max<std::size_t>(1, (shape.payload + shape.gso_size - 1) / shape.gso_size));
  Octets payload;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Octets& segment = segments[i];
    const bool last = i + 1 == segments.size();
    const std::size_t own_payload = segment.size() - sample.payload_at;
    EXPECT_TRUE(last ? own_payload <= shape.gso_size : own_payload == shape.gso_size);
    Octets covered(segment.begin() + static_cast<std::ptrdiff_t>(sample.l4), segment.end());
    Octets pseudo;
    if (shape.ipv6) {
      EXPECT_EQ(word(segment, sample.l3 + 4), segment.size() - sample.l3 - 40);
      pseudo.assign(segment.begin() + static_cast<std::ptrdiff_t>(sample.l3 + 8),
                    segment.begin() + static_cast<std::ptrdiff_t>(sample.l3 + 40));
    } else {
      EXPECT_EQ(word(segment, sample.l3 + 2), segment.size() - sample.l3);
      EXPECT_EQ(word(segment, sample.l3 + 4), (0xfffe + i) & 0xffff);
      EXPECT_EQ(naive_checksum({segment.begin() + static_cast<std::ptrdiff_t>(sample.l3),
                                segment.begin() + static_cast<std::ptrdiff_t>(sample.l4)}),
                0);
      pseudo.assign(segment.begin() + static_cast<std::ptrdiff_t>(sample.l3 + 12),
                    segment.begin() + static_cast<std::ptrdiff_t>(sample.l3 + 20));
    }
    append(pseudo,
           {0, shape.udp ? 17 : 6, static_cast<int>(covered.size() >> 8), static_cast<int>(covered.size() & 0xff)});
    pseudo.insert(pseudo.end(), covered.begin(), covered.end());
    EXPECT_EQ(naive_checksum(pseudo), 0) << "segment " << i;
    if (shape.udp) {
      EXPECT_EQ(word(segment, sample.l4 + 4), 8 + own_payload);
    } else {
      EXPECT_EQ(long_word(segment, sample.l4 + 4), 0xfffff000U + static_cast<std::uint32_t>(payload.size()));
      const std::uint8_t expected =
          static_cast<std::uint8_t>(shape.tcp_flags & (last ? 0xff : ~0x09) & (i == 0 ? 0xff : ~0x80));
      EXPECT_EQ(segment[sample.l4 + 13], expected);
    }
    payload.insert(payload.end(), segment.begin() + static_cast<std::ptrdiff_t>(sample.payload_at), segment.end());
  }
  EXPECT_TRUE(std::equal(payload.begin(), payload.end(),
                         sample.octets.begin() + static_cast<std::ptrdiff_t>(sample.payload_at), sample.octets.end()));
}

TEST(Segmenter, CutsEveryShapeOfFrame) {
  for (const bool ipv6 : {false, true}) {
    for (const bool udp : {false, true}) {
      for (const int tags : {0, 1, 2}) {
        for (const std::size_t options : {0, 8, 24}) {
          for (const unsigned pieces : {1U, 3U, 20U}) {
            Sample sample({.ipv6 = ipv6, .udp = udp, .vlan_tags = tags, .options = options}, pieces);
            SCOPED_TRACE(::testing::Message() << "ipv6 " << ipv6 << " udp " << udp << " tags " << tags << " options "
                                              << options << " pieces " << pieces);
            expect_correct(sample);
          }
        }
      }
    }
  }
}

TEST(Segmenter, CutsPayloadsOfEveryLength) {
  std::mt19937 random(5);
  for (int i = 0; i < 300; ++i) {
    Sample sample({.ipv6 = random() % 2 == 0,
                   .udp = random() % 2 == 0,
                   .payload = random() % 60000,
                   .gso_size = static_cast<std::uint16_t>(100 + random() % 3000)},
                  1 + static_cast<unsigned>(random() % 20));
    expect_correct(sample);
  }
}

TEST(Segmenter, SaysCwrOnceFirstAndFinAndPshOnceLast) {
  Sample sample({.tcp_flags = 0x99});
  expect_correct(sample);
}

TEST(Segmenter, FinishesAChecksumAloneAndLeavesTheFrameAsItWas) {
  Sample sample({.udp = true, .payload = 101});
  sample.vnet.gso_type = kGsoNone;
  // The sum of the pseudo header stands in the field.
  const std::uint16_t pseudo = static_cast<std::uint16_t>(~naive_checksum({10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 109}));
  sample.octets[sample.l4 + 6] = static_cast<std::uint8_t>(pseudo >> 8);
  sample.octets[sample.l4 + 7] = static_cast<std::uint8_t>(pseudo & 0xff);
  const Octets before = sample.octets;
  const std::vector<Octets> segments = segments_of(sample.frame());
  ASSERT_EQ(segments.size(), 1U);
  Octets covered = {10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 109};
  covered.insert(covered.end(), segments[0].begin() + static_cast<std::ptrdiff_t>(sample.l4), segments[0].end());
  EXPECT_EQ(naive_checksum(covered), 0);
  EXPECT_EQ(sample.octets, before);
}

TEST(Segmenter, RefusesWhatTheHeadersDoNotSupport) {
  const auto refused = [](Sample sample, auto change) {
    change(sample);
    const Frame frame = sample.frame();
    const Segmenter segmenter(frame);
    return !segmenter.valid();
  };
  EXPECT_FALSE(refused(Sample({}), [](Sample&) {}));
  EXPECT_TRUE(refused(Sample({}), [](Sample& s) { s.vnet.gso_size = 0; }));
  EXPECT_TRUE(refused(Sample({.payload = 60000}), [](Sample& s) { s.vnet.gso_size = 1; }));
  EXPECT_TRUE(refused(Sample({}), [](Sample& s) { s.vnet.gso_type = kGsoTcpV6; }));
  EXPECT_TRUE(refused(Sample({}), [](Sample& s) { s.vnet.gso_type = kGsoUdpL4; }));
  EXPECT_TRUE(refused(Sample({}), [](Sample& s) { s.vnet.gso_type = kGsoUdp; }));
  EXPECT_TRUE(refused(Sample({}), [](Sample& s) { s.vnet.csum_start = 20; }));
  EXPECT_TRUE(refused(Sample({}), [](Sample& s) { s.octets[s.l3] = 0x44; }));
  EXPECT_TRUE(refused(Sample({}), [](Sample& s) {
    s.octets[s.l3] = 0x4f;
    s.pieces[0].size = 60;
  }));
  EXPECT_TRUE(refused(Sample({}), [](Sample& s) { s.octets[s.l3 + 3] ^= 1; }));
  EXPECT_TRUE(refused(Sample({}), [](Sample& s) { s.octets[s.l3 + 6] |= 0x20; }));
  EXPECT_TRUE(refused(Sample({}), [](Sample& s) { s.octets[s.l4 + 12] = 0x40; }));
  EXPECT_TRUE(refused(Sample({}), [](Sample& s) { s.octets[12] = 0x12; }));
  EXPECT_FALSE(refused(Sample({.ipv6 = true, .options = 8}), [](Sample&) {}));
  EXPECT_TRUE(refused(Sample({.ipv6 = true, .options = 8}), [](Sample& s) { s.octets[s.l3 + 6] = 43; }));
  EXPECT_TRUE(refused(Sample({}, 20), [](Sample& s) { s.pieces.resize(21); }));
  EXPECT_TRUE(refused(Sample({}),
                      [](Sample& s) { s.vnet = {.flags = kVnetNeedsCsum, .csum_start = 5000, .csum_offset = 16}; }));
  EXPECT_TRUE(refused(Sample({}), [](Sample& s) { s.vnet = {}; }));
}

TEST(NeedsSoftwareOffload, FollowsWhatThePortTakes) {
  const Offloads all{Offloads::kAll}, none{}, no_uso{Offloads::kAll & ~Offloads::kUso},
      no_ecn{Offloads::kAll & ~Offloads::kEcn};
  EXPECT_FALSE(needs_software_offload({}, none));
  EXPECT_TRUE(needs_software_offload({.flags = kVnetNeedsCsum}, none));
  EXPECT_FALSE(needs_software_offload({.flags = kVnetNeedsCsum, .gso_type = kGsoTcpV4 | kGsoEcn}, all));
  EXPECT_TRUE(needs_software_offload({.gso_type = kGsoTcpV4 | kGsoEcn}, no_ecn));
  EXPECT_FALSE(needs_software_offload({.gso_type = kGsoUdpL4}, all));
  EXPECT_TRUE(needs_software_offload({.gso_type = kGsoUdpL4}, no_uso));
  EXPECT_TRUE(needs_software_offload({.gso_type = kGsoUdp}, all));
}

TEST(ChecksumSum, AgreesWithTheNaiveSumHoweverTheOctetsAreScattered) {
  std::mt19937 random(9);
  for (int round = 0; round < 500; ++round) {
    Octets octets(random() % 5000);
    for (std::uint8_t& octet : octets) octet = static_cast<std::uint8_t>(random());
    ChecksumSum sum;
    for (std::size_t at = 0; at < octets.size();) {
      const std::size_t size = std::min<std::size_t>(octets.size() - at, 1 + random() % 700);
      sum.add(std::as_bytes(std::span(octets).subspan(at, size)));
      at += size;
    }
    const std::uint16_t naive = naive_checksum(octets);
    EXPECT_EQ(sum.finish(), static_cast<std::uint16_t>(naive >> 8 | naive << 8));
  }
}

}  // namespace
}  // namespace rb
