// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/vring.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace rb {
namespace {

using Direction = VringDirection;
using Buffers = std::vector<std::pair<std::uint64_t, std::uint32_t>>;  // guest addresses and sizes

constexpr std::uint64_t kPage = 4096, kRegionSize = 0x40000;
// Two regions touch, and a third one is apart. The ring's parts are in the first region.
constexpr std::uint64_t kSecondRegion = kRegionSize, kGap = 2 * kRegionSize, kFarRegion = 0x1000000;
constexpr std::uint64_t kDescriptors = 0x10000, kAvailable = 0x20000, kUsed = 0x28000, kTable = 0x30000;
constexpr std::uint64_t kBuffer = 0x1000;
constexpr unsigned kSize = 64;

UniqueFd shared_file(std::uint64_t size) {
  UniqueFd file(::memfd_create("vring_test", MFD_CLOEXEC));
  EXPECT_EQ(::ftruncate(file.get(), static_cast<off_t>(size)), 0);
  return file;
}

/// The driver's side of a ring, and its guest.
class VringTest : public ::testing::Test {
 protected:
  VringTest() {
    // In the file the regions are not neighbours.
    for (const auto& [address, offset] :
         {std::pair{std::uint64_t{0}, 2 * kRegionSize}, {kSecondRegion, std::uint64_t{0}}, {kFarRegion, kRegionSize}}) {
      EXPECT_TRUE(memory.add({address, kRegionSize, address, offset}, file.get()));
    }
  }
  std::byte* at(std::uint64_t guest_address) {
    std::size_t hint = 0;
    return memory.at(guest_address, 1, hint).data;
  }
  /// Writes descriptor `number` of the ring's table or of another table.
  void describe(unsigned number, const vring_desc& descriptor, std::uint64_t table = kDescriptors) {
    for (std::size_t i = 0; i < sizeof descriptor; ++i)
      *at(table + number * sizeof descriptor + i) = reinterpret_cast<const std::byte*>(&descriptor)[i];
  }
  vring_avail& available() { return *reinterpret_cast<vring_avail*>(at(kAvailable)); }
  vring_used& used() { return *reinterpret_cast<vring_used*>(at(kUsed)); }
  std::uint16_t& used_event() { return available().ring[size]; }
  std::uint16_t& available_event() {
    return *reinterpret_cast<std::uint16_t*>(at(kUsed + sizeof(vring_used) + size * sizeof(vring_used_elem)));
  }
  void offer(unsigned head) { available().ring[available().idx++ % size] = static_cast<std::uint16_t>(head); }
  /// The device starts the ring at the position that both sides have reached.
  Vring ring_at(std::uint16_t index, bool event_index = false, const DirtyLog* log = nullptr) {
    available().idx = used().idx = index;
    return ring(index, event_index, log);
  }
  Vring ring(std::uint16_t next = 0, bool event_index = false, const DirtyLog* log = nullptr) {
    const VringLayout layout = {.size = static_cast<std::uint16_t>(size),
                                .descriptors = reinterpret_cast<const vring_desc*>(at(kDescriptors)),
                                .available = &available(),
                                .used = &used(),
                                .used_guest_address = kUsed};
    return {layout, next, event_index, memory, log, log};
  }

