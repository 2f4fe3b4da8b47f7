// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/vnet_check.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/switch/offload_frames.hpp"

namespace rb::testing {
namespace {

bool equal(const VnetHeader& a, const VnetHeader& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

Sample gso_sample(const Shape& like = {}) {
  Shape shape = like;
  shape.payload = random_octets(5000);
  return Sample(shape);
}
bool passes(Sample& sample, Trust trust = Trust::kPeer) {
  return check_vnet_header(sample.vnet, sample.frame(), trust);
}
template <typename Change>
bool passes_after(const Shape& shape, Change change) {
  Sample sample = gso_sample(shape);
  change(sample);
  return passes(sample);
}

TEST(VnetCheck, PassesFramesWithoutWorkAndClearsWhatMeansNothing) {
  Sample sample = gso_sample();
  sample.vnet = {.csum_offset = 7, .num_buffers = 9};
  EXPECT_TRUE(passes(sample));
  EXPECT_TRUE(equal(sample.vnet, {}));
  sample.vnet = {.hdr_len = 60000, .gso_size = 1, .csum_start = 65535, .csum_offset = 65535, .num_buffers = 3};
  EXPECT_TRUE(passes(sample));
  EXPECT_TRUE(equal(sample.vnet, {}));
}

TEST(VnetCheck, BelievesDataValidOfTheKernelAlone) {
  Sample sample = gso_sample();
  sample.vnet = {.flags = kVnetDataValid};
  EXPECT_TRUE(passes(sample, Trust::kKernel));
  EXPECT_TRUE(equal(sample.vnet, {.flags = kVnetDataValid}));
  EXPECT_TRUE(passes(sample, Trust::kPeer));
  EXPECT_TRUE(equal(sample.vnet, {}));
}

TEST(VnetCheck, ClearsRscInfoAndFlagsThatItDoesNotKnow) {
  for (const Trust trust : {Trust::kKernel, Trust::kPeer}) {
    Sample sample = gso_sample();
    sample.vnet = {.flags = 0xf8 | kVnetRscInfo};
    EXPECT_TRUE(passes(sample, trust));
    EXPECT_TRUE(equal(sample.vnet, {}));
    sample = gso_sample();
    sample.vnet.flags = 0xff;
    EXPECT_TRUE(passes(sample, trust));
    EXPECT_EQ(sample.vnet.flags, kVnetNeedsCsum);
  }
}

TEST(VnetCheck, ComputesHdrLenAnew) {
  for (const bool ipv6 : {false, true}) {
    for (const bool udp : {false, true}) {
      for (const unsigned tags : {0U, 2U}) {
        Sample sample = gso_sample({.ipv6 = ipv6, .udp = udp, .vlan_tags = tags, .options = 16});
        VnetHeader expected = sample.vnet;
        expected.hdr_len = static_cast<std::uint16_t>(sample.offsets.payload);
        sample.vnet.hdr_len = 65535;
        sample.vnet.num_buffers = 2;
        EXPECT_TRUE(passes(sample));
        EXPECT_TRUE(equal(sample.vnet, expected));
      }
    }
  }
  Sample sample = gso_sample();
  sample.vnet.gso_type = kGsoNone;
  sample.vnet.hdr_len = 65535;
  EXPECT_TRUE(passes(sample));
  EXPECT_TRUE(equal(sample.vnet, {.flags = kVnetNeedsCsum, .csum_start = 34, .csum_offset = 16}));
}

TEST(VnetCheck, RefusesGsoThatDoesNotFitItsFrame) {
  EXPECT_TRUE(passes_after({}, [](Sample&) {}));
  EXPECT_TRUE(passes_after({}, [](Sample& s) { s.vnet.gso_type |= kGsoEcn; }));
  for (const std::uint8_t type : kWrongForTcpV4) {
    EXPECT_FALSE(passes_after({}, [=](Sample& s) { s.vnet.gso_type = type; })) << int{type};
  }
  const Shape udp{.udp = true};
  EXPECT_FALSE(passes_after(udp, [](Sample& s) { s.vnet.gso_type = kGsoTcpV4; }));
  EXPECT_FALSE(passes_after(udp, [](Sample& s) { s.vnet.gso_type |= kGsoEcn; }));
  EXPECT_FALSE(passes_after({}, [](Sample& s) { s.vnet.gso_size = 0; }));
  EXPECT_FALSE(passes_after({}, [](Sample& s) { s.vnet.flags = 0; }));
  EXPECT_FALSE(passes_after({}, [](Sample& s) { s.vnet.csum_start += 2; }));
  EXPECT_FALSE(passes_after({}, [](Sample& s) { s.vnet.csum_offset = 4; }));
  EXPECT_FALSE(passes_after({}, [](Sample& s) { s.cut_at({s.offsets.payload - 1}); }));
  EXPECT_TRUE(passes_after({}, [](Sample& s) { s.cut_at({s.offsets.payload}); }));
}

/// True if a frame that lacks only its checksum passes.
bool sum_passes(const Shape& shape, unsigned start, unsigned offset) {
  return passes_after(shape, [=](Sample& s) {
    s.vnet = {.flags = kVnetNeedsCsum,
              .csum_start = static_cast<std::uint16_t>(start),
              .csum_offset = static_cast<std::uint16_t>(offset)};
  });
}

TEST(VnetCheck, RefusesAChecksumFieldBeyondTheFrame) {
  const auto size = static_cast<unsigned>(gso_sample().octets.size());
  EXPECT_TRUE(sum_passes({}, 34, size - 36));
  EXPECT_FALSE(sum_passes({}, 34, size - 35));
  EXPECT_TRUE(sum_passes({}, size - 2, 0));
  EXPECT_FALSE(sum_passes({}, size - 1, 0));
  EXPECT_FALSE(sum_passes({}, 65535, 65535)) << "the sum does not fit into 16 bits";
  Sample sample = gso_sample();
  sample.vnet = {.flags = kVnetNeedsCsum, .csum_start = 34, .csum_offset = 6};
  sample.cut_at({41});
  EXPECT_FALSE(passes(sample)) << "the field lies across two pieces";
}

TEST(VnetCheck, ProtectsAddressesAndTagsFromBeingSummedOver) {
  EXPECT_FALSE(sum_passes({}, 0, 6));
  EXPECT_FALSE(sum_passes({}, 13, 4));
  EXPECT_TRUE(sum_passes({}, 14, 0));
  const Shape tagged{.vlan_tags = 1};
  EXPECT_FALSE(sum_passes(tagged, 14, 0));
  EXPECT_FALSE(sum_passes(tagged, 17, 4));
  EXPECT_TRUE(sum_passes(tagged, 18, 0));
}

TEST(VnetCheck, BearsFramesOfAnyLength) {
  for (const std::uint8_t gso_type : {kGsoNone, kGsoTcpV4}) {
    for (std::size_t size = 0; size < 60; ++size) {
      Sample sample = gso_sample({.vlan_tags = 1});
      sample.octets.resize(size);
      sample.octets.shrink_to_fit();
      sample.vnet.gso_type = gso_type;
      EXPECT_EQ(passes(sample), gso_type == kGsoNone && size >= 56) << size;
    }
  }
  VnetHeader vnet{.flags = kVnetNeedsCsum};
  EXPECT_FALSE(check_vnet_header(vnet, Frame{&vnet, nullptr, 0, 0, 0}, Trust::kKernel));
}

}  // namespace
}  // namespace rb::testing
