// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the driver's side of both kinds of ring against a device that is written from virtio 1.2 alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "bench/load/packed_queue.hpp"
#include "bench/load/split_queue.hpp"
#include "bench/load/super_frame.hpp"

namespace bench {
namespace {

constexpr std::uint16_t kSize = 64;
constexpr std::size_t kMostOctets = 200;
constexpr std::uint64_t kGuestAddress = 0x100000;  // the address of the memory's first octet

/// Memory of a guest, with a ring and its buffers.
struct Memory {
  struct alignas(kCacheLine) Octets {
    std::array<std::byte, 1 << 16> octets{};
  };

  [[nodiscard]] RingSettings settings(bool promises_order) const {
    constexpr std::size_t kBuffers = 1 << 14;
    static_assert(kBuffers + RingBuffers::octets(kSize, kMostOctets) <= sizeof(Octets));
    return {.name = "test",
            .size = kSize,
            .promises_order = promises_order,
            .buffers = RingBuffers::at(octets() + kBuffers, kGuestAddress + kBuffers, kMostOctets)};
  }
  [[nodiscard]] std::byte* at(std::uint64_t address) const { return octets() + (address - kGuestAddress); }
  [[nodiscard]] std::byte* octets() const { return all->octets.data(); }

  std::unique_ptr<Octets> all = std::make_unique<Octets>();
};

/// A chain that a device has taken and not yet given back.
struct Taken {
  std::byte* octets;
  std::uint32_t size;
  std::uint16_t id;
};

/// A device of a split ring. It accepts only chains of one descriptor.
class SplitDevice {
 public:
  using Sender = SplitSender;
  using Receiver = SplitReceiver;

  SplitDevice(const Memory& memory, const RingDescription& ring)
      : memory_(memory),
        descriptors_(static_cast<const vring_desc*>(ring.descriptors)),
        avail_(static_cast<const vring_avail*>(ring.driver_area)),
        used_(static_cast<vring_used*>(const_cast<void*>(ring.device_area))) {
    EXPECT_EQ(avail_->flags, VRING_AVAIL_F_NO_INTERRUPT);
  }

  void take_all(bool to_guest) {
    for (; next_ != avail_->idx; ++next_) {
      const std::uint16_t head = avail_->ring[next_ % kSize];
      const vring_desc& descriptor = descriptors_[head];
      EXPECT_EQ(descriptor.flags, to_guest ? VRING_DESC_F_WRITE : 0);
      taken.push_back({memory_.at(descriptor.addr), descriptor.len, head});
    }
  }
  /// Gives the first `count` chains back, each with `octets` octets; as one batch if `together` is set.
  void give_back(std::size_t count, std::uint32_t octets, bool together) {
    const std::uint16_t begin = used_->idx;
    for (std::size_t i = 0; i < count; ++i) {
      if (!together) used_->ring[(begin + i) % kSize] = {taken.front().id, octets};
      if (together && i + 1 == count) used_->ring[begin % kSize] = {taken.front().id, octets};
      taken.pop_front();
    }
    used_->idx = static_cast<std::uint16_t>(begin + count);
  }
  void ask_for_kicks(bool wanted) { used_->flags = wanted ? 0 : VRING_USED_F_NO_NOTIFY; }

  std::deque<Taken> taken;

 private:
  const Memory& memory_;
  const vring_desc* descriptors_;
  const vring_avail* avail_;
  vring_used* used_;
  std::uint16_t next_ = 0;
};

class PackedDevice {
 public:
  using Sender = PackedSender;
  using Receiver = PackedReceiver;