  UniqueFd file = shared_file(3 * kRegionSize);
  GuestMemory memory;
  unsigned size = kSize;
};

TEST_F(VringTest, GivesChainsInTheOrderInWhichTheyWereOffered) {
  Vring vring = ring();
  EXPECT_EQ(vring.available(8), 0U);
  for (const unsigned head : {3, 1, 63}) offer(head);
  EXPECT_EQ(vring.available(2), 2U);
  EXPECT_EQ(vring.available(8), 3U);
  EXPECT_EQ(vring.head(0), 3);
  EXPECT_EQ(vring.head(2), 63);
  vring.take(1);
  EXPECT_EQ(vring.available(8), 2U);
  EXPECT_EQ(vring.head(0), 1);
  offer(7);
  EXPECT_EQ(vring.available(8), 3U);
  vring.take(3);
  EXPECT_EQ(vring.available(8), 0U);
  EXPECT_EQ(vring.next(), 4);
}

TEST_F(VringTest, ShowsUsedChainsWhenTheyArePublished) {
  Vring vring = ring();
  EXPECT_FALSE(vring.has_unpublished());
  vring.put_used(5, 1500);
  vring.put_used(9, 60);
  EXPECT_TRUE(vring.has_unpublished());
  EXPECT_EQ(used().idx, 0);
  (void)vring.publish();
  EXPECT_EQ(used().idx, 2);
  EXPECT_FALSE(vring.has_unpublished());
  EXPECT_EQ(used().ring[0].id, 5U);
  EXPECT_EQ(used().ring[0].len, 1500U);
  EXPECT_EQ(used().ring[1].id, 9U);
  EXPECT_EQ(used().ring[1].len, 60U);
}

TEST_F(VringTest, GoesOnWhenIndicesWrapAround) {
  Vring vring = ring_at(65500);
  std::uint16_t expected = 65500;
  for (unsigned round = 0; round < 40; ++round) {
    const unsigned burst = round % 7 + 1;
    for (unsigned i = 0; i < burst; ++i) offer((round + i) % kSize);
    ASSERT_EQ(vring.available(kSize), burst);
    for (unsigned i = 0; i < burst; ++i) {
      ASSERT_EQ(vring.head(i), (round + i) % kSize);
      vring.put_used(vring.head(i), round);
    }
    vring.take(burst);
    EXPECT_TRUE(vring.publish());
    for (unsigned i = 0; i < burst; ++i) {
      ASSERT_EQ(used().ring[expected % kSize].id, (round + i) % kSize);
      ASSERT_EQ(used().ring[expected++ % kSize].len, round);
    }
    ASSERT_EQ(used().idx, expected);
    ASSERT_EQ(vring.next(), expected);
  }
  EXPECT_LT(expected, 65500);
  EXPECT_EQ(vring.trouble().fault, VringFault::kNone);
}

TEST_F(VringTest, GoesOnWhereItsPredecessorWas) {
  available().idx = 12;
  available().ring[10] = 33;
  used().idx = 9;
  Vring vring = ring(10);
  EXPECT_EQ(vring.available(8), 2U);
  EXPECT_EQ(vring.head(0), 33);
  vring.put_used(40, 1);
  (void)vring.publish();
  EXPECT_EQ(used().ring[9].id, 40U);
  EXPECT_EQ(used().idx, 10);
}

TEST_F(VringTest, AFullRingIsNoJump) {
  Vring vring = ring_at(65530);
  available().idx = static_cast<std::uint16_t>(65530 + kSize);
  EXPECT_EQ(vring.available(1000), kSize);
  EXPECT_EQ(vring.trouble().fault, VringFault::kNone);
}

TEST_F(VringTest, AnIndexThatJumpsIsAFault) {
  for (const unsigned jump : {kSize + 1, 0x8000U, 0xffffU}) {
    Vring vring = ring_at(65530);
    available().idx = static_cast<std::uint16_t>(65530 + jump);
    EXPECT_EQ(vring.available(1), 0U);
    EXPECT_EQ(vring.trouble().fault, VringFault::kIndexJump);
    EXPECT_EQ(vring.trouble().value, jump);
  }
}

TEST_F(VringTest, AHeadThatTheRingDoesNotHaveIsAFault) {
  Vring vring = ring();
  offer(kSize - 1);
  offer(kSize);
  ASSERT_EQ(vring.available(2), 2U);
  EXPECT_EQ(vring.head(0), kSize - 1);
  EXPECT_EQ(vring.trouble().fault, VringFault::kNone);
  EXPECT_EQ(vring.head(1), 0);
  EXPECT_EQ(vring.trouble().fault, VringFault::kHeadOutOfRange);
  EXPECT_EQ(vring.trouble().value, kSize);
}

TEST_F(VringTest, TheFirstFaultIsKept) {
  Vring vring = ring();
  vring.fail(VringFault::kEmpty, 7);
  vring.fail(VringFault::kLoop, 8);
  EXPECT_EQ(vring.trouble().fault, VringFault::kEmpty);
  EXPECT_EQ(vring.trouble().value, 7U);
}

TEST_F(VringTest, NothingIsAvailableAfterAFault) {
  Vring unseen = ring();
  offer(0);
  offer(1);
  unseen.fail(VringFault::kLoop, 0);
  EXPECT_EQ(unseen.available(1), 0U);
  Vring seen = ring();
  ASSERT_EQ(seen.available(2), 2U);
  seen.fail(VringFault::kLoop, 0);
  EXPECT_EQ(seen.available(1), 0U);
}

TEST_F(VringTest, LooksAheadForChainsOfOneBufferInOnePiece) {
  Vring vring = ring();
  std::array<WaitingChain, Vring::kMaxAhead> chains;
  describe(0, {.addr = kBuffer, .len = 100, .flags = 0, .next = 0});
  describe(1, {.addr = kGap, .len = 1, .flags = 0, .next = 0});
  describe(2, {.addr = kBuffer, .len = 1, .flags = VRING_DESC_F_NEXT, .next = 0});
  describe(3, {.addr = kBuffer + 8, .len = 1, .flags = VRING_DESC_F_WRITE, .next = 0});
  for (const unsigned head : {0, 1, 2, 3}) offer(head);
  ASSERT_EQ(vring.look_ahead(vring.available(64), Direction::kFromGuest, chains), 4U);
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(chains[i].head, i);
  EXPECT_EQ(chains[0].simple.size, 100U);
  EXPECT_EQ(chains[0].guest_address, kBuffer);
  for (const unsigned other : {1, 2, 3}) EXPECT_EQ(chains[other].simple.size, 0U) << other;
  ASSERT_EQ(vring.look_ahead(4, Direction::kToGuest, chains), 4U);
  EXPECT_EQ(chains[3].simple.size, 1U);
  for (const unsigned other : {0, 1, 2}) EXPECT_EQ(chains[other].simple.size, 0U) << other;
  // A buffer outside memory is a fault only when its turn comes.
  EXPECT_EQ(vring.trouble().fault, VringFault::kNone);
}

TEST_F(VringTest, LooksAheadAtNothingWhenAHeadIsOutOfRange) {
  Vring vring = ring();
  std::array<WaitingChain, Vring::kMaxAhead> chains;
  for (const unsigned head : {0, 65535}) offer(head);
  EXPECT_EQ(vring.look_ahead(vring.available(64), Direction::kFromGuest, chains), 0U);
  EXPECT_EQ(vring.trouble().fault, VringFault::kHeadOutOfRange);
}

// Notifications.

TEST_F(VringTest, WithAnEventIndexTellsWhenTheEventIsPassed) {
  constexpr unsigned kNear = 12;
  for (std::uint16_t old = 0xffff - kNear; old != kNear; ++old) {
    for (unsigned count = 0; count <= kNear; ++count) {
      for (std::uint16_t event = 0xffff - 2 * kNear; event != 2 * kNear; ++event) {
        used().idx = static_cast<std::uint16_t>(old - 1);
        Vring vring = ring(0, true);
        vring.put_used(0, 0);
        EXPECT_TRUE(vring.publish());  // the first publication always notifies, because the device does not know the
                                       // last index that the driver saw
        for (unsigned i = 0; i < count; ++i) vring.put_used(0, 0);
        used_event() = event;
        // virtio 1.2 2.7.7.2: the driver wants a notification when the entry of that index has been written.
        bool wanted = false;
        for (unsigned i = 0; i < count; ++i) wanted = wanted || static_cast<std::uint16_t>(old + i) == event;
        ASSERT_EQ(vring.publish(), wanted) << old << " + " << count << ", event " << event;
      }
    }
  }
}

TEST_F(VringTest, WithoutAnEventIndexTellsUnlessTheFlagIsSet) {
  Vring vring = ring();
  vring.put_used(0, 0);
  EXPECT_TRUE(vring.publish());
  available().flags = VRING_AVAIL_F_NO_INTERRUPT;
  vring.put_used(0, 0);
  EXPECT_FALSE(vring.publish());
  available().flags = 0;
  vring.put_used(0, 0);
  EXPECT_TRUE(vring.publish());
}

TEST_F(VringTest, WithoutAnEventIndexAFlagSuppressesKicks) {
  Vring vring = ring();
  vring.suppress_kicks();
  EXPECT_EQ(used().flags, VRING_USED_F_NO_NOTIFY);
  EXPECT_FALSE(vring.ask_for_kicks());
  EXPECT_EQ(used().flags, 0);
}

TEST_F(VringTest, WithAnEventIndexAsksForAKickOfTheNextChain) {
  Vring vring = ring_at(65535, true);
  offer(0);
  ASSERT_EQ(vring.available(8), 1U);
  vring.take(1);
  EXPECT_FALSE(vring.ask_for_kicks());
  EXPECT_EQ(available_event(), 0);
  vring.suppress_kicks();
  EXPECT_EQ(used().flags, 0);  // a driver with event indices ignores the flags
}

TEST_F(VringTest, AskingIsInVainWhenSomethingCameMeanwhile) {
  for (const bool event_index : {false, true}) {
    Vring vring = ring_at(65535, event_index);
    EXPECT_EQ(vring.available(8), 0U);
    EXPECT_FALSE(vring.ask_for_kicks());
    offer(0);
    EXPECT_TRUE(vring.ask_for_kicks());
    EXPECT_EQ(vring.available(8), 1U);
    vring.take(1);
    EXPECT_FALSE(vring.ask_for_kicks());
  }
}

// Chains.

constexpr unsigned kNext = VRING_DESC_F_NEXT, kWrite = VRING_DESC_F_WRITE, kIndirect = VRING_DESC_F_INDIRECT;

/// A chain as lists of descriptors with their numbers: in the ring's table, where the chain begins with the first one,
/// and in an indirect table.
struct Chain {
  struct Descriptor {
    unsigned number;
    std::uint64_t address;
    std::uint32_t size = 1;
    unsigned flags = 0, next = 0;
  };
  std::vector<Descriptor> direct, indirect = {};
  std::uint64_t table = kTable;
};
/// Returns `count` linked descriptors of one octet each.
std::vector<Chain::Descriptor> row(unsigned count) {
  std::vector<Chain::Descriptor> descriptors;
  for (unsigned i = 0; i < count; ++i) descriptors.push_back({i, kBuffer + i, 1, kNext, i + 1});
  descriptors.back().flags = 0;
  return descriptors;
}
constexpr std::uint32_t table_size(unsigned count) {
  return static_cast<std::uint32_t>(count * sizeof(vring_desc));
}

class ChainWalkTest : public VringTest {
 protected:
  /// Returns the buffers of a chain before its end or its fault.
  Buffers walk(const Chain& chain, Direction direction = Direction::kFromGuest) {
    const auto describe_all = [&](const std::vector<Chain::Descriptor>& descriptors, std::uint64_t table) {
      for (const Chain::Descriptor& one : descriptors) {
        describe(one.number,
                 {one.address, one.size, static_cast<std::uint16_t>(one.flags), static_cast<std::uint16_t>(one.next)},
                 table);
      }
    };
    describe_all(chain.direct, kDescriptors);
    describe_all(chain.indirect, chain.table);
    Vring vring = ring();
    ChainWalk walk(vring, static_cast<std::uint16_t>(chain.direct.front().number), direction);
    Buffers buffers;
    for (vring_desc buffer; walk.next(buffer);) buffers.emplace_back(buffer.addr, buffer.len);
    trouble = vring.trouble();
    return buffers;
  }
  void expect_good(const Chain& chain, const Buffers& buffers) {
    EXPECT_EQ(walk(chain), buffers);
    EXPECT_EQ(trouble.fault, VringFault::kNone);
  }
  /// Expects a fault with a value, after `before` good buffers.
  void expect_fault(const Chain& chain, VringFault fault, std::uint64_t value, std::size_t before = 0) {
    EXPECT_EQ(walk(chain).size(), before);
    EXPECT_EQ(trouble.fault, fault) << vring_fault_text(trouble.fault) << trouble.value;
    EXPECT_EQ(trouble.value, value);
  }

