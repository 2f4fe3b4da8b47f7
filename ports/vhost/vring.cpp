// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/vring.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <utility>

#include "ports/vhost/prefetch.hpp"

namespace rb {
namespace {

constexpr std::size_t kCacheLine = 64;  // octets

/// The place where each side stores the index up to which it wants no notification (virtio 1.2 2.7.7.1, 2.7.10.1).
const std::uint16_t* used_event(const VringLayout& layout) noexcept {
  return &layout.available->ring[layout.size];
}
std::uint16_t* available_event(const VringLayout& layout) noexcept {
  return reinterpret_cast<std::uint16_t*>(&layout.used->ring[layout.size]);
}

}  // namespace

std::string_view vring_fault_text(VringFault fault) noexcept {
  switch (fault) {
    case VringFault::kNone:
      return "";
    case VringFault::kIndexJump:
      return "the available index has jumped: {} chains, more than the ring has";
    case VringFault::kHeadOutOfRange:
      return "a chain begins with descriptor {}, which the ring does not have";
    case VringFault::kNextOutOfRange:
      return "a chain goes on with descriptor {}, which the table does not have";
    case VringFault::kLoop:
      return "the chain that begins with descriptor {} is longer than the ring, or a loop";
    case VringFault::kOutsideMemory:
      return "a descriptor points outside the guest's memory, to {:#x}";
    case VringFault::kEmpty:
      return "a descriptor of no octets, at {:#x}";
    case VringFault::kTooLong:
      return "a frame of {} octets, which no frame can have";
    case VringFault::kTooShort:
      return "a chain of {} octets, too short for its virtio_net_hdr";
    case VringFault::kDirection:
      return "a buffer of the wrong direction, at {:#x}";
    case VringFault::kIndirectTable:
      return "an indirect table of {} octets";
    case VringFault::kIndirectNested:
      return "an indirect table that goes on, or stands in another one, at {:#x}";
    case VringFault::kMemoryLost:
      return "a file of the guest's memory was truncated";
  }
  return "";
}

Vring::Vring(const VringLayout& layout, std::uint16_t next, bool event_index, const GuestMemory& memory,
             const DirtyLog* log, const DirtyLog* used_log) noexcept
    : layout_(layout),
      mask_(static_cast<std::uint16_t>(layout.size - 1)),
      next_(next),
      seen_(next),
      // The driver has seen the used ring up to this index, whichever device served it before.
      used_(layout.is_packed ? std::uint16_t{0} : __atomic_load_n(&layout.used->idx, __ATOMIC_RELAXED)),
      published_(used_),
      event_index_(event_index),
      memory_(&memory),
      log_(log),
      used_log_(used_log) {
  if (layout.is_packed) packed_ = PackedRing(layout.packed, layout.size, next, event_index);
}

unsigned Vring::packed_available(unsigned wanted) noexcept {
  bool looped = false;
  const unsigned count = packed_.available(wanted, looped);
  if (looped) fail(VringFault::kLoop, 0);
  return looped ? 0 : count;
}

void Vring::fail(VringFault fault, std::uint64_t value) noexcept {
  if (trouble_.fault == VringFault::kNone) trouble_ = {fault, value};
}

unsigned Vring::look_again(unsigned wanted) noexcept {
  seen_ = __atomic_load_n(&layout_.available->idx, __ATOMIC_ACQUIRE);
  const auto count = static_cast<std::uint16_t>(seen_ - next_);
  if (count <= layout_.size) return std::min<unsigned>(count, wanted);
  seen_ = next_;
  fail(VringFault::kIndexJump, count);
  return 0;
}

bool Vring::holds(std::uint64_t guest_address, std::uint32_t size) noexcept {
  while (size != 0) {
    const Piece piece = at(guest_address, size);
    if (piece.size == 0) return false;
    guest_address += piece.size;
    size -= piece.size;
  }
  return true;
}

unsigned Vring::look_ahead(unsigned count, VringDirection direction,
                           std::span<WaitingChain, kMaxAhead> chains) noexcept {
  const bool to_guest = direction == VringDirection::kToGuest, is_split = !layout_.is_packed;
  for (unsigned i = 0; i < count; ++i) {
    chains[i].head = head(i);
    if (is_split) __builtin_prefetch(&layout_.descriptors[chains[i].head]);
  }
  if (trouble_.fault != VringFault::kNone) return 0;
  // Fetch the entries of the used ring that are written next: the driver has read them, and stores would wait for each
  // other.
  for (unsigned i = 0; i < count && is_split; i += kCacheLine / sizeof(vring_used_elem))
    prefetch_to_write(&layout_.used->ring[static_cast<std::uint16_t>(used_ + i) & mask_]);
  const std::uint16_t simple_flags = to_guest ? VRING_DESC_F_WRITE : 0;
  for (unsigned i = 0; i < count; ++i) {
    WaitingChain& chain = chains[i];
    const vring_desc buffer = descriptor(chain.head);
    chain.guest_address = buffer.addr;
    chain.simple = {};
    // A buffer outside memory is a fault only when its turn comes.
    const Piece piece = memory_->at(buffer.addr, buffer.len, hint_);
    if (piece.size == 0) continue;
    if (to_guest) {
      prefetch_to_write(piece.data);
      prefetch_to_write(piece.data + kCacheLine);
    } else {
      __builtin_prefetch(piece.data);
      __builtin_prefetch(piece.data + kCacheLine - 1);
    }
    if (buffer.flags == simple_flags && piece.size == buffer.len) chain.simple = piece;
  }
  return count;
}

bool Vring::memory_lost() const noexcept {
  return memory_->broken() || (log_ != nullptr && log_->broken()) || (used_log_ != nullptr && used_log_->broken());
}

bool Vring::publish() noexcept {
  if (layout_.is_packed) {
    const bool call = packed_.publish();
    // Mark the whole used ring, because a batch may wrap in it.
    if (used_log_ != nullptr) [[unlikely]]
      used_log_->mark(layout_.used_guest_address, layout_.size * sizeof(vring_packed_desc));
    return call;
  }
  const std::uint16_t before = std::exchange(published_, used_);
  __atomic_store_n(&layout_.used->idx, used_, __ATOMIC_SEQ_CST);
  if (used_log_ != nullptr) [[unlikely]] {
    // Mark after the write: a migration that reads the log in between would miss the entry.
    for (std::uint16_t at = before; at != used_; ++at) {
      const std::uint64_t offset = offsetof(vring_used, ring) + (at & mask_) * sizeof(vring_used_elem);
      used_log_->mark(layout_.used_guest_address + offset, sizeof(vring_used_elem));
    }
    used_log_->mark(layout_.used_guest_address, offsetof(vring_used, ring));
  }
  if (!event_index_) {
    return (__atomic_load_n(&layout_.available->flags, __ATOMIC_SEQ_CST) & VRING_AVAIL_F_NO_INTERRUPT) == 0;
  }
  const std::uint16_t wanted = __atomic_load_n(used_event(layout_), __ATOMIC_SEQ_CST);
  if (!std::exchange(has_called_, true)) return true;
  return static_cast<std::uint16_t>(used_ - wanted - 1) < static_cast<std::uint16_t>(used_ - before);
}

void Vring::suppress_kicks() noexcept {
  // With an event index there is nothing to do: the present event has passed, and is not passed again before 2^16
  // chains.
  if (layout_.is_packed) return packed_.suppress_kicks();
  if (!event_index_)
    __atomic_store_n(&layout_.used->flags, static_cast<std::uint16_t>(VRING_USED_F_NO_NOTIFY), __ATOMIC_RELAXED);
}

bool Vring::ask_for_kicks() noexcept {
  if (layout_.is_packed) return packed_.ask_for_kicks();
  if (event_index_) {
    __atomic_store_n(available_event(layout_), seen_, __ATOMIC_SEQ_CST);
  } else {
    __atomic_store_n(&layout_.used->flags, std::uint16_t{0}, __ATOMIC_SEQ_CST);
  }
  return __atomic_load_n(&layout_.available->idx, __ATOMIC_SEQ_CST) != seen_;
}

bool ChainWalk::next(vring_desc& buffer) noexcept {
  while (!ended_) {
    const std::uint32_t limit = table_size_ != 0 ? table_size_ : ring_->size();
    if (table_size_ == 0) {
      buffer = ring_->descriptor(next_);
    } else {
      const Piece piece = ring_->at(table_ + next_ * sizeof(vring_desc), sizeof(vring_desc));
      if (piece.size != sizeof(vring_desc)) {
        ring_->fail(VringFault::kOutsideMemory, table_);
        return false;
      }
      buffer = Vring::copy_once(reinterpret_cast<const vring_desc*>(piece.data));
      if (ring_->is_packed()) {
        // Packed descriptors have the same size but another layout, and are always consecutive.
        const vring_packed_desc entry = std::bit_cast<vring_packed_desc>(buffer);
        buffer.next = static_cast<std::uint16_t>(next_ + 1);
        buffer.flags = static_cast<std::uint16_t>((entry.flags & (VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)) |
                                                  (buffer.next < table_size_ ? VRING_DESC_F_NEXT : 0));
      }
    }
    if ((buffer.flags & VRING_DESC_F_INDIRECT) != 0) [[unlikely]] {
      if (!enter_table(buffer)) return false;
      continue;
    }
    if (++count_ > std::min(limit + (table_size_ != 0 ? ring_->size() : 0), kMaxDescriptors)) {
      ring_->fail(VringFault::kLoop, head_);
      return false;
    }
    next_ = buffer.next;
    ended_ = (buffer.flags & VRING_DESC_F_NEXT) == 0;
    if (!ended_ && next_ >= limit) {
      ring_->fail(VringFault::kNextOutOfRange, next_);
      return false;
    }
    const bool to_guest = (buffer.flags & VRING_DESC_F_WRITE) != 0;
    if (buffer.len == 0) {
      ring_->fail(VringFault::kEmpty, buffer.addr);
    } else if (to_guest != (direction_ == VringDirection::kToGuest)) {
      ring_->fail(VringFault::kDirection, buffer.addr);
    } else {
      return true;
    }
    return false;
  }
  return false;
}

bool ChainWalk::enter_table(const vring_desc& descriptor) noexcept {
  if (table_size_ != 0 || (descriptor.flags & VRING_DESC_F_NEXT) != 0) {
    ring_->fail(VringFault::kIndirectNested, descriptor.addr);
    return false;
  }
  const std::uint32_t count = descriptor.len / static_cast<std::uint32_t>(sizeof(vring_desc));
  if (count == 0 || descriptor.len % sizeof(vring_desc) != 0 || count > kMaxDescriptors) {
    ring_->fail(VringFault::kIndirectTable, descriptor.len);
    return false;
  }
  table_ = descriptor.addr;
  table_size_ = count;
  next_ = 0;
  return true;
}

}  // namespace rb
