// SPDX-License-Identifier: GPL-2.0-or-later
// The driver's side of a packed virtqueue (virtio 1.2 2.8): PackedSender and PackedReceiver, for a guest that only
// polls.
//
// How it works. As in split_queue.hpp, buffer i belongs to descriptor i and comes back in ring order. The driver must
// write each descriptor again every time, including the address, because the device overwrites it (2.8.5 allows this).
// The driver writes the first descriptor of a burst last: until then the device looks at none of them. With IN_ORDER
// one used descriptor may stand for several, and it names the last of them (2.8.7). Kicks work as in split_queue.hpp.
#pragma once

#include "bench/load/split_queue.hpp"

namespace bench {

class PackedRing {
 public:
  [[nodiscard]] static constexpr std::size_t octets(std::size_t size) { return 16 * size + 2 * kCacheLine; }

  [[nodiscard]] RingDescription description() const {
    // Both wrap counters begin as 1. They are in bit 15 of the two halves.
    return {.size = static_cast<std::uint16_t>(size_),
            .base = 0x80008000,
            .descriptors = ring_,
            .driver_area = driver_event_,
            .device_area = device_event_};
  }

 protected:
  PackedRing(std::byte* memory, RingSettings settings, std::uint16_t descriptor_flags)
      : ring_(reinterpret_cast<vring_packed_desc*>(memory)),
        driver_event_(reinterpret_cast<vring_packed_desc_event*>(memory + 16 * std::size_t{settings.size})),
        device_event_(
            reinterpret_cast<vring_packed_desc_event*>(memory + 16 * std::size_t{settings.size} + kCacheLine)),
        size_(settings.size),
        mask_(size_ - 1),
        settings_(std::move(settings)),
        descriptor_flags_(descriptor_flags) {
    driver_event_->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
  }

  /// Returns the wrap counter of the round of a position; it is 1 in the first round.
  [[nodiscard]] bool wrap(std::uint32_t position) const { return (position & size_) == 0; }
  void offer(std::uint32_t position, std::uint32_t length) {
    const unsigned slot = position & mask_;
    const unsigned flags =
        descriptor_flags_ | (wrap(position) ? 1U << VRING_PACKED_DESC_F_AVAIL : 1U << VRING_PACKED_DESC_F_USED);
    ring_[slot].addr = settings_.buffers.address(slot);
    // One store writes all but the address, so that the device does not see the flags before the rest.
    const std::uint64_t rest = length | std::uint64_t{slot} << 32 | std::uint64_t{flags} << 48;
    static_assert(offsetof(vring_packed_desc, len) == 8 && offsetof(vring_packed_desc, id) == 12 &&
                  offsetof(vring_packed_desc, flags) == 14);
    __atomic_store_n(reinterpret_cast<Word*>(&ring_[slot].len), rest, __ATOMIC_RELEASE);
  }
  [[nodiscard]] bool is_used(std::uint32_t position) const {
    constexpr unsigned kBoth = 1U << VRING_PACKED_DESC_F_AVAIL | 1U << VRING_PACKED_DESC_F_USED;
    const std::uint16_t flags = __atomic_load_n(&ring_[position & mask_].flags, __ATOMIC_ACQUIRE);
    return (flags & kBoth) == (wrap(position) ? kBoth : 0);
  }
  [[nodiscard]] const vring_packed_desc& descriptor(std::uint32_t position) const { return ring_[position & mask_]; }
  [[nodiscard]] bool kick_is_due_unless_used(bool all_used) {
    if (kicked_ == published_ || all_used) return false;
    if (__atomic_load_n(&device_event_->flags, __ATOMIC_RELAXED) == VRING_PACKED_EVENT_FLAG_DISABLE) return false;
    kicked_ = published_;
    return true;
  }

  vring_packed_desc* const ring_;
  vring_packed_desc_event* const driver_event_;
  vring_packed_desc_event* const device_event_;
  const unsigned size_;
  const unsigned mask_;
  const RingSettings settings_;
  std::uint32_t published_ = 0;
  std::uint32_t kicked_ = 0;

 private:
  using Word [[gnu::may_alias]] = std::uint64_t;

  const std::uint16_t descriptor_flags_;
};

/// A ring with frames for the switch; see SplitSender.
class PackedSender : public PackedRing {
 public:
  PackedSender(std::byte* memory, RingSettings settings) : PackedRing(memory, std::move(settings), 0) {}

  [[nodiscard]] unsigned room(unsigned wanted) {
    while (free() < wanted && free() < size_ && is_used(seen_)) {
      const unsigned count = ((descriptor(seen_).id - seen_) & mask_) + 1;
      if (count > published_ - seen_ || (count > 1 && !settings_.promises_order)) [[unlikely]]
        settings_.out_of_order();
      seen_ += count;
    }
    return std::min(free(), wanted);
  }
  [[nodiscard]] std::byte* frame(unsigned ahead) const { return settings_.buffers.frame((published_ + ahead) & mask_); }
  void publish(std::span<const std::uint32_t> sizes) {
    if (sizes.empty()) return;
    for (std::size_t i = 1; i <= sizes.size(); ++i) {
      const std::size_t ahead = i < sizes.size() ? i : 0;
      offer(published_ + static_cast<std::uint32_t>(ahead),
            static_cast<std::uint32_t>(sizes[ahead] + sizeof(rb::VnetHeader)));
    }
    published_ += static_cast<std::uint32_t>(sizes.size());
  }
  [[nodiscard]] bool kick_is_due() { return kick_is_due_unless_used(published_ == seen_ || room(size_) == size_); }

 private:
  [[nodiscard]] unsigned free() const { return size_ - (published_ - seen_); }

  std::uint32_t seen_ = 0;
};

/// A ring with buffers for the switch to fill; see SplitReceiver.
class PackedReceiver : public PackedRing {
 public:
  PackedReceiver(std::byte* memory, RingSettings settings)
      : PackedRing(memory, std::move(settings), VRING_DESC_F_WRITE) {
    give_back();
  }

  [[nodiscard]] unsigned filled(unsigned wanted) {
    while (known_ - taken_ < wanted && known_ != published_ && is_used(known_)) {
      // A used descriptor for several buffers would not give the lengths of the others.
      if (descriptor(known_).id != (known_ & mask_)) [[unlikely]]
        settings_.out_of_order();
      ++known_;
    }
    return std::min(known_ - taken_, wanted);
  }
  [[nodiscard]] std::uint32_t length(unsigned ahead) const { return descriptor(taken_ + ahead).len; }
  [[nodiscard]] std::byte* frame(unsigned ahead) const { return settings_.buffers.frame((taken_ + ahead) & mask_); }
  void take(unsigned count) { taken_ += count; }
  void give_back() {
    const std::uint32_t end = taken_ + size_;
    if (published_ == end) return;
    for (std::uint32_t position = published_ + 1; position != end; ++position) offer(position, settings_.buffers.size);
    offer(published_, settings_.buffers.size);
    published_ = end;
  }
  [[nodiscard]] bool has_taken() const { return taken_ + size_ != published_; }
  [[nodiscard]] bool kick_is_due() { return kick_is_due_unless_used(false); }

 private:
  std::uint32_t known_ = 0;
  std::uint32_t taken_ = 0;
};

}  // namespace bench