  VringTrouble trouble;
};

TEST_F(ChainWalkTest, GivesTheBuffersOfAChainInTheirOrder) {
  const Buffers buffers = {{0x1000, 10}, {0x5000, 20}, {0x3000, 30}};
  expect_good({{{4, 0x1000, 10, kNext, 63}, {63, 0x5000, 20, kNext, 2}, {2, 0x3000, 30, 0, 0xffff}}}, buffers);
  // The direction of a table's descriptor has no meaning.
  expect_good({{{4, kTable, table_size(3), kIndirect | kWrite}},
               {{0, 0x1000, 10, kNext, 2}, {2, 0x5000, 20, kNext, 1}, {1, 0x3000, 30}}},
              buffers);
  expect_good({{{4, 0x1000, 10, kNext, 9}, {9, kTable, table_size(2), kIndirect}},
               {{0, 0x5000, 20, kNext, 1}, {1, 0x3000, 30}}},
              buffers);
  const std::uint64_t between = kSecondRegion - table_size(1);
  expect_good({{{0, between, table_size(2), kIndirect}}, row(2), between}, {{kBuffer, 1}, {kBuffer + 1, 1}});
}

TEST_F(ChainWalkTest, EndsAtTheLimits) {
  EXPECT_EQ(walk({row(kSize)}).size(), kSize);
  EXPECT_EQ(trouble.fault, VringFault::kNone);
  EXPECT_EQ(walk({{{0, kTable, table_size(500), kIndirect}}, row(500)}).size(), 500U);
  EXPECT_EQ(trouble.fault, VringFault::kNone);
  size = 2048;
  EXPECT_EQ(walk({row(ChainWalk::kMaxDescriptors)}).size(), ChainWalk::kMaxDescriptors);
  EXPECT_EQ(trouble.fault, VringFault::kNone);
  expect_fault({row(ChainWalk::kMaxDescriptors + 1)}, VringFault::kLoop, 0, ChainWalk::kMaxDescriptors);
}

TEST_F(ChainWalkTest, ALoopIsAFault) {
  expect_fault({{{7, kBuffer, 1, kNext, 7}}}, VringFault::kLoop, 7, kSize);
  expect_fault({{{7, kBuffer, 1, kNext, 8}, {8, kBuffer, 1, kNext, 9}, {9, kBuffer, 1, kNext, 8}}}, VringFault::kLoop,
               7, kSize);
  const Buffers buffers =
      walk({{{7, kTable, table_size(2), kIndirect}}, {{0, kBuffer, 1, kNext, 1}, {1, 2, 1, kNext}}});
  EXPECT_LE(buffers.size(), kSize + 2);
  EXPECT_EQ(trouble.fault, VringFault::kLoop);
  EXPECT_EQ(trouble.value, 7U);
}

TEST_F(ChainWalkTest, ANextThatTheTableDoesNotHaveIsAFault) {
  expect_fault({{{0, kBuffer, 1, kNext, kSize}}}, VringFault::kNextOutOfRange, kSize);
  // The ring has such a descriptor, but the indirect table does not.
  expect_fault({{{0, kTable, table_size(2), kIndirect}}, {{0, kBuffer, 1, kNext, 2}}}, VringFault::kNextOutOfRange, 2);
}

TEST_F(ChainWalkTest, ABufferOfNoOctetsIsAFault) {
  expect_fault({{{0, kBuffer, 1, kNext, 1}, {1, 0x2000, 0}}}, VringFault::kEmpty, 0x2000, 1);
  expect_fault({{{0, kTable, table_size(1), kIndirect}}, {{0, 0x3000, 0}}}, VringFault::kEmpty, 0x3000);
}

TEST_F(ChainWalkTest, ABufferOfTheWrongDirectionIsAFault) {
  expect_fault({{{0, kBuffer, 1, kNext, 1}, {1, 0x2000, 1, kWrite}}}, VringFault::kDirection, 0x2000, 1);
  EXPECT_EQ(walk({{{0, kBuffer, 1, kNext | kWrite, 1}, {1, 0x2000}}}, Direction::kToGuest).size(), 1U);
  EXPECT_EQ(trouble.fault, VringFault::kDirection);
  EXPECT_EQ(walk({{{0, kBuffer, 1, kNext | kWrite, 1}, {1, 0x2000, 1, kWrite}}}, Direction::kToGuest).size(), 2U);
  EXPECT_EQ(trouble.fault, VringFault::kNone);
}

TEST_F(ChainWalkTest, AnIndirectTableOfNoMeaningIsAFault) {
  for (const std::uint32_t octets : {0U, 1U, 15U, 17U, table_size(ChainWalk::kMaxDescriptors + 1), 0xfffffff0U})
    expect_fault({{{0, kTable, octets, kIndirect}}}, VringFault::kIndirectTable, octets);
  expect_fault({{{0, kTable, table_size(1), kIndirect | kNext, 1}, {1, kBuffer}}}, VringFault::kIndirectNested, kTable);
  expect_fault(
      {{{0, kTable, table_size(2), kIndirect}}, {{0, kBuffer, 1, kNext, 1}, {1, 0x38000, table_size(1), kIndirect}}},
      VringFault::kIndirectNested, 0x38000, 1);
}

TEST_F(ChainWalkTest, ATableOutsideMemoryIsAFault) {
  for (const std::uint64_t table : {kGap, kFarRegion - 16, kFarRegion + kRegionSize, UINT64_MAX - 15})
    expect_fault({{{0, table, table_size(2), kIndirect}}}, VringFault::kOutsideMemory, table);
  expect_fault({{{0, kGap - 16, table_size(2), kIndirect}}, {{0, kBuffer, 1, kNext, 1}}, kGap - 16},
               VringFault::kOutsideMemory, kGap, 1);
}

// Memory.

TEST_F(VringTest, ABufferMayLieInTwoRegions) {
  Vring vring = ring();
  EXPECT_TRUE(vring.holds(kSecondRegion - 100, 200));
  EXPECT_TRUE(vring.holds(0, 2 * kRegionSize));
  EXPECT_EQ(vring.at(kSecondRegion - 100, 200).size, 100U);
  EXPECT_EQ(vring.trouble().fault, VringFault::kNone);
}

TEST_F(VringTest, ABufferOutsideMemoryIsAFault) {
  const std::vector<std::tuple<std::uint64_t, std::uint32_t, std::uint64_t>> cases = {
      {kGap, 1, kGap}, {kGap - 1, 2, kGap},         {kFarRegion - 1, 2, kFarRegion - 1},
      {0, ~0U, kGap},  {UINT64_MAX, 1, UINT64_MAX}, {kFarRegion, kRegionSize + 1, kFarRegion + kRegionSize}};
  for (const auto& [address, octets, outside] : cases) {
    Vring vring = ring();
    EXPECT_FALSE(vring.holds(address, octets));
    EXPECT_EQ(vring.trouble().fault, VringFault::kOutsideMemory);
    EXPECT_EQ(vring.trouble().value, outside);
  }
  Vring vring = ring();
  EXPECT_EQ(vring.at(kGap, 1).size, 0U);
  EXPECT_EQ(vring.trouble().fault, VringFault::kOutsideMemory);
}

class VringLogTest : public VringTest {
 protected:
  VringLogTest() : log(*GuardedMapping::map(log_file.get(), 0, kLogSize), kLogSize) {}
  /// Returns the marked pages and clears the marks.
  std::vector<std::uint64_t> marked() {
    std::vector<std::uint8_t> bits(kLogSize);
    EXPECT_EQ(::pread(log_file.get(), bits.data(), kLogSize, 0), ssize_t{kLogSize});
    const std::vector<std::uint8_t> none(kLogSize);
    EXPECT_EQ(::pwrite(log_file.get(), none.data(), kLogSize, 0), ssize_t{kLogSize});
    std::vector<std::uint64_t> pages;
    for (std::uint64_t page = 0; page < kLogSize * 8; ++page) {
      if ((bits[page / 8] >> page % 8 & 1) != 0) pages.push_back(page);
    }
    return pages;
  }

