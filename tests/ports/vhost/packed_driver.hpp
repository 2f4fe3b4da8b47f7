// SPDX-License-Identifier: GPL-2.0-or-later
// A naive driver of packed rings. It handles one descriptor after the other, as virtio 1.2 2.8 describes it.
#pragma once

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

#include "ports/vhost/packed_ring.hpp"

namespace rb::test {

using Octets = std::vector<std::byte>;

inline constexpr std::uint64_t kPage = 4096,
                               kRegionSize = 0x40000;  // two regions of this size touch; guest addresses begin at 0
inline constexpr std::uint64_t kRing = 0x10000, kDriverEvent = 0x18000, kDeviceEvent = 0x18004, kTables = 0x20000;
inline constexpr std::uint64_t kBuffers = kRegionSize, kTableRoom = 64;  // number of descriptors in a table
inline constexpr std::uint16_t kNext = VRING_DESC_F_NEXT, kWrite = VRING_DESC_F_WRITE,
                               kIndirect = VRING_DESC_F_INDIRECT;
inline constexpr std::uint16_t kAvailableBit = 0x80, kUsedBit = 0x8000;  // virtio 1.2 2.8.1

struct Buffer {
  std::uint64_t address = 0;
  std::uint32_t size = 0;
};
using Buffers = std::vector<Buffer>;

/// The driver's side, with memory of its own.
class Driver {
 public:
  struct Used {
    std::uint16_t at = 0, id = 0, flags = 0;
    std::uint32_t written = 0;
  };

  explicit Driver(unsigned ring_size, std::uint16_t base = 0x8000) : size(ring_size) {
    EXPECT_EQ(::ftruncate(file_.get(), 2 * kRegionSize), 0);
    // In the file the two regions are in the opposite order.
    EXPECT_TRUE(memory.add({0, kRegionSize, 0, kRegionSize}, file_.get()));
    EXPECT_TRUE(memory.add({kRegionSize, kRegionSize, kRegionSize, 0}, file_.get()));
    begin_at(base);
  }
  [[nodiscard]] std::byte* at(std::uint64_t guest_address) const {
    std::size_t hint = 0;
    return memory.at(guest_address, 1, hint).data;
  }
  [[nodiscard]] vring_packed_desc* ring() const { return reinterpret_cast<vring_packed_desc*>(at(kRing)); }
  [[nodiscard]] vring_packed_desc_event& event() const {
    return *reinterpret_cast<vring_packed_desc_event*>(at(kDriverEvent));
  }
  [[nodiscard]] vring_packed_desc_event& device_event() const {
    return *reinterpret_cast<vring_packed_desc_event*>(at(kDeviceEvent));
  }
  [[nodiscard]] PackedLayout layout() const { return {ring(), &event(), &device_event()}; }
  [[nodiscard]] Vring vring(std::uint16_t base = 0x8000, const DirtyLog* used_log = nullptr) const {
    VringLayout all;
    all.size = static_cast<std::uint16_t>(size);
    all.is_packed = true;
    all.packed = layout();
    all.used_guest_address = kRing;
    return {all, base, event_index, memory, nullptr, used_log};
  }
  /// Returns the ring's octets.
  [[nodiscard]] Octets octets() const {
    const std::byte* const from = at(kRing);
    return {from, from + size * sizeof(vring_packed_desc)};
  }

