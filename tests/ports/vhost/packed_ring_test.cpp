// SPDX-License-Identifier: GPL-2.0-or-later
// Tests packed rings beside a naive driver.
#include "ports/vhost/packed_ring.hpp"

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

TEST(PackedRing, ReadsAndWritesTheFlagsOfTheStandard) {
  Driver driver(2);
  PackedRing ring(driver.layout(), 2, 0x8000, false);
  bool looped = false;
  vring_packed_desc* const at = driver.ring();
  struct {
    std::uint16_t available, used, base;
  } constexpr kSteps[] = {{0x0080, 0x8080, 0x8001}, {0x0080, 0x8080, 0x0000}, {0x8000, 0x0000, 0x0001},
                          {0x8000, 0x0000, 0x8000}, {0x0080, 0x8080, 0x8001}, {0x0080, 0x8080, 0x0000}};
  for (unsigned step = 0; step < std::size(kSteps); ++step) {
    EXPECT_EQ(ring.available(8, looped), 0U) << step;
    at[step % 2] = {0x1234, 100, static_cast<std::uint16_t>(step + 7), kSteps[step].available};
    ASSERT_EQ(ring.available(8, looped), 1U) << step;
    EXPECT_EQ(ring.head(0), step % 2);
    ring.take(1);
    ring.put_used(step / 2 % 2 == 0 ? 0 : 50);
    EXPECT_EQ(at[step % 2].flags, kSteps[step].available) << step;
    (void)ring.publish();
    EXPECT_EQ(at[step % 2].flags, kSteps[step].used | (step / 2 % 2 == 0 ? 0 : kWrite)) << step;
    EXPECT_EQ(at[step % 2].id, step + 7);
    EXPECT_EQ(at[step % 2].len, step / 2 % 2 == 0 ? 0U : 50U);
    EXPECT_EQ(ring.base(), kSteps[step].base) << step;
  }
  EXPECT_FALSE(looped);
}

/// Uses chains of `length` descriptors in batches of `batch`, for more than five rounds of the ring.
void go_round(unsigned size, unsigned length, unsigned batch) {
  SCOPED_TRACE(::testing::Message() << size << " descriptors, chains of " << length << ", batches of " << batch);
  Driver driver(size);
  Vring ring = driver.vring();
  unsigned number = 0;
  for (unsigned descriptors = 0; descriptors < 5 * size + 3;) {
    std::vector<std::uint16_t> heads;
    while (heads.size() < batch && driver.free >= length) {
      heads.push_back(driver.offer_row(id_of(number + static_cast<unsigned>(heads.size())), length));
      descriptors += length;
    }
    const auto count = static_cast<unsigned>(heads.size());
    ASSERT_EQ(ring.available(1), 1U);
    ASSERT_EQ(ring.available(size + 1), count);
    for (unsigned i = 0; i < count; ++i) {
      ASSERT_EQ(ring.head(i), heads[i]);
      ChainWalk walk(ring, heads[i], VringDirection::kFromGuest);
      unsigned buffers = 0;
      for (vring_desc buffer; walk.next(buffer); ++buffers) ASSERT_EQ(buffer.addr, kBuffers + buffers * 0x10ULL);
      ASSERT_EQ(buffers, length);
    }
    ring.take(count);
    ASSERT_EQ(ring.available(size), 0U);
    EXPECT_FALSE(ring.has_unpublished());
    for (unsigned i = 0; i < count; ++i) {
      ring.put_used(heads[i], number + i);
      EXPECT_TRUE(ring.has_unpublished());
      ASSERT_FALSE(driver.collect()) << "the chain is visible before it is published";
    }
    ASSERT_EQ(ring.available(size), 0U) << "a chain that is put but not published counts as available";
    EXPECT_TRUE(ring.publish());
    EXPECT_FALSE(ring.has_unpublished());
    for (unsigned i = 0; i < count; ++i, ++number) {
      const auto used = driver.collect();
      ASSERT_TRUE(used) << number;
      EXPECT_EQ(used->at, heads[i]);
      EXPECT_EQ(used->id, id_of(number));
      EXPECT_EQ(used->written, number);
      EXPECT_EQ(used->flags & ~(kAvailableBit | kUsedBit), number == 0 ? 0 : kWrite);
    }
    ASSERT_FALSE(driver.collect());
    ASSERT_EQ(driver.free, size);
    ASSERT_EQ(ring.next(), driver.used_base());
    ASSERT_EQ(ring.available(size), 0U) << "a used chain counts as available again";
  }
  EXPECT_EQ(ring.trouble().fault, VringFault::kNone);
}

