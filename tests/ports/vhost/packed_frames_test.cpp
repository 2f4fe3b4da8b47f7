// SPDX-License-Identifier: GPL-2.0-or-later
// Tests frames in chains of packed rings.
#include "ports/vhost/guest_frames.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <deque>
#include <iterator>
#include <optional>
#include <random>
#include <vector>

#include "ports/vhost/guest_frames.hpp"

#include "tests/ports/vhost/packed_driver.hpp"

namespace rb::test {
namespace {

constexpr GuestReceive kMerging = {.header_size = 12, .mergeable = true};

/// A frame in two pieces.
struct SomeFrame {
  SomeFrame(std::uint32_t size, unsigned seed) : octets(size) {
    for (std::uint32_t i = 0; i < size; ++i) octets[i] = static_cast<std::byte>((i * 7 + seed + i / 256) & 0xff);
    pieces = {{{octets.data(), size / 3}, {octets.data() + size / 3, size - size / 3}}};
    vnet.hdr_len = static_cast<std::uint16_t>(seed);
    view = {&vnet, pieces.data(), size, 2, 0};
  }
  SomeFrame(const SomeFrame&) = delete;
  SomeFrame& operator=(const SomeFrame&) = delete;
  Octets octets;
  std::array<Piece, 2> pieces;
  VnetHeader vnet;
  Frame view;
};

/// A guest that receives in chains of buffers that do not overlap.
class Receiver {
 public:
  explicit Receiver(unsigned size, std::uint16_t base = 0x8000) : driver(size, base) { ring = driver.vring(base); }
  void offer(const std::vector<std::uint32_t>& sizes, bool in_table = false) {
    Chain chain{.id = id_of(number_), .buffers = {}};
    for (const std::uint32_t size : sizes) {
      if (next_address_ + size > 2 * kRegionSize) next_address_ = kBuffers;
      chain.buffers.push_back({next_address_, size});
      next_address_ += size;
    }
    if (in_table) {
      driver.offer_table(chain.id, chain.buffers, kTables + number_ % 128 * kTableRoom * 16, kWrite);
    } else {
      driver.offer(chain.id, chain.buffers, kWrite);
    }
    ++number_;
    chains.push_back(chain);
  }
  std::optional<DropReason> put(const SomeFrame& frame, GuestReceive receive = kMerging) {
    unsigned budget = 1000;
    return put_frame(frame.view, frame.vnet, receive, ring, budget);
  }
  /// Expects that the frame is dropped and the ring is unchanged.
  void expect_refused(const SomeFrame& frame, DropReason reason, GuestReceive receive = kMerging) {
    const Octets before = driver.octets();
    const std::uint16_t base = ring.next();
    const unsigned waiting = ring.available(PackedRing::kMaxAhead);
    EXPECT_EQ(put(frame, receive), reason);
    EXPECT_EQ(ring.trouble().fault, VringFault::kNone);
    EXPECT_FALSE(ring.has_unpublished());
    EXPECT_EQ(ring.next(), base);
    EXPECT_EQ(ring.available(PackedRing::kMaxAhead), waiting);
    EXPECT_TRUE(driver.octets() == before);
    EXPECT_FALSE(driver.collect());
  }
  /// Expects that the frame was put and published into the next chains, and took no more chains than it needs.
  void expect_received(const SomeFrame& frame) {
    Octets got;
    unsigned count = 0;
    while (got.size() < frame.octets.size() + 12) {
      const auto used = driver.collect();
      ASSERT_TRUE(used);
      ASSERT_FALSE(chains.empty());
      const Chain chain = chains.front();
      chains.pop_front();
      ++count;
      ASSERT_EQ(used->id, chain.id);
      std::uint32_t left = used->written;
      ASSERT_NE(left, 0U);
      for (const Buffer& buffer : chain.buffers) {
        const std::uint32_t here = std::min(left, buffer.size);
        for (std::uint32_t i = 0; i < here; ++i) got.push_back(*driver.at(buffer.address + i));
        left -= here;
      }
      ASSERT_EQ(left, 0U);
    }
    VnetHeader header = frame.vnet;
    header.num_buffers = static_cast<std::uint16_t>(count);
    Octets expected(12);
    std::memcpy(expected.data(), &header, expected.size());
    expected.insert(expected.end(), frame.octets.begin(), frame.octets.end());
    ASSERT_TRUE(got == expected);
  }

  struct Chain {
    std::uint16_t id = 0;
    Buffers buffers;
  };
  Driver driver;
  Vring ring;
  std::deque<Chain> chains;  // chains that the device has

