// SPDX-License-Identifier: GPL-2.0-or-later
// The driver's side of a split virtqueue (virtio 1.2 2.7): SplitSender and SplitReceiver, for a guest that only polls.
//
// How it works. Switches give buffers back in ring order (VIRTIO_F_IN_ORDER promises this). So descriptor i always
// describes buffer i, and entry i of the avail ring always offers it. The driver writes all of this once, and changes
// only an index for each burst; it writes the length of a descriptor only when the length changes. Cache lines that
// nobody writes stay in the caches of both processors. This is less work than in a kernel's driver, also for the
// switch. It is the same for each switch, and lets a guest keep up with all of them.
//
// Kicks. The driver reads if the switch asks for a kick without a fence after the published index, so the switch may
// have fallen asleep in between. So the caller must call kick_is_due() again later, until the switch has taken
// everything.
//
// A position counts buffers from the ring's beginning. The ring's size is a power of two, so a slot is some bits of the
// position. One thread uses a ring.
#pragma once

#define VIRTIO_RING_NO_LEGACY
#include <linux/virtio_ring.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/load/ring_buffers.hpp"
#include "bench/load/support.hpp"
#include "bench/load/virtio_user.hpp"

namespace bench {

/// The settings of both kinds of ring.
struct RingSettings {
  std::string name;            // name of the port, for messages
  std::uint16_t size = 0;      // descriptors, a power of two
  bool promises_order = true;  // the switch has accepted IN_ORDER; otherwise the driver checks the order
  RingBuffers buffers;

  [[noreturn]] void out_of_order() const { die(name + ": the switch gives back buffers out of order"); }
};

class SplitRing {
 public:
  /// The memory of a ring in octets. It must be aligned to a cache line and zero.
  [[nodiscard]] static constexpr std::size_t octets(std::size_t size) { return used_offset(size) + 8 * size + 8; }

  [[nodiscard]] RingDescription description() const {
    return {.size = static_cast<std::uint16_t>(size_),
            .base = 0,
            .descriptors = descriptors_,
            .driver_area = avail_,
            .device_area = used_};
  }

 protected:
  SplitRing(std::byte* memory, RingSettings settings, std::uint16_t descriptor_flags)
      : descriptors_(reinterpret_cast<vring_desc*>(memory)),
        avail_(reinterpret_cast<vring_avail*>(memory + 16 * std::size_t{settings.size})),
        used_(reinterpret_cast<vring_used*>(memory + used_offset(settings.size))),
        size_(settings.size),
        mask_(size_ - 1),
        settings_(std::move(settings)) {
    for (unsigned slot = 0; slot < size_; ++slot) {
      descriptors_[slot].addr = settings_.buffers.address(slot);
      descriptors_[slot].len = settings_.buffers.size;
      descriptors_[slot].flags = descriptor_flags;
      avail_->ring[slot] = static_cast<std::uint16_t>(slot);
    }
    avail_->flags = VRING_AVAIL_F_NO_INTERRUPT;
  }

  void publish_until(std::uint16_t position) {
    published_ = position;
    __atomic_store_n(&avail_->idx, published_, __ATOMIC_RELEASE);
  }
  [[nodiscard]] std::uint16_t read_used_index() const { return __atomic_load_n(&used_->idx, __ATOMIC_ACQUIRE); }
  /// True once for each time that the switch asks for a kick for published buffers. False if the switch has already
  /// taken all of them, where giving back is a sign of this.
  [[nodiscard]] bool kick_is_due_unless_used(bool all_used) {
    if (kicked_ == published_ || all_used) return false;
    if ((__atomic_load_n(&used_->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY) != 0) return false;
    kicked_ = published_;
    return true;
  }
  [[nodiscard]] const vring_used_elem& used(std::uint16_t position) const { return used_->ring[position & mask_]; }
  void check_order(std::uint16_t position) const {
    if (used(position).id != (position & mask_)) [[unlikely]]
      settings_.out_of_order();
  }

  vring_desc* const descriptors_;
  vring_avail* const avail_;
  vring_used* const used_;
  const unsigned size_;
  const unsigned mask_;
  const RingSettings settings_;
  std::uint16_t published_ = 0;  // position after the buffers that the switch may take
  std::uint16_t kicked_ = 0;     // the last position for which the switch was woken

 private:
  static constexpr std::size_t used_offset(std::size_t size) {
    return (16 * size + 2 * size + 6 + kCacheLine - 1) / kCacheLine * kCacheLine;
  }
};

/// A ring with frames for the switch.
class SplitSender : public SplitRing {
 public:
  SplitSender(std::byte* memory, RingSettings settings)
      : SplitRing(memory, std::move(settings), 0), lengths_(size_, settings_.buffers.size) {}