TEST(PackedRing, GoesRound) {
  for (const unsigned size : {1U, 2U, 8U, 256U}) {
    for (unsigned length = 1; length <= size; length += length < 10 ? 1 : 61) {
      for (const unsigned batch : {1U, 2U, 3U, 7U, size}) go_round(size, length, batch);
    }
    go_round(size, size, 1);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(PackedRing, FlagsTheFirstOfABatchLast) {
  for (std::uint16_t begin = 0; begin < 8; ++begin) {
    const auto base = static_cast<std::uint16_t>(0x8000 | begin);
    Driver driver(8, base);
    Vring ring = driver.vring(base);
    const std::array<std::uint16_t, 3> heads = {driver.offer_row(100, 2), driver.offer_row(101, 1),
                                                driver.offer_row(102, 3)};
    ASSERT_EQ(ring.available(8), 3U);
    ring.take(3);
    for (const std::uint16_t head : heads) ring.put_used(head, 1);
    const std::uint16_t first_flags = driver.ring()[heads[0]].flags;
    EXPECT_EQ(first_flags & (kAvailableBit | kUsedBit), kAvailableBit);
    // A driver may see the others only after it has seen the first one.
    for (std::size_t i = 1; i < heads.size(); ++i) {
      const std::uint16_t flags = driver.ring()[heads[i]].flags;
      EXPECT_EQ(flags, heads[i] >= begin ? kAvailableBit | kUsedBit | kWrite : kWrite) << begin;
    }
    EXPECT_FALSE(driver.collect());
    (void)ring.publish();
    for (const int id : {100, 101, 102}) {
      const auto used = driver.collect();
      ASSERT_TRUE(used);
      EXPECT_EQ(used->id, id);
    }
    EXPECT_FALSE(driver.collect());
  }
}

TEST(PackedRing, AChainThatIsLongerThanTheRingIsAFault) {
  for (const unsigned size : {1U, 2U, 8U, 256U}) {
    for (const unsigned good : {0U, 1U}) {
      if (good == size) continue;
      Driver driver(size);
      Vring ring = driver.vring();
      if (good != 0) driver.offer_row(1, 1);
      driver.offer_row(2, size - good);
      for (unsigned i = good; i < size; ++i) driver.ring()[i].flags |= kNext;
      if (good != 0) driver.ring()[0].flags |= kNext;  // then the chain before has no end, either
      EXPECT_EQ(ring.available(size), 0U);
      EXPECT_EQ(ring.trouble().fault, VringFault::kLoop);
      EXPECT_FALSE(ring.has_unpublished());
    }
    // A chain as long as the ring is valid.
    Driver driver(size);
    Vring ring = driver.vring();
    driver.offer_row(1, size);
    EXPECT_EQ(ring.available(size), 1U);
    EXPECT_EQ(ring.trouble().fault, VringFault::kNone);
  }
}

TEST(PackedRing, TheChainsBeforeALoopDoNotCountAsWaitingAfterTheFault) {
  Driver driver(8);
  Vring ring = driver.vring();
  driver.offer_row(1, 2);
  ASSERT_EQ(ring.available(8), 1U);
  driver.offer_row(2, 6);
  for (unsigned i = 0; i < 8; ++i)
    driver.ring()[i].flags |= kNext;  // the driver changes descriptors that it has offered
  EXPECT_EQ(ring.available(1), 1U);   // the chain that was found before
  EXPECT_EQ(ring.available(8), 0U);
  EXPECT_EQ(ring.trouble().fault, VringFault::kLoop);
  EXPECT_EQ(ring.available(1), 0U);
}

TEST(PackedRing, GoesOnWhereItsPredecessorWas) {
  for (const unsigned size : {1U, 2U, 8U}) {
    for (unsigned begin = 0; begin < 2 * size; ++begin) {
      const auto base = static_cast<std::uint16_t>(begin % size | (begin < size ? 0x8000 : 0));
      Driver driver(size, base);
      // Chains that were taken but not used are not lost.
      std::vector<std::uint16_t> heads(size);
      for (unsigned i = 0; i < size; ++i) heads[i] = driver.offer_row(static_cast<std::uint16_t>(i), 1);
      std::uint16_t next = base;
      for (unsigned done = 0; done < size; ++done) {
        Vring ring = driver.vring(next);
        EXPECT_EQ(ring.next(), next);
        ASSERT_EQ(ring.available(size), size - done) << size << " at " << begin;
        ASSERT_EQ(ring.head(0), heads[done]);
        ring.take(size - done);
        ring.put_used(heads[done], 5);
        (void)ring.publish();
        PackedRing::forget_position(driver.device_event());
        next = ring.next();
        const auto used = driver.collect();
        ASSERT_TRUE(used);
        EXPECT_EQ(used->id, done);
        EXPECT_FALSE(driver.collect());
        EXPECT_EQ(next, driver.used_base());
      }
      Vring ring = driver.vring(next);
      EXPECT_EQ(ring.available(size), 0U);
    }
  }
}

TEST(PackedRing, KeepsItsPlaceForASuccessorThatIsToldAnotherOne) {
  for (const unsigned size : {1U, 2U, 8U, 256U}) {
    Driver driver(size);
    for (unsigned i = 0; i < 2 * size + 1; ++i) {
      Vring ring = driver.vring(0x8000);
      EXPECT_EQ(ring.next(), driver.used_base());
      const std::uint16_t head = driver.offer_row(id_of(i), 1);
      ASSERT_EQ(ring.available(size), 1U) << size << ": " << i;
      ASSERT_EQ(ring.head(0), head);
      ring.take(1);
      ring.put_used(head, 5);
      (void)ring.publish();
      ASSERT_TRUE(driver.collect());
    }
    EXPECT_NE(driver.vring(0x8000).next(), 0x8000);
    PackedRing::forget_position(driver.device_event());
    EXPECT_EQ(driver.vring(0x8000).next(), 0x8000);
  }
}

TEST(PackedRing, ABaseThatTheRingDoesNotHaveIsOneThatItHas) {
  Driver driver(8);
  const Vring ring = driver.vring(0xffff);
  EXPECT_LT(ring.next() & 0x7fff, 8);
}

TEST(PackedRing, FindsNoMoreAheadThanItRemembers) {
  constexpr unsigned kSize = 1024, kMost = PackedRing::kMaxAhead;
  Driver driver(kSize);
  Vring ring = driver.vring();
  for (unsigned i = 0; i < kSize; ++i) driver.offer_row(id_of(i), 1);
  EXPECT_EQ(ring.available(kMost + 1), kMost);
  for (unsigned i = 0; i < kMost; ++i) ASSERT_EQ(ring.head(i), i);
  ring.take(kMost - 3);
  EXPECT_EQ(ring.available(kMost), 3U);
  ring.take(3);
  EXPECT_EQ(ring.available(1), 0U);
  for (unsigned i = 0; i < 10; ++i) ring.put_used(0, i);
  EXPECT_EQ(ring.available(kMost), 10U);
  EXPECT_EQ(ring.head(0), kMost);
  EXPECT_EQ(ring.head(9), kMost + 9);
  ring.take(10);
  for (unsigned i = 10; i < kMost + 10; ++i) ring.put_used(0, i);
  (void)ring.publish();
  for (unsigned i = 0; i < kMost + 10; ++i) {
    const auto used = driver.collect();
    ASSERT_TRUE(used);
    ASSERT_EQ(used->id, id_of(i));
    ASSERT_EQ(used->written, i);
  }
  EXPECT_FALSE(driver.collect());
  EXPECT_EQ(ring.available(kSize), kMost);
  EXPECT_EQ(ring.trouble().fault, VringFault::kNone);
}

// Notifications.

/// The function of virtio 1.2 2.8.10, as Linux implements it for split rings. Positions of the round before are
/// negative.
bool needs_event(unsigned size, std::uint16_t base_after, unsigned count, std::uint16_t off_wrap) {
  const auto after = static_cast<std::uint16_t>(base_after & 0x7fff),
             before = static_cast<std::uint16_t>(after - count);
  auto event = static_cast<std::uint16_t>(off_wrap & 0x7fff);
  if ((off_wrap & 0x8000) != (base_after & 0x8000)) event = static_cast<std::uint16_t>(event - size);
  return static_cast<std::uint16_t>(after - event - 1) < static_cast<std::uint16_t>(after - before);
}

/// Tests all positions that a driver can wait for. `count` descriptors are used from `base` on, as one chain or as
/// `count` chains.
void expect_calls(unsigned size, std::uint16_t base, unsigned count, bool in_one) {
  Driver driver(size, base);
  for (unsigned i = 0; i < (in_one ? 1 : count); ++i)
    driver.offer_row(static_cast<std::uint16_t>(i), in_one ? count : 1);
  const Octets before = driver.octets();
  for (unsigned event = 0; event < 2 * size; ++event) {
    const auto off_wrap = static_cast<std::uint16_t>(event % size | (event < size ? 0x8000 : 0));
    // The driver wants a notification when the descriptor at this position is written or skipped.
    bool wanted = false;
    std::uint16_t at = base;
    for (unsigned i = 0; i < count; ++i) {
      wanted = wanted || at == off_wrap;
      at = (at & 0x7fff) + 1U == size ? static_cast<std::uint16_t>(~at & 0x8000) : static_cast<std::uint16_t>(at + 1);
    }
    struct {
      std::uint16_t flags;
      bool event_index, calls;
    } const cases[] = {
        {VRING_PACKED_EVENT_FLAG_ENABLE, false, true},
        {VRING_PACKED_EVENT_FLAG_ENABLE, true, true},
        {VRING_PACKED_EVENT_FLAG_DISABLE, false, false},
        {VRING_PACKED_EVENT_FLAG_DISABLE, true, false},
        {VRING_PACKED_EVENT_FLAG_DESC, false, true},  // has no meaning without event indices: the device notifies to be
                                                      // safe
        {VRING_PACKED_EVENT_FLAG_DESC, true, wanted},
    };
    for (const auto& expected : cases) {
      std::copy(before.begin(), before.end(), driver.at(kRing));
      driver.device_event() = {};
      driver.event() = {.off_wrap = off_wrap, .flags = expected.flags};
      PackedRing ring(driver.layout(), static_cast<std::uint16_t>(size), base, expected.event_index);
      bool looped = false;
      const unsigned found = ring.available(size, looped);
      ASSERT_EQ(found, in_one ? 1 : count);
      ring.take(found);
      for (unsigned i = 0; i < found; ++i) ring.put_used(1);
      ASSERT_EQ(ring.publish(), expected.calls)
          << size << ": " << count << " from " << base << ", flags " << expected.flags << ", event " << off_wrap;
      ASSERT_EQ(ring.base(), at);
    }
    ASSERT_EQ(wanted, needs_event(size, at, count, off_wrap)) << "the two definitions in this test differ";
  }
}

TEST(PackedRing, TellsWhenTheEventIsPassed) {
  for (const unsigned size : {1U, 2U, 8U}) {
    for (unsigned begin = 0; begin < 2 * size; ++begin) {
      for (unsigned count = 1; count <= size; ++count) {
        for (const bool in_one : {false, true})
          expect_calls(size, static_cast<std::uint16_t>(begin % size | (begin < size ? 0x8000 : 0)), count, in_one);
      }
    }
  }
}

TEST(PackedRing, TellsWhenTheEventIsPassedInALargeRing) {
  for (const unsigned begin : {0U, 1U, 128U, 250U, 254U, 255U}) {
    for (const unsigned count : {1U, 2U, 6U, 7U, 255U, 256U}) {
      for (const unsigned wrap : {0U, 0x8000U})
        expect_calls(256, static_cast<std::uint16_t>(begin | wrap), count, count > 10);
    }
  }
}

TEST(PackedRing, CountsForACallOnlyWhatWasPublishedSinceTheLastOne) {
  Driver driver(8);
  driver.event_index = true;
  Vring ring = driver.vring();
  driver.event() = {.off_wrap = 0x8001, .flags = VRING_PACKED_EVENT_FLAG_DESC};
  for (const bool calls : {false, true, false, false}) {
    driver.offer_row(1, 1);
    ASSERT_EQ(ring.available(1), 1U);
    ring.take(1);
    ring.put_used(0, 0);
    EXPECT_EQ(ring.publish(), calls);
    EXPECT_TRUE(driver.collect());
  }
}

TEST(PackedRing, AsksForKicksAndSuppressesThem) {
  for (const bool event_index : {false, true}) {
    for (unsigned begin = 0; begin < 16; ++begin) {
      const auto base = static_cast<std::uint16_t>(begin % 8 | (begin < 8 ? 0x8000 : 0));
      Driver driver(8, base);
      driver.event_index = event_index;
      Vring ring = driver.vring(base);
      ring.suppress_kicks();
      EXPECT_EQ(driver.device_event().flags, VRING_PACKED_EVENT_FLAG_DISABLE);
      EXPECT_FALSE(ring.ask_for_kicks()) << begin;
      EXPECT_EQ(driver.device_event().flags, VRING_PACKED_EVENT_FLAG_ENABLE);
      driver.offer_row(1, 3);
      EXPECT_TRUE(ring.ask_for_kicks()) << begin;
      ring.suppress_kicks();
      ASSERT_EQ(ring.available(8), 1U);
      ring.take(1);
      EXPECT_FALSE(ring.ask_for_kicks()) << "the chain has been taken already";
      driver.offer_row(2, 5);
      EXPECT_TRUE(ring.ask_for_kicks()) << begin;
      ASSERT_EQ(ring.available(8), 1U);
      ring.take(1);
      EXPECT_FALSE(ring.ask_for_kicks()) << "the ring is full";
      ring.put_used(0, 0);
      EXPECT_FALSE(ring.ask_for_kicks());
      ring.put_used(0, 0);
      (void)ring.publish();
      EXPECT_FALSE(ring.ask_for_kicks());
    }
  }
}

// Chains in an indirect table.

class PackedTable : public ::testing::Test {
 protected:
  /// Returns the sizes of a chain's buffers before its end or its fault.
  std::vector<std::uint32_t> walk(VringDirection direction = VringDirection::kFromGuest) {
    ring = driver.vring();
    EXPECT_EQ(ring.available(1), 1U);
    ChainWalk chain(ring, ring.head(0), direction);
    std::vector<std::uint32_t> sizes;
    for (vring_desc buffer; chain.next(buffer);) sizes.push_back(buffer.len);
    return sizes;
  }
  void expect_fault(VringFault fault, std::uint64_t value, std::size_t before = 0) {
    EXPECT_EQ(walk().size(), before);
    EXPECT_EQ(ring.trouble().fault, fault) << vring_fault_text(ring.trouble().fault);
    EXPECT_EQ(ring.trouble().value, value);
    driver.begin_at(0x8000);
  }
  using Sizes = std::vector<std::uint32_t>;
  Driver driver{8};
  Vring ring;
  const Buffers three = {{kBuffers, 10}, {kBuffers + 0x100, 20}, {kBuffers + 0x50, 30}};
};

TEST_F(PackedTable, GivesItsBuffersInTheirOrder) {
  driver.offer_table(7, three, kTables);
  EXPECT_EQ(walk(), (Sizes{10, 20, 30}));
  EXPECT_EQ(ring.trouble().fault, VringFault::kNone);
  ring.take(1);
  ring.put_used(0, 60);
  (void)ring.publish();
  const auto used = driver.collect();
  ASSERT_TRUE(used);
  EXPECT_EQ(used->id, 7);
  EXPECT_EQ(ring.next(), 0x8001) << "a table takes one descriptor";
  driver.begin_at(0x8000);
  driver.offer_table(7, three, kTables, kWrite);
  EXPECT_EQ(walk(VringDirection::kToGuest), (Sizes{10, 20, 30}));
  driver.begin_at(0x8000);
  driver.offer_table(7, three, kRegionSize - 16);  // the table is in two regions
  EXPECT_EQ(walk(), (Sizes{10, 20, 30}));
}

TEST_F(PackedTable, ItsSizeTellsItsEndNotItsFlags) {
  driver.offer_table(7, three, kTables, kNext | kAvailableBit | kUsedBit);
  EXPECT_EQ(walk(), (Sizes{10, 20, 30}));
  EXPECT_EQ(ring.trouble().fault, VringFault::kNone);
}

TEST_F(PackedTable, MayBeLongerThanTheRing) {
  Buffers many(500, {kBuffers, 1});
  driver.offer_table(7, many, kTables);
  EXPECT_EQ(walk().size(), 500U);
  EXPECT_EQ(ring.trouble().fault, VringFault::kNone);
}

TEST_F(PackedTable, OfNoMeaningIsAFault) {
  for (const std::uint32_t octets : {0U, 1U, 15U, 17U, 1025U * 16U, 0xfffffff0U}) {
    driver.offer(1, {{kTables, octets}}, kIndirect);
    expect_fault(VringFault::kIndirectTable, octets);
  }
  driver.offer(1, {{kTables, 16}, {kBuffers, 1}}, kIndirect);
  expect_fault(VringFault::kIndirectNested, kTables);
  driver.offer_table(1, three, kTables, kIndirect);
  expect_fault(VringFault::kIndirectNested, kBuffers);
  driver.offer_table(1, {{kBuffers, 1}, {kBuffers + 9, 0}}, kTables);
  expect_fault(VringFault::kEmpty, kBuffers + 9, 1);
  driver.offer_table(1, three, kTables, kWrite);
  expect_fault(VringFault::kDirection, kBuffers);
  driver.offer(1, {{2 * kRegionSize, 32}}, kIndirect);
  expect_fault(VringFault::kOutsideMemory, 2 * kRegionSize);
}

TEST(PackedRing, MarksItsPagesWhenItIsPublished) {
  constexpr std::uint64_t kLogSize = 16;  // octets
  const UniqueFd file(::memfd_create("log", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(file.get(), kPage), 0);
  const DirtyLog log(*GuardedMapping::map(file.get(), 0, kLogSize), kLogSize);
  const auto marked = [&] {
    std::array<std::uint8_t, kLogSize> bits{};
    EXPECT_EQ(::pread(file.get(), bits.data(), bits.size(), 0), ssize_t{kLogSize});
    std::vector<std::uint64_t> pages;
    for (std::uint64_t page = 0; page < kLogSize * 8; ++page) {
      if ((bits[page / 8] >> page % 8 & 1) != 0) pages.push_back(page);
    }
    return pages;
  };
  Driver driver(512, 0x81ff);
  Vring ring = driver.vring(0x81ff, &log);
  driver.offer_row(1, 1);
  driver.offer_row(2, 1);
  ASSERT_EQ(ring.available(2), 2U);
  ring.take(2);
  ring.put_used(0, 0);
  ring.put_used(0, 0);
  EXPECT_TRUE(marked().empty());
  (void)ring.publish();
  EXPECT_EQ(marked(), (std::vector<std::uint64_t>{kRing / kPage, kRing / kPage + 1}));
}

TEST(PackedRing, WhatAnotherDeviceHasLeftIsNoPosition) {
  // The device before asked for kicks by an event, and then for none.
  std::vector<vring_packed_desc> descriptors(8);
  vring_packed_desc_event driver{}, device{.off_wrap = 0x8003, .flags = VRING_PACKED_EVENT_FLAG_DISABLE};
  const PackedRing ring({descriptors.data(), &driver, &device}, 8, 0x8006, true);
  EXPECT_EQ(ring.base(), 0x8006);
}

}  // namespace
}  // namespace rb::test
