// SPDX-License-Identifier: GPL-2.0-or-later
// Tests frames in chains beside a naive oracle: the guest's whole memory as one array of octets, indexed by guest
// address.
#include "ports/vhost/guest_frames.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <vector>

namespace rb {
namespace {

using Octets = std::vector<std::byte>;
using Sizes = std::vector<std::uint32_t>;

constexpr std::uint64_t kPage = 4096,
                        kRegionSize = 0x40000;  // two regions of this size touch; guest addresses begin at 0
constexpr std::uint64_t kMemorySize = 2 * kRegionSize;
constexpr std::uint64_t kDescriptors = 0, kAvailable = 0x4000, kUsed = 0x5000, kTables = 0x8000, kBuffers = 0x18000;
constexpr unsigned kSize = 1024, kInTables = 4096;  // numbers of descriptors
constexpr std::uint32_t kMaxFrame = 65550;

struct Buffer {
  std::uint64_t address = 0;
  std::uint32_t size = 0;
};
struct Chain {
  std::uint16_t head = 0;
  std::vector<Buffer> buffers;
};

/// A guest with its driver, and the expected contents of its memory.
class Guest {
 public:
  explicit Guest(std::uint64_t seed) : random_(seed), image_(kMemorySize), heads_(kSize) {
    EXPECT_EQ(::ftruncate(file_.get(), kMemorySize), 0);
    // In the file the two regions are in the opposite order.
    EXPECT_TRUE(memory_.add({0, kRegionSize, 0, kRegionSize}, file_.get()));
    EXPECT_TRUE(memory_.add({kRegionSize, kRegionSize, kRegionSize, 0}, file_.get()));
    for (std::uint64_t at = kBuffers; at < kMemorySize; at += sizeof(std::uint64_t)) put(at, std::uint64_t{random_()});
    std::iota(heads_.begin(), heads_.end(), std::uint16_t{0});
    std::shuffle(heads_.begin(), heads_.end(), random_);
    first_ = static_cast<std::uint16_t>(random_());
    put(kUsed + 2, first_);
  }

  [[nodiscard]] std::uint32_t from_to(std::uint32_t least, std::uint32_t most) {
    return std::uniform_int_distribution<std::uint32_t>(least, most)(random_);
  }
  /// Cuts a number of octets at random into at most `count` pieces.
  [[nodiscard]] Sizes cut(std::uint32_t octets, std::uint32_t count) {
    std::set<std::uint32_t> ends = {octets};
    for (std::uint32_t i = 1; i < count; ++i) ends.insert(from_to(1, octets));
    Sizes sizes(ends.size());
    std::adjacent_difference(ends.begin(), ends.end(), sizes.begin());
    return sizes;
  }
  [[nodiscard]] Octets some_octets(std::uint32_t size) {
    Octets octets(size);
    std::generate(octets.begin(), octets.end(), [&] { return static_cast<std::byte>(random_() & 0xff); });
    return octets;
  }

  /// Offers a chain of buffers of these sizes. The descriptors are in the ring, or in an indirect table, or the first
  /// one is in the ring and the others are in a table.
  void offer(const Sizes& sizes, std::uint16_t flags) {
    Chain& chain = chains.emplace_back();
    chain.head = heads_[next_head_];
    const std::size_t direct = from_to(0, 1) == 0 ? sizes.size() : from_to(0, 1);
    const std::uint64_t table = kTables + next_in_table_ * sizeof(vring_desc);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const Buffer& buffer = chain.buffers.emplace_back(next_address_, sizes[i]);
      next_address_ += sizes[i] + from_to(0, 40);
      if (i == direct) put_table(table, sizes.size() - direct);
      const bool last = i + 1 == sizes.size();
      vring_desc descriptor{buffer.address, buffer.size, flags, 0};
      if (!last) descriptor.flags |= VRING_DESC_F_NEXT;
      if (i < direct) {
        descriptor.next = heads_[next_head_ + 1];
        put(kDescriptors + heads_[next_head_++] * sizeof descriptor, descriptor);
      } else {
        descriptor.next = static_cast<std::uint16_t>(i - direct + 1);
        put(table + (i - direct) * sizeof descriptor, descriptor);
      }
    }
    ASSERT_LT(next_head_, kSize);
    ASSERT_LE(next_in_table_, kInTables);
    ASSERT_LE(next_address_, kMemorySize);
    offer_head(chain.head);
  }
  void offer_head(std::uint16_t head) {
    put(kAvailable + 4 + static_cast<std::uint16_t>(first_ + offered_++) % kSize * 2, head);
    put(kAvailable + 2, static_cast<std::uint16_t>(first_ + offered_));
  }
  template <typename T>
  void put(std::uint64_t address, const T& value) {
    std::memcpy(&image_[address], &value, sizeof value);
  }
  /// Returns the ring after writing everything to memory.
  [[nodiscard]] Vring ring(const DirtyLog* log = nullptr) {
    EXPECT_EQ(::pwrite(file_.get(), image_.data(), kRegionSize, kRegionSize), ssize_t{kRegionSize});
    EXPECT_EQ(::pwrite(file_.get(), image_.data() + kRegionSize, kRegionSize, 0), ssize_t{kRegionSize});
    const VringLayout layout = {.size = kSize,
                                .descriptors = reinterpret_cast<const vring_desc*>(in_memory(kDescriptors)),
                                .available = reinterpret_cast<const vring_avail*>(in_memory(kAvailable)),
                                .used = reinterpret_cast<vring_used*>(in_memory(kUsed)),
                                .used_guest_address = kUsed};
    return {layout, first_, false, memory_, log, nullptr};
  }

