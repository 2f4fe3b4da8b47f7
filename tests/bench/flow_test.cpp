// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/flow.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "bench/load/load_port.hpp"
#include "bench/load/pacer.hpp"
#include "bench/load/stamp.hpp"

namespace bench {
namespace {

/// Returns the frames that a writer writes, as they would be on a wire without FCS.
std::vector<std::vector<std::byte>> frames_of(FrameWriter& writer, std::size_t count, std::int64_t time_ns = 0) {
  std::vector<std::vector<std::byte>> buffers(count, std::vector<std::byte>(70'000, std::byte{0xee}));
  std::vector<std::byte*> slots;
  for (auto& buffer : buffers) slots.push_back(buffer.data());
  std::vector<std::uint32_t> sizes(count);
  writer.write(slots, sizes, {.first_ns = time_ns, .distance_ns = 0});
  for (std::size_t i = 0; i < count; ++i) buffers[i].resize(sizes[i]);
  return buffers;
}
std::vector<std::vector<std::byte>> frames_of(const Flow& flow, std::size_t count) {
  FrameWriter writer(flow, 0, 1, false);
  return frames_of(writer, count);
}
std::string destination(const std::vector<std::byte>& frame) {
  return to_string(rb::MacAddress::from_bytes(frame.data()));
}
std::string source(const std::vector<std::byte>& frame) {
  return to_string(rb::MacAddress::from_bytes(frame.data() + 6));
}

TEST(Flow, NamesStationsByPortAndNumber) {
  EXPECT_EQ(to_string(station_address(0, 0)), "02:00:00:00:00:00");
  EXPECT_EQ(to_string(station_address(0x1234, 0xabcdef)), "02:12:34:ab:cd:ef");
}

TEST(Flow, WritesAllOfAPlainFrame) {
  const auto frame = frames_of(Flow{.from = 258, .to = {3}}, 1).front();
  EXPECT_EQ(frame.size(), 60U);
  EXPECT_EQ(destination(frame), "02:00:03:00:00:00");
  EXPECT_EQ(source(frame), "02:01:02:00:00:00");
  EXPECT_EQ(read_big_endian_16(&frame[12]), 0x88b5);
  EXPECT_TRUE(
      std::all_of(frame.begin() + kStampedSize, frame.end(), [](std::byte octet) { return octet == std::byte{}; }));
}

TEST(Flow, TurnsThroughStationsAndPortsAndSizes) {
  const Flow flow{.from = 1,
                  .to = {2, 5},
                  .sizes = {64, 100, 1518},
                  .stations = 3,
                  .first_station = 10,
                  .to_stations = 2,
                  .to_first_station = 255};
  const auto frames = frames_of(flow, 12);
  std::vector<std::string> destinations, sources;
  std::vector<std::size_t> sizes;
  for (const auto& frame : frames) {
    destinations.push_back(destination(frame));
    sources.push_back(source(frame));
    sizes.push_back(frame.size());
  }
  for (std::uint32_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(sources[i], to_string(station_address(1, 10 + i % 3)));
    EXPECT_EQ(destinations[i], to_string(station_address(i % 2 == 0 ? 2 : 5, 255 + i / 2 % 2)));
    EXPECT_EQ(sizes[i], std::vector<std::size_t>({60, 96, 1514})[i % 3]);
  }
}

TEST(Flow, CyclesThroughAMillionStations) {
  constexpr std::uint32_t kStations = 1U << 20;
  FrameWriter writer(Flow{.from = 7, .to = {0}, .stations = kStations, .first_station = 5}, 0, 1, false);
  std::vector<bool> seen(kStations);
  for (std::uint32_t burst = 0; burst < kStations / 64; ++burst) {
    std::array<std::byte, 64 * 64> octets;
    std::array<std::byte*, 64> slots;
    std::array<std::uint32_t, 64> sizes;
    for (std::size_t i = 0; i < 64; ++i) slots[i] = octets.data() + 64 * i;
    writer.write(slots, sizes, {});
    writer.advance(64);
    for (const std::byte* slot : slots) {
      const std::uint64_t station =
          rb::MacAddress::from_bytes(slot + 6).to_number() - station_address(7, 5).to_number();
      ASSERT_LT(station, kStations);
      EXPECT_FALSE(seen[station]);
      seen[station] = true;
    }
  }
  EXPECT_EQ(source(frames_of(writer, 1).front()), to_string(station_address(7, 5)));
}

TEST(Flow, WritesAgainWhatWasNotTaken) {
  const Flow flow{.to = {1, 2}, .sizes = {64, 80, 96}, .stations = 5, .to_stations = 3};
  FrameWriter writer(flow, 0, 1, false);
  FrameWriter oracle(flow, 0, 1, false);
  const auto expected = frames_of(oracle, 200);
  std::size_t at = 0;
  for (const std::size_t taken : {0, 1, 8, 3, 0, 7, 20, 13, 100, 40}) {  // after 100, some frames were never written
    const auto frames = frames_of(writer, 8);
    for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(frames[i], expected[at + i]) << at << " + " << i;
    writer.advance(taken);
    at += taken;
  }
}

TEST(Flow, CarriesATagWithinTheSize) {
  const auto frame = frames_of(Flow{.to = {1}, .vlan = 0x123, .ethertype = 0x1234}, 1).front();
  EXPECT_EQ(frame.size(), 60U);
  EXPECT_EQ(read_big_endian_16(&frame[12]), 0x8100);
  EXPECT_EQ(read_big_endian_16(&frame[14]), 0x0123);
  EXPECT_EQ(read_big_endian_16(&frame[16]), 0x1234);
  EXPECT_TRUE(find_stamp(frame));
}

TEST(Flow, GoesToAnyAddressFromAnySource) {
  Flow flow{
      .to_address = rb::parse_mac("ff:ff:ff:ff:ff:ff"), .stations = 4, .source = rb::parse_mac("01:80:c2:00:00:01")};
  for (const auto& frame : frames_of(flow, 3)) {
    EXPECT_EQ(destination(frame), "ff:ff:ff:ff:ff:ff");
    EXPECT_EQ(source(frame), "01:80:c2:00:00:01");
  }
}

TEST(Flow, StampsSequenceAndTime) {
  for (const std::optional<std::uint16_t> vlan : {std::optional<std::uint16_t>(), std::optional<std::uint16_t>(5)}) {
    FrameWriter writer(Flow{.to = {1}, .vlan = vlan}, 3, 9, true);
    writer.advance(0);
    (void)frames_of(writer, 4, 11);
    writer.advance(4);
    const auto frames = frames_of(writer, 2, 77);
    for (std::size_t i = 0; i < 2; ++i) {
      const auto stamp = find_stamp(frames[i]);
      ASSERT_TRUE(stamp);
      EXPECT_EQ(stamp->flow, 3);
      EXPECT_EQ(stamp->trial, 9);
      EXPECT_EQ(stamp->sequence, 4 + i);
      EXPECT_EQ(stamp->time_ns, 77);
    }
  }
}

TEST(Flow, NeedsAsMuchAsItsHeaders) {
  EXPECT_EQ(smallest_size(Flow{}), 18U);
  EXPECT_EQ(smallest_size(Flow{.vlan = 1}), 22U);
  EXPECT_EQ(smallest_stamped_size(Flow{}), 42U);
  EXPECT_EQ(frames_of(Flow{.to = {1}, .sizes = {18}}, 1).front().size(), 14U);
}

TEST(Flow, WritesSuperFramesAsTcp) {
  EXPECT_FALSE(is_super(Flow{.sizes = {9022}}));
  for (const bool tagged : {false, true}) {
    Flow flow{.to = {1}, .sizes = {64'018}};
    if (tagged) flow.vlan = 2;
    ASSERT_TRUE(is_super(flow));
    const auto frame = frames_of(flow, 1).front();
    const std::size_t ip = tagged ? 18 : 14;
    EXPECT_EQ(frame.size(), 64'014U);
    EXPECT_EQ(read_big_endian_16(&frame[ip - 2]), 0x0800);
    EXPECT_EQ(read_big_endian_16(&frame[ip + 2]), frame.size() - ip);
    EXPECT_EQ(destination(frame), "02:00:01:00:00:00");
  }
}

TEST(Stamp, IsNotFoundWhereThereIsNone) {
  const auto frame = frames_of(Flow{.to = {1}, .vlan = 5}, 1).front();
  for (std::size_t size = 0; size < kStampedSize + kTagSize; ++size)
    EXPECT_FALSE(find_stamp(std::span(frame).first(size))) << size;
  EXPECT_TRUE(find_stamp(std::span(frame).first(kStampedSize + kTagSize)));
  EXPECT_FALSE(find_stamp(std::vector<std::byte>(1500)));
}

TEST(Pacer, KeepsTheRate) {
  Pacer pacer(1e6, 0);
  pacer.start(5000);
  EXPECT_EQ(pacer.due(5000), 1U);
  pacer.hand_over(1);
  EXPECT_EQ(pacer.due(5999), 0U);
  EXPECT_EQ(pacer.next_ns(), 6000);
  EXPECT_EQ(pacer.due(6000), 1U);
  EXPECT_EQ(pacer.due(15'500), 10U);
}

TEST(Pacer, BeginsWithinTheFirstDistance) {
  Pacer pacer(1e6, 0.5);
  pacer.start(1000);
  EXPECT_EQ(pacer.due(1000), 0U);
  EXPECT_EQ(pacer.due(1500), 1U);
}

TEST(Pacer, ForgivesWhatIsTooLate) {
  Pacer pacer(1e6, 0);
  pacer.start(0);
  const std::int64_t late_ns = 50'000'000;
  EXPECT_EQ(pacer.due(late_ns), 1000U);  // the limit of a millisecond
  pacer.hand_over(1000);
  EXPECT_EQ(pacer.due(late_ns), 0U);
  EXPECT_EQ(pacer.due(late_ns + 10'500), 10U);
  Pacer slow(10, 0);
  slow.start(0);
  EXPECT_EQ(slow.due(1'000'000'000), 11U);
  EXPECT_EQ(slow.due(10'000'000'000), 16U);
}

TEST(Pacer, HasNoLimitWithoutARate) {
  Pacer pacer(0, 0);
  pacer.start(0);
  EXPECT_GT(pacer.due(0), 1'000'000U);
}

}  // namespace
}  // namespace bench