  /// The number of frames for which there is room, at most `wanted`.
  [[nodiscard]] unsigned room(unsigned wanted) {
    if (free() < wanted) {
      const std::uint16_t before = std::exchange(seen_, read_used_index());
      for (std::uint16_t position = before; position != seen_ && !settings_.promises_order; ++position)
        check_order(position);
    }
    return std::min(free(), wanted);
  }
  /// The place of the frame that is sent after `ahead` others. room() must have counted it.
  [[nodiscard]] std::byte* frame(unsigned ahead) const { return settings_.buffers.frame((published_ + ahead) & mask_); }
  /// Sends frames of these sizes in octets.
  void publish(std::span<const std::uint32_t> sizes) {
    std::uint16_t position = published_;
    for (const std::uint32_t size : sizes) {
      const unsigned slot = position++ & mask_;
      const auto length = static_cast<std::uint32_t>(size + sizeof(rb::VnetHeader));
      if (lengths_[slot] != length) descriptors_[slot].len = lengths_[slot] = length;
    }
    publish_until(position);
  }
  [[nodiscard]] bool kick_is_due() { return kick_is_due_unless_used(read_used_index() == published_); }

 private:
  [[nodiscard]] unsigned free() const { return size_ - static_cast<std::uint16_t>(published_ - seen_); }

  std::uint16_t seen_ = 0;              // position after the frames that are known to have been sent
  std::vector<std::uint32_t> lengths_;  // the lengths in the descriptors
};

/// A ring with buffers for the switch to fill.
class SplitReceiver : public SplitRing {
 public:
  SplitReceiver(std::byte* memory, RingSettings settings) : SplitRing(memory, std::move(settings), VRING_DESC_F_WRITE) {
    give_back();
  }

  /// The number of buffers that are filled and not yet taken, at most `wanted`.
  [[nodiscard]] unsigned filled(unsigned wanted) {
    if (waiting() < wanted) {
      known_ = read_used_index();
      for (unsigned i = 0; i < std::min(waiting(), wanted); i += kCacheLine / sizeof(vring_used_elem))
        __builtin_prefetch(&used(static_cast<std::uint16_t>(taken_ + i)));
    }
    return std::min(waiting(), wanted);
  }
  /// Octets in the filled buffer after `ahead` others, with the header.
  [[nodiscard]] std::uint32_t length(unsigned ahead) const {
    const auto position = static_cast<std::uint16_t>(taken_ + ahead);
    check_order(position);
    return used(position).len;
  }
  [[nodiscard]] std::byte* frame(unsigned ahead) const { return settings_.buffers.frame((taken_ + ahead) & mask_); }
  void take(unsigned count) { taken_ = static_cast<std::uint16_t>(taken_ + count); }
  /// Gives all taken buffers back to the switch.
  void give_back() { publish_until(static_cast<std::uint16_t>(taken_ + size_)); }
  [[nodiscard]] bool has_taken() const { return static_cast<std::uint16_t>(taken_ + size_) != published_; }
  [[nodiscard]] bool kick_is_due() { return kick_is_due_unless_used(false); }

 private:
  [[nodiscard]] unsigned waiting() const { return static_cast<std::uint16_t>(known_ - taken_); }

  std::uint16_t known_ = 0;  // position after the buffers that are known to be filled
  std::uint16_t taken_ = 0;
};

}  // namespace bench
