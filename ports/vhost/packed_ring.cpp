// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/packed_ring.hpp"

#include <algorithm>

namespace rb {
namespace {

constexpr std::uint16_t kAvailable = 1 << VRING_PACKED_DESC_F_AVAIL, kUsed = 1 << VRING_PACKED_DESC_F_USED;

/// A mark for the address of the last descriptor of a batch, which has no meaning in a used descriptor: "ringbr", and
/// our position after it.
constexpr std::uint64_t mark_of(std::uint16_t position) noexcept {
  return 0x72696e6762720000 | position;
}

}  // namespace

PackedRing::PackedRing(const PackedLayout& layout, std::uint16_t size, std::uint16_t base, bool event_index) noexcept
    : layout_(layout), size_(size), event_index_(event_index) {
  found_at_ = {static_cast<std::uint16_t>((base & 0x7fff) % size), (base & 0x8000) != 0};
  const std::uint16_t kept = __atomic_load_n(&layout.device_event->off_wrap, __ATOMIC_RELAXED);
  const std::uint16_t flags = __atomic_load_n(&layout.device_event->flags, __ATOMIC_RELAXED);
  const unsigned behind = kept & 0x7fffU;  // one more than the position: 0 means none
  if (behind != 0 && behind <= size && flags != VRING_PACKED_EVENT_FLAG_DESC) {
    const Position position{static_cast<std::uint16_t>(behind - 1), (kept & 0x8000) != 0};
    // Another device may have left a number of its own there. Ours is also in a descriptor.
    for (unsigned at = 0; at < size; ++at) {
      if (__atomic_load_n(&layout.ring[at].addr, __ATOMIC_RELAXED) != mark_of(position.packed())) continue;
      found_at_ = position;
      break;
    }
  }
  used_ = found_at_;
}

void PackedRing::keep_position() noexcept {
  if (size_ > 0x7fff) return;  // the largest ring has no room for the position
  __atomic_store_n(&layout_.device_event->off_wrap, static_cast<std::uint16_t>(used_.packed() + 1), __ATOMIC_RELAXED);
}

void PackedRing::forget_position(vring_packed_desc_event& device_event) noexcept {
  __atomic_store_n(&device_event.off_wrap, std::uint16_t{0}, __ATOMIC_RELAXED);
}

bool PackedRing::is_available(std::uint16_t flags, bool wrap) noexcept {
  return (flags & (kAvailable | kUsed)) == (wrap ? kAvailable : kUsed);
}

unsigned PackedRing::available(unsigned wanted, bool& looped) noexcept {
  wanted = std::min(wanted, kMaxAhead - (taken_ - put_));
  unsigned count = found_ - taken_;
  Position at = found_at_;  // a copy, because for the compiler the writes below could change a member
  for (; count < wanted; ++count) {
    const vring_packed_desc* descriptor = &layout_.ring[at.at];
    std::uint16_t flags = __atomic_load_n(&descriptor->flags, __ATOMIC_ACQUIRE);
    if (!is_available(flags, at.wrap)) break;
    Chain chain{.start = at.at, .count = 1, .id = 0};
    at.advance(1, size_);
    while ((flags & VRING_DESC_F_NEXT) != 0) {
      if (++chain.count > size_) {
        looped = true;
        return count;
      }
      descriptor = &layout_.ring[at.at];
      flags = __atomic_load_n(&descriptor->flags, __ATOMIC_RELAXED);
      at.advance(1, size_);
    }
    chain.id = __atomic_load_n(&descriptor->id, __ATOMIC_RELAXED);
    chains_[found_++ % kMaxAhead] = chain;
    found_at_ = at;
  }
  return std::min(count, wanted);
}

void PackedRing::put_used(std::uint32_t written) noexcept {
  const Chain& chain = chains_[put_++ % kMaxAhead];
  vring_packed_desc& descriptor = layout_.ring[used_.at];
  descriptor.id = chain.id;
  descriptor.len = written;
  const auto flags =
      static_cast<std::uint16_t>((used_.wrap ? kAvailable | kUsed : 0) | (written != 0 ? VRING_DESC_F_WRITE : 0));
  if (unpublished_ == 0) {
    first_ = used_;
    first_flags_ = flags;
  } else {
    __atomic_store_n(&descriptor.flags, flags, __ATOMIC_RELEASE);
  }
  unpublished_ += chain.count;
  last_ = used_.at;
  used_.advance(chain.count, size_);
}

bool PackedRing::publish() noexcept {
  const unsigned count = unpublished_;
  unpublished_ = 0;
  layout_.ring[last_].addr = mark_of(used_.packed());
  __atomic_store_n(&layout_.ring[first_.at].flags, first_flags_, __ATOMIC_SEQ_CST);
  keep_position();
  const std::uint16_t flags = __atomic_load_n(&layout_.driver_event->flags, __ATOMIC_SEQ_CST);
  if (flags != VRING_PACKED_EVENT_FLAG_DESC || !event_index_) return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
  // The driver waits for a descriptor. Checks if it is among those that were used just now.
  const std::uint16_t off_wrap = __atomic_load_n(&layout_.driver_event->off_wrap, __ATOMIC_RELAXED);
  const bool same_round = ((off_wrap & 0x8000) != 0) == used_.wrap;
  const unsigned wanted = off_wrap & 0x7fffU;
  const unsigned behind =
      used_.at + (same_round ? 0 : size_) - wanted;  // descriptors from the awaited one to our position
  return behind - 1 < count;
}

void PackedRing::suppress_kicks() noexcept {
  __atomic_store_n(&layout_.device_event->flags, std::uint16_t{VRING_PACKED_EVENT_FLAG_DISABLE}, __ATOMIC_RELAXED);
}

bool PackedRing::ask_for_kicks() noexcept {
  // This asks for kicks for any chain: none waits, so with and without an event index the next one counts.
  __atomic_store_n(&layout_.device_event->flags, std::uint16_t{VRING_PACKED_EVENT_FLAG_ENABLE}, __ATOMIC_SEQ_CST);
  return is_available(__atomic_load_n(&layout_.ring[found_at_.at].flags, __ATOMIC_SEQ_CST), found_at_.wrap);
}

}  // namespace rb