  // These functions read the guest's memory.
  [[nodiscard]] std::byte* in_memory(std::uint64_t address) const {
    std::size_t hint = 0;
    return memory_.at(address, 1, hint).data;
  }
  /// The number of used chains. The next function returns one of them.
  [[nodiscard]] unsigned used_count() const {
    return static_cast<std::uint16_t>(reinterpret_cast<const vring_used*>(in_memory(kUsed))->idx - first_);
  }
  [[nodiscard]] vring_used_elem used(unsigned number) const {
    return reinterpret_cast<const vring_used*>(in_memory(kUsed))
        ->ring[static_cast<std::uint16_t>(first_ + number) % kSize];
  }
  [[nodiscard]] Octets believed(const Chain& chain) const {
    Octets octets;
    for (const Buffer& buffer : chain.buffers)
      octets.insert(octets.end(), &image_[buffer.address], &image_[buffer.address] + buffer.size);
    return octets;
  }
  void believe(std::uint64_t address, std::byte octet) { image_[address] = octet; }
  /// The device may have written anything into a chain that it still has.
  void believe_what_is_in(const Chain& chain) {
    std::size_t hint = 0;
    for (const Buffer& buffer : chain.buffers) {
      for (std::uint32_t at = 0; at < buffer.size;) {
        const Piece piece = memory_.at(buffer.address + at, buffer.size - at, hint);
        std::copy_n(piece.data, piece.size, &image_[buffer.address + at]);
        at += piece.size;
      }
    }
  }
  /// True if memory has the expected contents. The rings are not compared.
  [[nodiscard]] bool is_as_believed() const {
    return std::equal(image_.begin() + kBuffers, image_.begin() + kRegionSize, in_memory(kBuffers)) &&
           std::equal(image_.begin() + kRegionSize, image_.end(), in_memory(kRegionSize));
  }

  std::vector<Chain> chains;

 private:
  void put_table(std::uint64_t table, std::size_t count) {
    const auto size = static_cast<std::uint32_t>(count * sizeof(vring_desc));
    put(kDescriptors + heads_[next_head_++] * sizeof(vring_desc), vring_desc{table, size, VRING_DESC_F_INDIRECT, 0});
    next_in_table_ += count;
  }

