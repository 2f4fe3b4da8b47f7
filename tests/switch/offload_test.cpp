// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/offload.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/switch/offload_frames.hpp"

namespace rb::testing {
namespace {

/// Returns all segments of a frame, or nothing if the frame is refused.
std::vector<Octets> segments_of(const Frame& frame) {
  Segmenter segmenter(frame);
  std::vector<Octets> segments;
  std::array<std::byte, Segmenter::kScratchSize> scratch;
  Segmenter::Segment segment;
  while (segmenter.next(scratch, segment)) {
    Octets octets;
    const auto take = [&](const std::byte* data, std::size_t size) {
      append(octets, {reinterpret_cast<const std::uint8_t*>(data), size});
    };
    take(scratch.data(), segment.head_size);
    for (std::uint32_t i = 0; i < segment.payload_count; ++i) {
      EXPECT_NE(segment.payload[i].size, 0U);
      take(segment.payload[i].data, segment.payload[i].size);
    }
    const auto behind_vnet = octets.begin() + sizeof(VnetHeader);
    EXPECT_TRUE(std::all_of(octets.begin(), behind_vnet, [](std::uint8_t octet) { return octet == 0; }));
    octets.erase(octets.begin(), behind_vnet);
    EXPECT_EQ(octets.size(), segment.size);
    segments.push_back(std::move(octets));
  }
  EXPECT_EQ(segmenter.valid(), !segments.empty());
  EXPECT_FALSE(segmenter.next(scratch, segment));
  return segments;
}

void expect_correct(Sample& sample) {
  const Octets before = sample.octets;
  const std::vector<Octets> segments = segments_of(sample.frame());
  const std::vector<Octets> expected = sample.expected();
  ASSERT_EQ(segments.size(), expected.size());
  for (std::size_t i = 0; i < segments.size(); ++i) ASSERT_EQ(segments[i], expected[i]) << "segment " << i;
  EXPECT_EQ(sample.octets, before) << "other ports may be sending the frame";
}

TEST(Segmenter, CutsEveryShapeOfFrame) {
  for (const bool ipv6 : {false, true}) {
    for (const bool udp : {false, true}) {
      for (const unsigned tags : {0U, 1U, 2U, 5U}) {
        for (const std::size_t options : {0U, 8U, 24U}) {
          SCOPED_TRACE(::testing::Message()
                       << "ipv6 " << ipv6 << " udp " << udp << " tags " << tags << " options " << options);
          Sample sample(
              {.ipv6 = ipv6, .udp = udp, .vlan_tags = tags, .options = options, .payload = random_octets(5000)});
          expect_correct(sample);
        }
      }
    }
  }
}

TEST(Segmenter, CutsAnyPayloadThatIsScatteredInAnyWay) {
  std::mt19937 random(5);
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    Sample sample({.ipv6 = random() % 2 == 0,
                   .udp = random() % 2 == 0,
                   .vlan_tags = static_cast<unsigned>(random() % 3),
                   .tcp_options = random() % 11 * 4,
                   .tcp_flags = static_cast<std::uint8_t>(random()),
                   .id = static_cast<std::uint16_t>(random()),
                   .sequence = static_cast<std::uint32_t>(random()),
                   .payload = random_octets(random() % 20000, static_cast<unsigned>(round)),
                   .gso_size = static_cast<std::uint16_t>(50 + random() % 3000)});
    std::vector<std::size_t> ends;
    for (std::size_t i = random() % 20; i > 0; --i) {
      ends.push_back(sample.offsets.payload + random() % (sample.shape.payload.size() + 1));
    }
    std::ranges::sort(ends);
    sample.cut_at(ends);
    expect_correct(sample);
  }
}

TEST(Segmenter, SaysCwrOnceFirstAndFinAndPshOnceLast) {
  Sample sample({.tcp_flags = 0xff, .payload = random_octets(4000)});
  sample.vnet.gso_type |= kGsoEcn;
  const std::vector<Octets> segments = segments_of(sample.frame());
  ASSERT_EQ(segments.size(), 3U);
  const std::size_t flags_at = sample.offsets.transport + 13;
  EXPECT_EQ(segments[0][flags_at], 0xf6);
  EXPECT_EQ(segments[1][flags_at], 0x76);
  EXPECT_EQ(segments[2][flags_at], 0x7f);
  expect_correct(sample);
}

TEST(Segmenter, TakesTheFinalDestinationBehindARoutingHeaderFromTheSendersSum) {
  for (const bool udp : {false, true}) {
    Sample sample({.ipv6 = true, .udp = udp, .options = 16, .routing = true, .payload = random_octets(9999)});
    expect_correct(sample);
  }
}

TEST(Segmenter, OnlySumsWhatFitsOneSegment) {
  for (const std::size_t size : {0U, 1U, 1447U, 1448U}) {
    SCOPED_TRACE(size);
    Sample sample({.tcp_flags = 0x99, .payload = random_octets(size)});
    expect_correct(sample);
  }
}

TEST(Segmenter, CutsTheLargestFrames) {
  Sample v4({.payload = random_octets(65535 - 52)});
  expect_correct(v4);
  Sample v6({.ipv6 = true, .udp = true, .payload = random_octets(65535 - 8)});
  expect_correct(v6);
}

TEST(Segmenter, FinishesAChecksumAloneOfTcpAndUdp) {
  for (const bool udp : {false, true}) {
    Sample sample({.udp = udp, .vlan_tags = 1, .payload = random_octets(101), .gso_size = 101});
    sample.vnet.gso_type = kGsoNone;
    sample.vnet.gso_size = 0;
    for (const std::size_t cut : {1U, 2U, 50U}) {
      sample.cut_at({sample.offsets.payload, sample.offsets.payload + cut});
      expect_correct(sample);
    }
  }
}

TEST(Segmenter, FinishesAChecksumOfAnyProtocolWhereItIsTold) {
  Sample sample({.payload = random_octets(200)});
  // The switch does not know this protocol. The sum goes from octet 31 into a field where no header has one.
  put16(sample.octets, 12, 0x88b5);
  put16(sample.octets, 37, 0x1234);
  sample.vnet = {.flags = kVnetNeedsCsum, .csum_start = 31, .csum_offset = 6};
  Octets expected = sample.octets;
  put16(expected, 37, static_cast<std::uint16_t>(~naive_sum(std::span(sample.octets).subspan(31))));
  const std::vector<Octets> segments = segments_of(sample.frame());
  ASSERT_EQ(segments.size(), 1U);
  EXPECT_EQ(segments[0], expected);
}

TEST(Segmenter, WritesAUdpChecksumOfZeroAsAllOnes) {
  for (const std::size_t size : {400U, 800U}) {  // one segment, and two
    Sample sample({.udp = true, .payload = Octets(size), .gso_size = 400});
    Shape first = sample.shape;
    first.payload.resize(400);
    const Octets finished = FrameWriter(first).write(Checksum::kFinished);
    // The checksum of the frame without the payload is the complement of the payload's sum.
    const std::size_t field = sample.offsets.transport + 6;
    for (std::size_t i : {0U, 1U})
      sample.shape.payload[i] = sample.octets[sample.offsets.payload + i] = finished[field + i];
    const std::vector<Octets> segments = segments_of(sample.frame());
    ASSERT_EQ(segments.size(), size / 400);
    EXPECT_EQ(segments[0][field], 0xff);
    EXPECT_EQ(segments[0][field + 1], 0xff);
    expect_correct(sample);
  }
}

TEST(Segmenter, CutsFramesOfMorePiecesThanASegmentHolds) {
  Sample sample({.payload = random_octets(30000)});
  for (const std::size_t size : {77U, 500U, 1448U, 1449U}) {
    SCOPED_TRACE(size);
    sample.cut_every(size);
    ASSERT_GT(sample.frame().piece_count, Segmenter::kMaxPayloadPieces);
    expect_correct(sample);
  }
  std::vector<std::size_t> empty_ones(5000, sample.offsets.payload + 10);
  sample.cut_at(empty_ones);
  expect_correct(sample);
}

TEST(Segmenter, RefusesFramesOfWhichASegmentWouldNeedTooManyPieces) {
  Sample sample({.payload = random_octets(30000)});
  sample.cut_every(70);  // 21 or 22 pieces for each segment
  EXPECT_TRUE(segments_of(sample.frame()).empty());
  // One such segment, the last, is enough to test this.
  std::vector<std::size_t> ends = {sample.offsets.payload};
  for (std::size_t i = 0; i < 21; ++i) ends.push_back(sample.octets.size() - 21 + i);
  sample.cut_at(ends);
  EXPECT_TRUE(segments_of(sample.frame()).empty());
  // A frame without segmentation is one segment.
  sample.vnet.gso_type = kGsoNone;
  EXPECT_TRUE(segments_of(sample.frame()).empty());
}

TEST(Segmenter, RefusesWhatWouldBecomeTooManySegments) {
  constexpr std::size_t kMost = Segmenter::kMaxSegments;
  Sample sample({.payload = random_octets(10 * kMost), .gso_size = 10});
  expect_correct(sample);
  Sample more({.payload = random_octets(10 * kMost + 1), .gso_size = 10});
  EXPECT_TRUE(segments_of(more.frame()).empty());
  Sample one_octet({.payload = random_octets(60000), .gso_size = 1});
  EXPECT_TRUE(segments_of(one_octet.frame()).empty());
}

/// True if a frame of this shape is refused after the change.
template <typename Change>
bool refuses(Shape shape, Change change) {
  if (shape.payload.empty()) shape.payload = random_octets(5000);
  Sample sample(std::move(shape));
  change(sample);
  const Frame frame = sample.frame();
  return !Segmenter(frame).valid();
}

TEST(Segmenter, RefusesAVnetHeaderThatTheFrameDoesNotSupport) {
  EXPECT_FALSE(refuses({}, [](Sample&) {}));
  EXPECT_TRUE(refuses({}, [](Sample& s) { s.vnet = {}; })) << "there is nothing to do";
  EXPECT_TRUE(refuses({}, [](Sample& s) { s.vnet.flags = 0; }));
  EXPECT_TRUE(refuses({}, [](Sample& s) { s.vnet.gso_size = 0; }));
  for (const std::uint8_t type : kWrongForTcpV4) {
    EXPECT_TRUE(refuses({}, [=](Sample& s) { s.vnet.gso_type = type; })) << int{type};
  }
  EXPECT_TRUE(refuses({}, [](Sample& s) { s.vnet.csum_start = 20; }));
  EXPECT_TRUE(refuses({}, [](Sample& s) { ++s.vnet.csum_start; }));
  EXPECT_TRUE(refuses({}, [](Sample& s) { s.vnet.csum_offset = 6; }));
  const auto only_sum = [](std::uint16_t start, std::uint16_t offset) {
    return [=](Sample& s) { s.vnet = {.flags = kVnetNeedsCsum, .csum_start = start, .csum_offset = offset}; };
  };
  EXPECT_FALSE(refuses({}, only_sum(34, 16)));
  EXPECT_TRUE(refuses({}, only_sum(5000, 16)));
  EXPECT_TRUE(refuses({}, only_sum(34, 65535)));
  EXPECT_TRUE(refuses({}, only_sum(65535, 65535)));
  EXPECT_FALSE(refuses({}, only_sum(34, Segmenter::kMaxHeaderSize - 36)));
  EXPECT_TRUE(refuses({}, only_sum(34, Segmenter::kMaxHeaderSize - 35)));
}

TEST(Segmenter, RefusesHeadersThatContradictEachOtherOrTheFrame) {
  const auto set = [](std::size_t Offsets::* header, std::size_t at, unsigned value) {
    return [=](Sample& s) { s.octets[s.offsets.*header + at] = static_cast<std::uint8_t>(value); };
  };
  const auto add_one = [](std::size_t Offsets::* header, std::size_t at) {
    return [=](Sample& s) { ++s.octets[s.offsets.*header + at]; };
  };
  const Shape v4, v6{.ipv6 = true, .options = 8}, udp{.udp = true};
  EXPECT_TRUE(refuses(v4, set(&Offsets::ip, 0, 0x65))) << "version";
  EXPECT_TRUE(refuses(v4, set(&Offsets::ip, 0, 0x44))) << "header length below the least";
  EXPECT_TRUE(refuses(v4, set(&Offsets::ip, 0, 0x46))) << "header length moves TCP away from csum_start";
  EXPECT_TRUE(refuses(v4, add_one(&Offsets::ip, 3))) << "total length beyond the frame";
  EXPECT_TRUE(refuses(v4, set(&Offsets::ip, 2, 0))) << "total length before its end";
  EXPECT_TRUE(refuses(v4, set(&Offsets::ip, 6, 0x20))) << "more fragments";
  EXPECT_TRUE(refuses(v4, set(&Offsets::ip, 7, 1))) << "fragment offset";
  EXPECT_TRUE(refuses(v4, set(&Offsets::ip, 9, 17))) << "protocol";
  EXPECT_TRUE(refuses(v4, set(&Offsets::transport, 12, 0x40))) << "data offset below the least";
  EXPECT_TRUE(refuses(v6, set(&Offsets::ip, 0, 0x45))) << "version";
  EXPECT_TRUE(refuses(v6, add_one(&Offsets::ip, 5))) << "payload length";
  EXPECT_TRUE(refuses(v6, set(&Offsets::ip, 6, 44))) << "fragment header";
  EXPECT_TRUE(refuses(v6, set(&Offsets::ip, 6, 59))) << "no next header";
  EXPECT_TRUE(refuses(v6, set(&Offsets::ip, 41, 255))) << "extension header beyond the headers";
  EXPECT_TRUE(refuses(udp, add_one(&Offsets::transport, 5))) << "UDP length";
  EXPECT_TRUE(refuses(v4, [](Sample& s) { put16(s.octets, 12, 0x88b5); })) << "EtherType";
  EXPECT_TRUE(refuses(v4, [](Sample& s) { put16(s.octets, 12, 0x8100); }))
      << "the frame has the type of a tag but no tag";
}

TEST(Segmenter, RefusesHeadersThatAreNotWholeInTheFirstPiece) {
  for (const bool ipv6 : {false, true}) {
    for (const bool udp : {false, true}) {
      const Shape shape{.ipv6 = ipv6, .udp = udp, .payload = random_octets(3000)};
      const std::size_t headers = Sample(shape).offsets.payload;
      for (std::size_t size = 0; size <= headers; ++size) {
        EXPECT_EQ(refuses(shape, [=](Sample& s) { s.cut_at({size}); }), size < headers) << size;
        EXPECT_EQ(refuses(shape, [=](Sample& s) { s.octets.resize(size); }), size < headers) << size;
      }
    }
  }
  EXPECT_FALSE(refuses({.vlan_tags = 34, .tcp_options = 0}, [](Sample&) {})) << "190 octets";
  EXPECT_TRUE(refuses({.vlan_tags = 34, .tcp_options = 4}, [](Sample&) {})) << "194 octets";
}

TEST(Segmenter, RefusesAFrameThatIsNotAsLongAsItsPieces) {
  Sample sample({.payload = random_octets(3000)});
  for (const int more : {-1, 1}) {
    Frame frame = sample.frame();
    frame.size += static_cast<std::uint32_t>(more);
    EXPECT_FALSE(Segmenter(frame).valid());
  }
  const Frame nothing{&sample.vnet, nullptr, 0, 0, 0};
  EXPECT_FALSE(Segmenter(nothing).valid());
}

TEST(NeedsSoftwareOffload, FollowsWhatThePortTakes) {
  const auto without = [](std::uint8_t bit) { return Offloads{static_cast<std::uint8_t>(Offloads::kAll & ~bit)}; };
  const Offloads all{Offloads::kAll}, none;
  EXPECT_FALSE(needs_software_offload({}, none));
  EXPECT_FALSE(needs_software_offload({.flags = kVnetDataValid}, none));
  EXPECT_TRUE(needs_software_offload({.flags = kVnetNeedsCsum}, without(Offloads::kCsum)));
  EXPECT_FALSE(needs_software_offload({.flags = kVnetNeedsCsum}, {Offloads::kCsum}));
  struct Case {
    int gso_type;
    std::uint8_t bit;
  };
  for (const Case& each :
       {Case{kGsoTcpV4, Offloads::kTso4}, Case{kGsoTcpV4 | kGsoEcn, Offloads::kTso4},
        Case{kGsoTcpV4 | kGsoEcn, Offloads::kEcn}, Case{kGsoTcpV6, Offloads::kTso6},
        Case{kGsoTcpV6 | kGsoEcn, Offloads::kEcn}, Case{kGsoUdpL4, Offloads::kUso}, Case{kGsoTcpV4, Offloads::kCsum}}) {
    const VnetHeader vnet{.flags = kVnetNeedsCsum, .gso_type = static_cast<std::uint8_t>(each.gso_type)};
    EXPECT_FALSE(needs_software_offload(vnet, all)) << each.gso_type;
    EXPECT_TRUE(needs_software_offload(vnet, without(each.bit))) << each.gso_type;
  }
  EXPECT_FALSE(needs_software_offload({.gso_type = kGsoTcpV4}, without(Offloads::kEcn)));
  EXPECT_TRUE(needs_software_offload({.gso_type = kGsoUdp}, all));
}

}  // namespace
}  // namespace rb::testing