  PackedDevice(const Memory& memory, const RingDescription& ring)
      : memory_(memory),
        ring_(static_cast<vring_packed_desc*>(const_cast<void*>(ring.descriptors))),
        driver_event_(static_cast<const vring_packed_desc_event*>(ring.driver_area)),
        device_event_(static_cast<vring_packed_desc_event*>(const_cast<void*>(ring.device_area))) {
    EXPECT_EQ(driver_event_->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
  }

  void take_all(bool to_guest) {
    for (;;) {
      const vring_packed_desc& descriptor = ring_[next_.at];
      const bool available = (descriptor.flags & kAvail) != 0, used = (descriptor.flags & kUsed) != 0;
      if (available != next_.wrap || used == next_.wrap) return;
      EXPECT_EQ(descriptor.flags & ~(kAvail | kUsed), to_guest ? VRING_DESC_F_WRITE : 0);
      taken.push_back({memory_.at(descriptor.addr), descriptor.len, descriptor.id});
      next_.advance();
    }
  }
  void give_back(std::size_t count, std::uint32_t octets, bool together) {
    const Position begin = used_;
    for (std::size_t i = 0; i < count; ++i) {
      if (!together) write_used(used_, taken.front().id, octets);
      if (together && i + 1 == count) write_used(begin, taken.front().id, octets);
      taken.pop_front();
      used_.advance();
    }
  }
  void ask_for_kicks(bool wanted) {
    device_event_->flags = wanted ? VRING_PACKED_EVENT_FLAG_ENABLE : VRING_PACKED_EVENT_FLAG_DISABLE;
  }

  std::deque<Taken> taken;

 private:
  static constexpr std::uint16_t kAvail = 1 << 7, kUsed = 1 << 15;
  struct Position {
    std::uint16_t at = 0;
    bool wrap = true;
    void advance() {
      at = static_cast<std::uint16_t>((at + 1) % kSize);
      if (at == 0) wrap = !wrap;
    }
  };
  void write_used(Position position, std::uint16_t id, std::uint32_t octets) {
    // The address of a used descriptor has no meaning.
    ring_[position.at] = {.addr = 0xdead,
                          .len = octets,
                          .id = id,
                          .flags = static_cast<std::uint16_t>(position.wrap ? kAvail | kUsed : 0)};
  }

  const Memory& memory_;
  vring_packed_desc* ring_;
  const vring_packed_desc_event* driver_event_;
  vring_packed_desc_event* device_event_;
  Position next_, used_;
};

/// Returns a generator of numbers that look random and are the same each time.
auto numbers() {
  return [engine = std::mt19937(1)]() mutable { return static_cast<std::uint32_t>(engine()); };
}

template <class Device>
class VhostQueues : public testing::Test {};
using Devices = testing::Types<SplitDevice, PackedDevice>;
TYPED_TEST_SUITE(VhostQueues, Devices);

TYPED_TEST(VhostQueues, SendsEveryFrameOnceAndInOrder) {
  for (const bool in_order : {false, true}) {
    Memory memory;
    typename TypeParam::Sender sender(memory.octets(), memory.settings(in_order));
    TypeParam device(memory, sender.description());
    auto random = numbers();
    std::uint32_t sent = 0, seen = 0;
    std::size_t under_way = 0;
    // There are enough rounds for the 16-bit indices of split rings to wrap.
    for (int round = 0; round < 8000; ++round) {
      const unsigned wanted = random() % 40;
      const unsigned room = sender.room(wanted);
      ASSERT_EQ(room, std::min<std::size_t>(wanted, kSize - under_way));
      std::vector<std::uint32_t> sizes;
      for (unsigned i = 0; i < room; ++i) {
        sizes.push_back(random() % 8 == 0 ? 60 + random() % 100 : 60);
        std::memcpy(sender.frame(i), &sent, sizeof sent);
        ++sent;
      }
      sender.publish(sizes);
      under_way += room;
      const std::size_t before = device.taken.size();
      device.take_all(false);
      ASSERT_EQ(device.taken.size(), before + room);
      for (unsigned i = 0; i < room; ++i, ++seen) {
        const Taken& taken = device.taken[before + i];
        ASSERT_EQ(taken.size, sizes[i] + sizeof(rb::VnetHeader));
        std::uint32_t number = 0;
        std::memcpy(&number, taken.octets + sizeof(rb::VnetHeader), sizeof number);
        ASSERT_EQ(number, seen);
      }
      const std::size_t back = random() % (device.taken.size() + 1);
      if (back == 0) continue;
      device.give_back(back, 0, in_order);
      under_way -= back;
    }
    EXPECT_GT(sent, 1U << 17);
  }
}

TYPED_TEST(VhostQueues, ReceivesEveryFrameOnceAndInOrder) {
  Memory memory;
  typename TypeParam::Receiver receiver(memory.octets(), memory.settings(true));
  TypeParam device(memory, receiver.description());
  auto random = numbers();
  std::uint32_t written = 0, seen = 0;
  std::size_t filled = 0, taken = 0;
  for (int round = 0; round < 8000; ++round) {
    device.take_all(true);
    ASSERT_EQ(device.taken.size() + filled + taken, std::size_t{kSize});
    for (std::size_t left = random() % (device.taken.size() + 1); left != 0; --left) {
      ASSERT_EQ(device.taken.front().size, kMostOctets + sizeof(rb::VnetHeader));
      std::memcpy(device.taken.front().octets + sizeof(rb::VnetHeader), &written, sizeof written);
      device.give_back(1, 60 + written % 100, false);
      ++written, ++filled;
    }
    const unsigned wanted = random() % 40;
    const unsigned count = receiver.filled(wanted);
    ASSERT_EQ(count, std::min<std::size_t>(wanted, filled));
    for (unsigned i = 0; i < count; ++i, ++seen) {
      ASSERT_EQ(receiver.length(i), 60 + seen % 100);
      ASSERT_EQ(std::memcmp(receiver.frame(i), &seen, sizeof seen), 0);
    }
    receiver.take(count);
    filled -= count, taken += count;
    ASSERT_EQ(receiver.has_taken(), taken != 0);
    if (random() % 2 == 0) continue;
    receiver.give_back();
    taken = 0;
  }
  EXPECT_GT(seen, 1U << 16);
}

TYPED_TEST(VhostQueues, KicksOnceForWhatASwitchThatSleepsHasNotTaken) {
  Memory memory;
  typename TypeParam::Sender sender(memory.octets(), memory.settings(true));
  TypeParam device(memory, sender.description());
  const std::array<std::uint32_t, 2> sizes{60, 60};
  device.ask_for_kicks(true);
  EXPECT_FALSE(sender.kick_is_due()) << "there is no frame to take";
  device.ask_for_kicks(false);
  sender.publish(sizes);
  EXPECT_FALSE(sender.kick_is_due());
  device.ask_for_kicks(true);  // the device goes to sleep before it sees the chains
  EXPECT_TRUE(sender.kick_is_due());
  EXPECT_FALSE(sender.kick_is_due());
  sender.publish(sizes);
  EXPECT_TRUE(sender.kick_is_due());
  sender.publish(sizes);
  device.take_all(false);
  device.give_back(6, 0, false);
  EXPECT_FALSE(sender.kick_is_due()) << "the device has taken all frames";
}

TYPED_TEST(VhostQueues, EndTheProgramWhenBuffersComeBackOutOfOrder) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        Memory memory;
        typename TypeParam::Receiver receiver(memory.octets(), memory.settings(true));
        TypeParam device(memory, receiver.description());
        device.take_all(true);
        device.taken.pop_front();
        device.give_back(1, 100, false);
        if (receiver.filled(1) == 1) (void)receiver.length(0);
      },
      testing::ExitedWithCode(1), "test: the switch gives back buffers out of order");
}