  std::mt19937_64 random_;
  UniqueFd file_{::memfd_create("guest_frames_test", MFD_CLOEXEC)};
  GuestMemory memory_;
  Octets image_;
  std::vector<std::uint16_t> heads_;  // numbers of descriptors, in the order of their use
  std::size_t next_head_ = 0, next_in_table_ = 0;
  std::uint64_t next_address_ = kBuffers;
  std::uint16_t first_ = 0;  // the index with which both rings begin
  std::uint16_t offered_ = 0;
};

/// A random size between the smallest and the largest frame. Small sizes are as frequent as large ones.
std::uint32_t frame_size(Guest& guest) {
  return guest.from_to(14, std::vector{100U, 1514U, 9000U, kMaxFrame}[guest.from_to(0, 3)]);
}

// Frames from the guest.

/// Reads a chain in several steps, the last steps through its pieces.
Octets read_in_steps(Guest& guest, std::span<const Piece> pieces, std::uint32_t size) {
  Octets octets(size);
  ChainReader reader(pieces);
  std::size_t at = 0;
  for (const std::uint32_t step : guest.cut(guest.from_to(1, size), 4)) {
    reader.read(octets.data() + at, step);
    at += step;
  }
  std::vector<Piece> rest(pieces.size());
  const std::size_t count = reader.rest(rest);
  for (std::size_t i = 0; i < count; at += rest[i++].size) {
    if (at + rest[i].size > size) return {};
    std::copy_n(rest[i].data, rest[i].size, octets.begin() + static_cast<std::ptrdiff_t>(at));
  }
  EXPECT_EQ(at, size);
  return octets;
}

TEST(FindChain, FindsAllOctetsOfAChain) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Guest guest(seed);
    for (int i = 0; i < 3; ++i)
      guest.offer(guest.cut(12 + frame_size(guest), guest.from_to(1, guest.from_to(1, 200))), 0);
    Vring ring = guest.ring();
    ASSERT_EQ(ring.available(8), guest.chains.size());
    for (unsigned i = 0; i < guest.chains.size(); ++i) {
      std::vector<Piece> pieces(ChainWalk::kMaxDescriptors);
      const std::optional<SentChain> found = find_chain(ring, ring.head(i), 12, kMaxFrame, pieces);
      ASSERT_TRUE(found) << "seed " << seed;
      const Octets believed = guest.believed(guest.chains[i]);
      ASSERT_EQ(found->size, believed.size()) << "seed " << seed;
      ASSERT_TRUE(read_in_steps(guest, {pieces.data(), found->piece_count}, found->size) == believed)
          << "seed " << seed;
    }
  }
}

TEST(FindChain, RefusesWhatIsTooShortTooLongOrOutside) {
  const auto fault_of = [](std::uint32_t size, std::uint32_t header_size, std::size_t room) {
    Guest guest(1);
    guest.put(kDescriptors, vring_desc{kBuffers, size - 1, VRING_DESC_F_NEXT, 1});
    guest.put(kDescriptors + sizeof(vring_desc), vring_desc{kBuffers, 1, 0, 0});
    guest.offer_head(0);
    Vring ring = guest.ring();
    std::vector<Piece> pieces(room);
    EXPECT_EQ(ring.available(1), 1U);
    const bool found = find_chain(ring, ring.head(0), header_size, 1000, pieces).has_value();
    EXPECT_EQ(found, ring.trouble().fault == VringFault::kNone);
    return ring.trouble().fault;
  };
  EXPECT_EQ(fault_of(9, 10, 2), VringFault::kTooShort);
  EXPECT_EQ(fault_of(10, 10, 2), VringFault::kNone);
  EXPECT_EQ(fault_of(11, 12, 2), VringFault::kTooShort);
  EXPECT_EQ(fault_of(1012, 12, 2), VringFault::kNone);
  EXPECT_EQ(fault_of(1013, 12, 2), VringFault::kTooLong);
  EXPECT_NE(fault_of(100, 12, 1), VringFault::kNone);
  EXPECT_EQ(fault_of(kMemorySize, 12, 8), VringFault::kOutsideMemory);
}

// Frames to the guest.

/// A frame in pieces, with an arbitrary header.
struct SomeFrame {
  SomeFrame(Guest& guest, std::uint32_t size) : octets(guest.some_octets(size)) {
    std::memcpy(static_cast<void*>(&vnet), guest.some_octets(sizeof vnet).data(), sizeof vnet);
    std::byte* at = octets.data();
    for (const std::uint32_t piece : guest.cut(size, guest.from_to(1, 5))) {
      pieces.push_back({at, piece});
      at += piece;
    }
    view = {&vnet, pieces.data(), size, static_cast<std::uint16_t>(pieces.size()), 0};
  }
  Octets octets;
  std::vector<Piece> pieces;
  VnetHeader vnet;
  Frame view;
};