  /// Both sides begin at this position. Descriptors before it belong to this round and are used.
  void begin_at(std::uint16_t base) {
    next_ = used_ = base & 0x7fff;
    wrap_ = used_wrap_ = (base & 0x8000) != 0;
    free = size;
    counts_.assign(65536, 0);
    device_event() = {};
    for (unsigned i = 0; i < size; ++i) {
      const bool wrap = i < next_ ? wrap_ : !wrap_;
      ring()[i] = {0, 0, 0, static_cast<std::uint16_t>(wrap ? kAvailableBit | kUsedBit : 0)};
    }
  }
  /// Offers a chain and returns the position of its first descriptor. The ids of all descriptors but the last have no
  /// meaning.
  std::uint16_t offer(std::uint16_t id, const Buffers& buffers, std::uint16_t flags = 0) {
    EXPECT_LE(buffers.size(), free);
    const unsigned first = next_;
    std::uint16_t first_flags = 0;
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      const bool last = i + 1 == buffers.size();
      const auto all = static_cast<std::uint16_t>(flags | (last ? 0 : kNext) | (wrap_ ? kAvailableBit : kUsedBit));
      vring_packed_desc& descriptor = ring()[next_];
      descriptor.addr = buffers[i].address;
      descriptor.len = buffers[i].size;
      descriptor.id = last ? id : static_cast<std::uint16_t>(~id);
      if (i == 0) {
        first_flags = all;
      } else {
        descriptor.flags = all;
      }
      if (++next_ == size) {
        next_ = 0;
        wrap_ = !wrap_;
      }
    }
    ring()[first].flags = first_flags;
    free -= static_cast<unsigned>(buffers.size());
    counts_[id] = static_cast<unsigned>(buffers.size());
    return static_cast<std::uint16_t>(first);
  }
  /// Offers a chain of `count` buffers of some octets each.
  std::uint16_t offer_row(std::uint16_t id, unsigned count, std::uint16_t flags = 0) {
    Buffers buffers;
    for (unsigned i = 0; i < count; ++i) buffers.push_back({kBuffers + i * 0x10ULL, 0x10});
    return offer(id, buffers, flags);
  }
  /// Offers the same chain by an indirect table at `table`.
  std::uint16_t offer_table(std::uint16_t id, const Buffers& buffers, std::uint64_t table, std::uint16_t flags = 0) {
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      // In a table the flags for available and used, and the id, are reserved.
      const vring_packed_desc entry = {buffers[i].address, buffers[i].size, 0xffff, flags};
      const auto octets_of_entry = std::bit_cast<std::array<std::byte, sizeof entry>>(entry);
      for (std::size_t k = 0; k < sizeof entry; ++k) *at(table + i * sizeof entry + k) = octets_of_entry[k];
    }
    const auto octets_of_table = static_cast<std::uint32_t>(buffers.size() * sizeof(vring_packed_desc));
    return offer(id, {{table, octets_of_table}}, kIndirect);
  }
  /// Returns the next used chain.
  std::optional<Used> collect() {
    const vring_packed_desc descriptor = ring()[used_];
    const bool available = (descriptor.flags & kAvailableBit) != 0, is_used = (descriptor.flags & kUsedBit) != 0;
    if (available != is_used || is_used != used_wrap_) return std::nullopt;
    const Used used = {static_cast<std::uint16_t>(used_), descriptor.id, descriptor.flags, descriptor.len};
    EXPECT_NE(counts_[descriptor.id], 0U) << "id " << descriptor.id << " is not under way";
    free += counts_[descriptor.id];
    used_ += std::exchange(counts_[descriptor.id], 0U);
    if (used_ >= size) {
      used_ -= size;
      used_wrap_ = !used_wrap_;
    }
    return used;
  }
  /// The position at which the driver waits for used chains.
  [[nodiscard]] std::uint16_t used_base() const {
    return static_cast<std::uint16_t>(used_ | (used_wrap_ ? 0x8000U : 0));
  }

  unsigned size;
  unsigned free = 0;
  bool event_index = false;
  GuestMemory memory;

 private:
  UniqueFd file_{::memfd_create("packed_ring_test", MFD_CLOEXEC)};
  unsigned next_ = 0, used_ = 0;
  bool wrap_ = true, used_wrap_ = true;
  std::vector<unsigned> counts_;  // number of descriptors of the chain with an id
};

inline std::uint16_t id_of(unsigned number) {
  return static_cast<std::uint16_t>(number * 40503U);  // the factor is odd, so up to 2^16 numbers give different ids
}

}  // namespace rb::test
