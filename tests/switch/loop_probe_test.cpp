// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/loop_probe.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace rb {
namespace {

constexpr MacAddress kSource{{0x02, 0, 0, 0, 0, 0x05}};
constexpr LoopProbe kProbe{.sender = 0x0123456789abcdef, .port = 77, .key = 0xfedcba9876543210};

TEST(LoopProbe, IsReadAsItWasWritten) {
  EXPECT_EQ(decode_loop_probe(encode(kProbe, kSource)), kProbe);
}

TEST(LoopProbe, GoesToItsGroupFromItsPort) {
  const LoopProbeFrame frame = encode(kProbe, kSource);
  EXPECT_EQ(to_string(MacAddress::from_bytes(&frame[0])), "03:52:42:4c:50:00");
  EXPECT_EQ(MacAddress::from_bytes(&frame[6]), kSource);
  EXPECT_EQ(frame[12], std::byte{0x88});
  EXPECT_EQ(frame[13], std::byte{0xb5});
}

TEST(LoopProbe, NothingElseIsOne) {
  const LoopProbeFrame frame = encode(kProbe, kSource);
  // Destination, type and mark must match; the source may be any address.
  for (std::size_t at = 0; at < 22; ++at) {
    LoopProbeFrame other = frame;
    other[at] ^= std::byte{0x10};
    EXPECT_EQ(decode_loop_probe(other).has_value(), at >= 6 && at < 12) << at;
  }
}

TEST(LoopProbe, OneThatIsCutOffIsNone) {
  const LoopProbeFrame frame = encode(kProbe, kSource);
  for (std::size_t size = 0; size < 40; ++size) {
    const std::vector<std::byte> part(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(decode_loop_probe(part)) << size;
  }
  EXPECT_EQ(decode_loop_probe(std::span(frame).first(40)), kProbe);
}

}  // namespace
}  // namespace rb