/// Does the device's work with a frame, octet by octet. Returns the number of chains that the frame takes, from chain
/// `next` on, or 0 if it does not fit. Adds the written pages to `pages`.
unsigned put_naively(Guest& guest, std::size_t next, const SomeFrame& frame, GuestReceive receive,
                     Sizes* written = nullptr, std::set<std::uint64_t>* pages = nullptr) {
  const std::size_t size = receive.header_size + frame.octets.size();
  const std::size_t end = receive.mergeable ? guest.chains.size() : std::min(next + 1, guest.chains.size());
  std::vector<std::pair<std::uint64_t, std::size_t>> places;  // an address, and the chain to which it belongs
  for (std::size_t i = next; i < end; ++i) {
    for (const Buffer& buffer : guest.chains[i].buffers) {
      for (std::uint64_t k = 0; k < buffer.size && places.size() < size; ++k)
        places.emplace_back(buffer.address + k, i - next);
    }
  }
  if (places.size() < size) return 0;
  const auto count = static_cast<unsigned>(places[size - 1].second + 1);
  VnetHeader header = frame.vnet;
  header.num_buffers = static_cast<std::uint16_t>(count);
  Octets whole(size);
  std::memcpy(whole.data(), &header, receive.header_size);
  std::copy(frame.octets.begin(), frame.octets.end(), whole.begin() + receive.header_size);
  if (written != nullptr) written->assign(count, 0);
  for (std::size_t i = 0; i < size; ++i) {
    guest.believe(places[i].first, whole[i]);
    if (written != nullptr) ++(*written)[places[i].second];
    if (pages != nullptr) pages->insert(places[i].first / kPage);
  }
  return count;
}

/// Puts frames of any size until the third frame that does not fit.
void put_frames(std::uint64_t seed, GuestReceive receive) {
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  Guest guest(seed);
  // Half of the guests have small buffers, as guests with mergeable buffers have.
  const std::uint32_t largest = guest.from_to(0, 1) == 0 ? 2048 : 100000;
  for (std::uint32_t room = 350000; room > largest + 12 && guest.chains.size() < 200;) {
    const std::uint32_t size = guest.from_to(1, largest);
    guest.offer(guest.cut(size, guest.from_to(1, 4)), VRING_DESC_F_WRITE);
    room -= size + 160;
  }
  Vring ring = guest.ring();
  unsigned taken = 0;
  for (int misses = 0; misses < 3;) {
    const SomeFrame frame(guest, frame_size(guest));
    Sizes written;
    const unsigned fits = put_naively(guest, taken, frame, receive, &written);
    unsigned budget = 1000;
    const std::optional<DropReason> dropped = put_frame(frame.view, frame.vnet, receive, ring, budget);
    (void)ring.publish();
    ASSERT_EQ(ring.trouble().fault, VringFault::kNone);
    ASSERT_EQ(dropped.has_value(), fits == 0);
    if (fits == 0) {
      ++misses;
      const bool full = receive.mergeable || taken == guest.chains.size();
      ASSERT_EQ(*dropped, full ? DropReason::kEgressFull : DropReason::kOverMtu);
      for (std::size_t i = taken; i < guest.chains.size(); ++i) guest.believe_what_is_in(guest.chains[i]);
    }
    ASSERT_EQ(guest.used_count(), taken + fits);
    ASSERT_EQ(ring.available(kSize), guest.chains.size() - taken - fits);
    for (unsigned i = 0; i < fits; ++i) {
      ASSERT_EQ(guest.used(taken + i).id, guest.chains[taken + i].head);
      ASSERT_EQ(guest.used(taken + i).len, written[i]);
    }
    ASSERT_TRUE(guest.is_as_believed());
    taken += fits;
  }
}

void put_frames_of_many_guests(GuestReceive receive) {
  for (std::uint64_t seed = 0; seed < 50 && !::testing::Test::HasFatalFailure(); ++seed) put_frames(seed, receive);
}

TEST(PutFrame, PutsAFrameIntoOneChain) {
  put_frames_of_many_guests({.header_size = 12});
  put_frames_of_many_guests({.header_size = 10});
}

TEST(PutFrame, PutsAFrameIntoSeveralChainsAndCountsThem) {
  put_frames_of_many_guests({.header_size = 12, .mergeable = true});
}

TEST(PutFrame, MarksThePagesThatItWrites) {
  constexpr std::uint64_t kLogSize = kMemorySize / kPage / 8;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Guest guest(seed);
    const UniqueFd file(::memfd_create("log", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(file.get(), kLogSize), 0);
    const DirtyLog log(*GuardedMapping::map(file.get(), 0, kLogSize), kLogSize);
    for (int i = 0; i < 40; ++i) guest.offer(guest.cut(4000, 3), VRING_DESC_F_WRITE);
    const GuestReceive receive{.header_size = 12, .mergeable = true};
    const SomeFrame frame(guest, frame_size(guest));
    std::set<std::uint64_t> pages, marked;
    ASSERT_NE(put_naively(guest, 0, frame, receive, nullptr, &pages), 0U);
    Vring ring = guest.ring(&log);
    unsigned budget = 1000;
    ASSERT_FALSE(put_frame(frame.view, frame.vnet, receive, ring, budget));
    Octets bits(kLogSize);
    ASSERT_EQ(::pread(file.get(), bits.data(), kLogSize, 0), ssize_t{kLogSize});
    for (std::uint64_t page = 0; page < kLogSize * 8; ++page) {
      if ((bits[page / 8] >> page % 8 & std::byte{1}) != std::byte{0}) marked.insert(page);
    }
    ASSERT_EQ(marked, pages) << "seed " << seed;
  }
}