TEST(RingBuffers, LieApartByAnOddNumberOfLines) {
  for (const std::size_t most : {64U, 65U, 9018U, 65553U}) {
    const std::size_t stride = RingBuffers::stride_of(most);
    EXPECT_EQ(stride / kCacheLine % 2, 1U);
    EXPECT_EQ(stride % kCacheLine, 0U);
    EXPECT_GE(stride, most + kCacheLine);
  }
}

TEST(SuperFrame, HasHeadersThatTheOtherEndBelieves) {
  for (const std::size_t ethernet_size : {14U, 18U}) {
    std::vector<std::byte> frame(ethernet_size + 65535);
    if (ethernet_size == 18) super_frame::put(frame.data() + 12, 0x8100);
    write_tcp_headers(frame, ethernet_size);
    const std::byte* const ip = frame.data() + ethernet_size;
    EXPECT_EQ(super_frame::sum(ip, 10), 0xffffU);
    EXPECT_EQ(super_frame::get(ip + 2), 65535U);
    const rb::VnetHeader header = header_for(frame);
    EXPECT_EQ(header.flags, rb::kVnetNeedsCsum);
    EXPECT_EQ(header.gso_type, rb::kGsoTcpV4);
    EXPECT_EQ(header.hdr_len, ethernet_size + 40);
    EXPECT_EQ(header.csum_start, ethernet_size + 20);
    // The sum over the pseudo-header: addresses, 0x0006, and the length of the TCP header and data.
    const unsigned addresses = super_frame::sum(ip + 12, 4);
    EXPECT_EQ(super_frame::get(ip + 36), (addresses + 6 + 65515) % 0xffff);
  }
}

TEST(SuperFrame, IsOnlyWhatAWireDoesNotTake) {
  std::vector<std::byte> frame(1514);
  write_tcp_headers(frame, 14);
  EXPECT_EQ(header_for(frame).gso_type, rb::kGsoNone);
  std::vector<std::byte> other(9000);
  EXPECT_EQ(header_for(other).gso_type, rb::kGsoNone);
}

}  // namespace
}  // namespace bench