  static constexpr std::uint64_t kLogSize = 100;  // octets: 800 pages
  UniqueFd log_file = shared_file(kPage);
  DirtyLog log;
  using Pages = std::vector<std::uint64_t>;
};

TEST_F(VringLogTest, MarksThePagesThatWereWritten) {
  const Vring vring = ring(0, false, &log);
  vring.wrote(kPage - 1, 1);
  EXPECT_EQ(marked(), (Pages{0}));
  vring.wrote(9 * kPage - 1, 2);
  EXPECT_EQ(marked(), (Pages{8, 9}));
  vring.wrote(9 * kPage, 3 * kPage);
  EXPECT_EQ(marked(), (Pages{9, 10, 11}));
  vring.wrote(kPage, 0);
  vring.wrote(UINT64_MAX, 1);
  vring.wrote(800 * kPage, 1);
  EXPECT_EQ(marked(), (Pages{}));
  vring.wrote(799 * kPage, 2 * kPage);
  EXPECT_EQ(marked(), (Pages{799}));
  EXPECT_EQ(ring().memory_lost(), false);
  ring().wrote(0, 1);
  EXPECT_EQ(marked(), (Pages{}));
}

TEST_F(VringLogTest, MarksTheUsedRingWhenItIsPublished) {
  size = 1024;  // the used ring has two pages and some octets
  constexpr std::uint64_t kUsedPage = kUsed / kPage;
  Vring vring = ring_at(0, false, &log);
  vring.put_used(0, 0);
  EXPECT_EQ(marked(), (Pages{}));
  (void)vring.publish();
  EXPECT_EQ(marked(), (Pages{kUsedPage}));
  // Entries 511 and 1023 each cross a page boundary.
  vring = ring_at(511, false, &log);
  vring.put_used(0, 0);
  (void)vring.publish();
  EXPECT_EQ(marked(), (Pages{kUsedPage, kUsedPage + 1}));
  vring = ring_at(65535, false, &log);
  vring.put_used(0, 0);
  vring.put_used(0, 0);
  (void)vring.publish();
  EXPECT_EQ(marked(), (Pages{kUsedPage, kUsedPage + 1, kUsedPage + 2}));
}

TEST_F(VringLogTest, KnowsThatMemoryOrLogWasTruncated) {
  const Vring vring = ring(0, false, &log), unlogged = ring();
  EXPECT_FALSE(vring.memory_lost());
  ASSERT_EQ(::ftruncate(log_file.get(), 0), 0);
  vring.wrote(0, 1);
  EXPECT_TRUE(vring.memory_lost());
  EXPECT_FALSE(unlogged.memory_lost());
  ASSERT_EQ(::ftruncate(file.get(), 0), 0);
  *at(kFarRegion) = std::byte{1};
  EXPECT_TRUE(unlogged.memory_lost());
}

}  // namespace
}  // namespace rb