/// A frame of 150 octets needs two chains, and the second one is bad. Expects that the frame uses no chain.
void expect_refusal(VringFault fault, const vring_desc& second, std::uint16_t second_head = 1) {
  Guest guest(1);
  guest.put(kDescriptors, vring_desc{kBuffers, 100, VRING_DESC_F_WRITE, 0});
  guest.put(kDescriptors + sizeof(vring_desc), second);
  guest.offer_head(0);
  guest.offer_head(second_head);
  Vring ring = guest.ring();
  const SomeFrame frame(guest, 150);
  unsigned budget = 1000;
  EXPECT_EQ(put_frame(frame.view, frame.vnet, {.header_size = 12, .mergeable = true}, ring, budget),
            DropReason::kEgressError);
  EXPECT_EQ(ring.trouble().fault, fault) << vring_fault_text(ring.trouble().fault);
  EXPECT_FALSE(ring.has_unpublished());
  (void)ring.publish();
  EXPECT_EQ(guest.used_count(), 0U);
  const SomeFrame small(guest, 50);  // a frame for which the first chain is large enough
  EXPECT_EQ(put_frame(small.view, small.vnet, {.header_size = 12}, ring, budget), DropReason::kEgressError);
  EXPECT_FALSE(ring.has_unpublished());
}

TEST(PutFrame, UsesNoChainWhenOneOfThemIsBad) {
  constexpr std::uint16_t kWrite = VRING_DESC_F_WRITE, kNext = VRING_DESC_F_NEXT;
  expect_refusal(VringFault::kDirection, {kBuffers + 0x1000, 100, 0, 0});
  expect_refusal(VringFault::kOutsideMemory, {kMemorySize, 100, kWrite, 0});
  expect_refusal(VringFault::kOutsideMemory,
                 {kMemorySize - 90, 100, kWrite, 0});  // the bad part is beyond the octets that the frame needs
  expect_refusal(VringFault::kEmpty, {kBuffers + 0x1000, 0, kWrite, 0});
  expect_refusal(VringFault::kNextOutOfRange, {kBuffers + 0x1000, 100, kWrite | kNext, kSize});
  expect_refusal(VringFault::kIndirectTable, {kTables, 17, VRING_DESC_F_INDIRECT, 0});
  expect_refusal(VringFault::kHeadOutOfRange, {kBuffers + 0x1000, 100, kWrite, 0}, kSize);
}

TEST(PutFrame, TakesNoChainThatBeginsWithADescriptorThatIsNone) {
  Guest guest(1);
  guest.put(kDescriptors, vring_desc{kBuffers, 2000, VRING_DESC_F_WRITE, 0});
  guest.offer_head(kSize);
  Vring ring = guest.ring();
  const SomeFrame frame(guest, 150);
  unsigned budget = 1000;
  EXPECT_EQ(put_frame(frame.view, frame.vnet, {.header_size = 12}, ring, budget), DropReason::kEgressError);
  EXPECT_FALSE(ring.has_unpublished());
  EXPECT_TRUE(guest.is_as_believed());
}

TEST(PutFrame, TakesNoMoreBuffersThanItsBudget) {
  Guest guest(64);
  for (int i = 0; i < 40; ++i) guest.offer(guest.cut(100, 1), VRING_DESC_F_WRITE);
  Vring ring = guest.ring();
  const SomeFrame frame(guest, 1000);
  unsigned budget = 1000;
  EXPECT_EQ(put_frame(frame.view, frame.vnet, {.header_size = 12, .mergeable = true}, ring, budget), std::nullopt);
  EXPECT_LE(budget, 1000U - 11U);
  budget = 1;
  EXPECT_EQ(put_frame(frame.view, frame.vnet, {.header_size = 12, .mergeable = true}, ring, budget), std::nullopt);
  EXPECT_EQ(budget, 0U);
  EXPECT_EQ(put_frame(frame.view, frame.vnet, {.header_size = 12, .mergeable = true}, ring, budget),
            DropReason::kEgressFull);
}

}  // namespace
}  // namespace rb
