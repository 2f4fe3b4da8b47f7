// SPDX-License-Identifier: GPL-2.0-or-later
// Frames of 64 KiB that are not cut yet cross whole to ports that take them, and cut to ports that do not.
#include <gtest/gtest.h>

#include "super_frames.hpp"

namespace rb::test {

/// Prints a parameter for GoogleTest.
static void PrintTo(const SuperFrameFields& fields, std::ostream* out) {
  *out << (fields.udp ? "UDP" : "TCP") << (fields.ipv6 ? " over IPv6" : " over IPv4");
}

namespace {

class SuperFrames : public LabTest, public ::testing::WithParamInterface<SuperFrameFields> {};

/// Returns 60,000 octets, each different from its neighbours.
std::string content() {
  std::string octets;
  for (std::uint32_t i = 0; octets.size() < 60000; ++i) octets += std::to_string(i * 2654435761U);
  octets.resize(60000);
  return octets;
}

TEST_P(SuperFrames, CrossWhole) {
  Lab lab;
  Lab::ok("rbctl addbr br0");
  const OffloadedWire from(lab.add_host("br0")), to(lab.add_host("br0"));
  const OffloadedFrame sent = make_super_frame(GetParam(), content());
  from.send(sent);
  const std::optional<OffloadedFrame> got = to.receive();
  ASSERT_TRUE(got.has_value());
  EXPECT_TRUE(got->octets == sent.octets);
  EXPECT_EQ(got->header.gso_type, sent.header.gso_type);
  EXPECT_EQ(got->header.gso_size, sent.header.gso_size);
  EXPECT_EQ(got->header.flags & kVnetNeedsCsum, kVnetNeedsCsum);
  EXPECT_EQ(got->header.csum_start, sent.header.csum_start);
}

TEST_P(SuperFrames, AreCutForThePortThatTakesNothingUnfinishedAlone) {
  Lab lab;
  Lab::ok("rbctl addbr br0");
  const OffloadedWire from(lab.add_host("br0")), cut(lab.add_host("br0", ",offload=off")), whole(lab.add_host("br0"));
  from.send(make_super_frame(GetParam(), content()));
  std::string together;
  while (together.size() < content().size()) {
    const std::optional<OffloadedFrame> segment = cut.receive();
    ASSERT_TRUE(segment.has_value()) << "after " << together.size() << " octets";
    EXPECT_EQ(segment->header.gso_type, kGsoNone);
    EXPECT_LE(segment->octets.size(), 1514U);
    together += payload_of(*segment).value();
  }
  EXPECT_TRUE(together == content());
  const std::optional<OffloadedFrame> other = whole.receive();
  ASSERT_TRUE(other.has_value());
  EXPECT_TRUE(payload_of(*other) == content());
}

std::string name_of(const ::testing::TestParamInfo<SuperFrameFields>& info) {
  return std::string(info.param.udp ? "Udp" : "Tcp") + (info.param.ipv6 ? "6" : "4");
}
INSTANTIATE_TEST_SUITE_P(Protocol, SuperFrames,
                         ::testing::Values(SuperFrameFields{}, SuperFrameFields{.ipv6 = true},
                                           SuperFrameFields{.udp = true}, SuperFrameFields{.ipv6 = true, .udp = true}),
                         name_of);

}  // namespace
}  // namespace rb::test