 private:
  unsigned number_ = 0;
  std::uint64_t next_address_ = kBuffers;
};

TEST(PackedPutFrame, LeavesTheRingAsItWasWhenChainsAreMissing) {
  for (unsigned begin = 0; begin < 16; ++begin) {
    SCOPED_TRACE(begin);
    Receiver guest(8, static_cast<std::uint16_t>(begin % 8 | (begin < 8 ? 0x8000 : 0)));
    for (int i = 0; i < 3; ++i) guest.offer({60, 40});
    const SomeFrame large(289, 1), largest(488, 2), fits(288, 3), small(20, 4);
    guest.expect_refused(large, DropReason::kEgressFull);
    guest.expect_refused(large, DropReason::kEgressFull);
    // The missing chain comes.
    guest.offer({100, 100});
    ASSERT_FALSE(guest.put(large));
    EXPECT_FALSE(guest.driver.collect()) << "the chain is not published yet";
    (void)guest.ring.publish();
    guest.expect_received(large);
    EXPECT_TRUE(guest.chains.empty());
    guest.expect_refused(small, DropReason::kEgressFull);
    // A smaller frame still fits.
    for (int i = 0; i < 4; ++i) guest.offer({30, 70});
    guest.expect_refused(largest, DropReason::kEgressFull);
    ASSERT_FALSE(guest.put(small));
    ASSERT_FALSE(guest.put(fits));
    EXPECT_FALSE(guest.driver.collect()) << "the chain is not published yet";
    (void)guest.ring.publish();
    guest.expect_received(small);
    guest.expect_received(fits);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(PackedPutFrame, KeepsWhatWasPutBeforeWhenTheNextOneDoesNotFit) {
  Receiver guest(8, 0x8005);
  for (int i = 0; i < 8; ++i) guest.offer({50});
  const SomeFrame first(100, 1), second(300, 2), third(120, 3);
  ASSERT_FALSE(guest.put(first));
  EXPECT_EQ(guest.put(second), DropReason::kEgressFull);
  EXPECT_TRUE(guest.ring.has_unpublished());
  EXPECT_FALSE(guest.driver.collect());
  ASSERT_FALSE(guest.put(third));
  (void)guest.ring.publish();
  guest.expect_received(first);
  guest.expect_received(third);
  EXPECT_FALSE(guest.driver.collect());
  EXPECT_EQ(guest.ring.available(8), 2U);
}

TEST(PackedPutFrame, WithoutMergingAFrameTakesOneChain) {
  Receiver guest(8);
  for (int i = 0; i < 2; ++i) guest.offer({12, 60, 40});
  const SomeFrame large(101, 1), fits(100, 2);
  guest.expect_refused(large, DropReason::kOverMtu, {.header_size = 12});
  ASSERT_FALSE(guest.put(fits, {.header_size = 12}));
  (void)guest.ring.publish();
  guest.expect_received(fits);
  EXPECT_EQ(guest.chains.size(), 1U);
}

TEST(PackedPutFrame, UsesNoChainWhenOneOfThemIsBad) {
  for (const bool in_table : {false, true}) {
    Receiver guest(8);
    guest.offer({100});
    guest.offer({50, 50}, in_table);
    vring_packed_desc* const table = reinterpret_cast<vring_packed_desc*>(guest.driver.at(kTables + kTableRoom * 16));
    (in_table ? table[1] : guest.driver.ring()[2]).addr = 2 * kRegionSize - 40;
    const Octets before = guest.driver.octets();
    EXPECT_EQ(guest.put(SomeFrame(160, 1)), DropReason::kEgressError);
    EXPECT_EQ(guest.ring.trouble().fault, VringFault::kOutsideMemory);
    EXPECT_FALSE(guest.ring.has_unpublished());
    EXPECT_TRUE(guest.driver.octets() == before);
    EXPECT_EQ(guest.put(SomeFrame(20, 1)), DropReason::kEgressError);
  }
}

TEST(PackedPutFrame, PutsAnyFramesIntoAnyChains) {
  for (std::uint64_t seed = 0; seed < 60 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const auto from_to = [&](std::uint32_t least, std::uint32_t most) {
      return std::uniform_int_distribution<std::uint32_t>(least, most)(random);
    };
    const unsigned size = 1U << from_to(0, 7);
    Receiver guest(size, static_cast<std::uint16_t>(from_to(0, size - 1) | from_to(0, 1) << 15));
    std::deque<SomeFrame> put;  // put, but not yet published
    const auto collect = [&] {
      if (guest.ring.has_unpublished()) (void)guest.ring.publish();
      for (const SomeFrame& frame : put) {
        guest.expect_received(frame);
        if (::testing::Test::HasFatalFailure()) return;
      }
      put.clear();
      ASSERT_FALSE(guest.driver.collect());
      ASSERT_EQ(guest.ring.next(), guest.driver.used_base());
    };
    for (int step = 0; step < 600 && !::testing::Test::HasFailure(); ++step) {
      switch (from_to(0, 3)) {
        case 0:
          for (std::uint32_t i = from_to(1, 10); i != 0 && guest.driver.free != 0 && guest.chains.size() < 60; --i) {
            const bool in_table = from_to(0, 3) == 0;
            std::vector<std::uint32_t> sizes(from_to(1, std::min(in_table ? 4U : guest.driver.free, 4U)));
            for (std::uint32_t& one : sizes) one = from_to(1, 600);
            guest.offer(sizes, in_table);
          }
          break;
        case 1:
          collect();
          break;
        default: {
          const SomeFrame& frame = put.emplace_back(from_to(14, 3000), static_cast<unsigned>(step));
          const unsigned waiting = guest.ring.available(PackedRing::kMaxAhead);
          std::uint64_t room = 0;  // octets in the waiting chains
          for (std::size_t i = guest.chains.size() - waiting; i < guest.chains.size(); ++i) {
            for (const Buffer& buffer : guest.chains[i].buffers) room += buffer.size;
          }
          const auto dropped = guest.put(frame);
          ASSERT_EQ(guest.ring.trouble().fault, VringFault::kNone);
          ASSERT_EQ(dropped.has_value(), room < frame.octets.size() + 12);
          if (!dropped) break;
          ASSERT_EQ(*dropped, DropReason::kEgressFull);
          ASSERT_EQ(guest.ring.available(PackedRing::kMaxAhead), waiting);
          put.pop_back();
        }
      }
    }
    collect();
  }
}

}  // namespace
}  // namespace rb::test
