// SPDX-License-Identifier: GPL-2.0-or-later
// Tests packed rings with random operations beside an oracle.
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

class Soak {
 public:
  explicit Soak(std::uint64_t seed)
      : random_(seed),
        size_(1U << from_to(0, 9)),
        base_(static_cast<std::uint16_t>(from_to(0, size_ - 1) | from_to(0, 1) << 15)),
        driver_(size_, base_) {
    for (std::uint64_t i = 0; i < kRegionSize; ++i)
      *driver_.at(kBuffers + i) = static_cast<std::byte>(random_() & 0xff);
    driver_.event_index = from_to(0, 1) == 1;
    ring_ = driver_.vring(base_);
  }
  void run() {
    for (int step = 0; step < 1500 && !::testing::Test::HasFailure(); ++step) {
      switch (from_to(0, 5)) {
        case 0:
        case 1:
          offer_some(from_to(1, 20));
          break;
        case 2:
          take_some(from_to(1, 40));
          break;
        case 3:
          put_some(from_to(1, 40));
          break;
        case 4:
          publish();
          break;
        default:
          if (from_to(0, 9) == 0) restart();
      }
    }
    EXPECT_EQ(ring_.trouble().fault, VringFault::kNone);
  }

 private:
  struct Chain {
    std::uint16_t id = 0, head = 0;
    Buffers buffers;
    bool in_table = false;
    std::uint32_t written = 0;
  };
  static constexpr unsigned kMaxTables = (kRegionSize - kTables) / (kTableRoom * sizeof(vring_packed_desc));
  std::uint32_t from_to(std::uint32_t least, std::uint32_t most) {
    return std::uniform_int_distribution<std::uint32_t>(least, most)(random_);
  }
  void offer_some(unsigned count) {
    for (unsigned i = 0; i < count && driver_.free != 0; ++i, ++number_) {
      Chain chain;
      chain.id = id_of(number_);
      chain.in_table = tables_ < kMaxTables && from_to(0, 4) == 0;
      const unsigned most = chain.in_table ? 20 : std::min(driver_.free, from_to(0, 9) == 0 ? size_ : 4U);
      for (std::uint32_t k = from_to(1, most); k != 0; --k)
        chain.buffers.push_back({kBuffers + from_to(0, kRegionSize - 50), from_to(1, 50)});
      const std::uint64_t table = kTables + next_table_ * kTableRoom * sizeof(vring_packed_desc);
      chain.head =
          chain.in_table ? driver_.offer_table(chain.id, chain.buffers, table) : driver_.offer(chain.id, chain.buffers);
      if (chain.in_table) {
        ++tables_;
        next_table_ = (next_table_ + 1) % kMaxTables;
      }
      chains_.push_back(chain);
    }
  }
  void take_some(unsigned wanted) {
    const std::size_t waiting = chains_.size() - taken_, ahead = taken_ - put_;
    const std::size_t expected = std::min<std::size_t>({wanted, waiting, PackedRing::kMaxAhead - ahead});
    ASSERT_EQ(ring_.available(wanted), expected);
    const unsigned take = from_to(0, static_cast<std::uint32_t>(expected));
    for (unsigned i = 0; i < take; ++i) {
      const Chain& chain = chains_[taken_ + i];
      ASSERT_EQ(ring_.head(i), chain.head);
      std::vector<Piece> room(ChainWalk::kMaxDescriptors);
      const auto found = find_chain(ring_, ring_.head(i), 0, 65550, room);
      ASSERT_TRUE(found) << vring_fault_text(ring_.trouble().fault);
      Octets octets(found->size), expected_octets;
      ChainReader({room.data(), found->piece_count}).read(octets.data(), octets.size());
      for (const Buffer& buffer : chain.buffers)
        expected_octets.insert(expected_octets.end(), driver_.at(buffer.address),
                               driver_.at(buffer.address) + buffer.size);
      ASSERT_TRUE(octets == expected_octets);
    }
    ring_.take(take);
    taken_ += take;
  }
  void put_some(unsigned count) {
    for (; count != 0 && put_ < taken_; --count) {
      Chain& chain = chains_[put_++];
      chain.written = from_to(0, 3) == 0 ? 0 : static_cast<std::uint32_t>(random_());
      ring_.put_used(chain.head, chain.written);
    }
    ASSERT_EQ(ring_.has_unpublished(), put_ != 0);
    ASSERT_FALSE(driver_.collect());
  }
  void publish() {
    if (ring_.has_unpublished()) (void)ring_.publish();
    for (; put_ != 0; --put_, --taken_) {
      const auto used = driver_.collect();
      const Chain chain = chains_.front();
      chains_.pop_front();
      tables_ -= chain.in_table ? 1 : 0;
      ASSERT_TRUE(used);
      ASSERT_EQ(used->at, chain.head);
      ASSERT_EQ(used->id, chain.id);
      ASSERT_EQ(used->written, chain.written);
      ASSERT_EQ(used->flags & ~(kAvailableBit | kUsedBit), chain.written == 0 ? 0 : kWrite);
    }
    ASSERT_FALSE(driver_.collect());
    ASSERT_EQ(ring_.next(), driver_.used_base());
  }
  void restart() {
    publish();
    ring_ = driver_.vring(ring_.next());
    taken_ = 0;
  }

  std::mt19937_64 random_;
  unsigned size_;
  std::uint16_t base_;
  Driver driver_;
  Vring ring_;
  std::deque<Chain> chains_;  // chains that the device has, in order; taken_ of them were taken, and put_ were put
  std::size_t taken_ = 0, put_ = 0;
  unsigned number_ = 0;
  unsigned tables_ = 0;  // number of tables of these chains
  std::uint64_t next_table_ = 0;
};

TEST(PackedRing, KeepsOrderAndContentsWhateverHappens) {
  for (std::uint64_t seed = 0; seed < 60 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    Soak(seed).run();
  }
}

}  // namespace
}  // namespace rb::test
