// SPDX-License-Identifier: GPL-2.0-or-later
// Vring: the device's side of one virtqueue, split (virtio 1.2 2.7) or packed (packed_ring.hpp), in memory that a
// hostile guest writes at any time.
//
// How it works
//
// The driver puts numbers of descriptor chains into the available ring; the device takes them in that order, uses their
// buffers, and puts the numbers into the used ring. Each index only grows, modulo 2^16.
//
// 1. Whatever is read from the guest is read once, into a copy; the copy is checked, and the copy is used. What does
//    not hold ends the ring: a VringFault, which the control side turns into words.
// 2. Nothing is told one by one. A burst of chains is taken with one look at the available index, and used ones are
//    written behind each other and become visible by one publish().
// 3. Notifications cross each other: each side says until when it wants none, and then looks once more. ask_for_kicks()
//    and publish() store and load in sequential consistency for that (virtio 1.2 2.7.7, 2.7.10).
//
// The worker that owns the ring uses it, nobody else.
#pragma once

#define VIRTIO_RING_NO_LEGACY  // whose functions are not C++
#include <linux/virtio_ring.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "ports/vhost/dirty_log.hpp"
#include "ports/vhost/guest_memory.hpp"
#include "ports/vhost/packed_ring.hpp"

namespace rb {

/// What a guest has done wrong with its ring.
enum class VringFault : std::uint8_t {
  kNone,
  kIndexJump,       // value: how many chains it says are available
  kHeadOutOfRange,  // value: the descriptor
  kNextOutOfRange,  // value: the descriptor
  kLoop,            // value: the chain's first descriptor
  kOutsideMemory,   // value: the guest's address
  kEmpty,           // value: the guest's address
  kTooLong,         // value: octets of the chain
  kTooShort,        // value: octets of the chain
  kDirection,       // value: the guest's address
  kIndirectTable,   // value: the table's size
  kIndirectNested,  // value: the guest's address
  kMemoryLost,      // a file of its memory was truncated
};
/// "a descriptor lies outside the guest's memory (at {})": a sentence's beginning, with a place for the value.
[[nodiscard]] std::string_view vring_fault_text(VringFault fault) noexcept;

/// A ring's parts, which lie in the guest's memory as a whole and are aligned as virtio 1.2 2.7 says.
struct VringLayout {
  std::uint16_t size = 0;  // descriptors, a power of two
  const vring_desc* descriptors = nullptr;
  const vring_avail* available = nullptr;
  vring_used* used = nullptr;
  bool is_packed = false;  // then it has these parts instead
  PackedLayout packed = {};
  std::uint64_t used_guest_address = 0;  // for the dirty log
};

/// What a ring is started with: its parts have been checked and translated. Everything is borrowed, and lives until the
/// ring is stopped.
struct VringSetup {
  VringLayout layout;
  std::uint16_t next = 0;  // position in the available ring at which to go on
  bool event_index = false;
  bool mergeable = false;         // VIRTIO_NET_F_MRG_RXBUF
  std::uint32_t header_size = 0;  // bytes of the virtio_net_hdr: 10 or 12
  bool enabled = false;
  int kick_fd = -1, call_fd = -1;  // eventfds; call_fd is -1 while the guest polls
  const GuestMemory* memory = nullptr;
  const DirtyLog* log = nullptr;       // null: writes are not marked
  const DirtyLog* used_log = nullptr;  // null: writes to the used ring are not marked
};

/// Whether a fault has happened, and what its number is.
struct VringTrouble {
  VringFault fault = VringFault::kNone;
  std::uint64_t value = 0;
};

/// Which way the frames of a ring go.
enum class VringDirection : std::uint8_t { kFromGuest, kToGuest };

/// A chain that waits. One of one descriptor, whose buffer lies in one stretch of memory, need not be walked.
struct WaitingChain {
  std::uint64_t guest_address;  // of its buffer
  Piece simple;                 // its buffer; of no size: it is not of that kind, or wrong
  std::uint16_t head;
};

class Vring {
 public:
  static constexpr unsigned kMaxSize = 32768;
  /// Chains that look_ahead() looks at.
  static constexpr unsigned kMaxAhead = 64;

  Vring() = default;
  /// Begins with the chain behind `next` already taken ones. `log`: null, or where writes are marked. All are borrowed.
  Vring(const VringLayout& layout, std::uint16_t next, bool event_index, const GuestMemory& memory, const DirtyLog* log,
        const DirtyLog* used_log) noexcept;

  [[nodiscard]] const VringTrouble& trouble() const noexcept { return trouble_; }
  /// The first fault is kept.
  void fail(VringFault fault, std::uint64_t value) noexcept;

  /// How many chains wait, at most `wanted`; 0 after a fault.
  [[nodiscard]] unsigned available(unsigned wanted) noexcept {
    if (trouble_.fault != VringFault::kNone) [[unlikely]]
      return 0;
    if (layout_.is_packed) return packed_available(wanted);
    const auto known = static_cast<std::uint16_t>(seen_ - next_);
    return known >= wanted ? wanted : look_again(wanted);
  }
  /// The first descriptor of the chain that waits behind `ahead` others; below size() or a fault, then 0.
  [[nodiscard]] std::uint16_t head(unsigned ahead) noexcept {
    if (layout_.is_packed) return packed_.head(ahead);
    const std::uint16_t at = static_cast<std::uint16_t>(next_ + ahead) & mask_;
    const std::uint16_t head = __atomic_load_n(&layout_.available->ring[at], __ATOMIC_RELAXED);
    if (head <= mask_) [[likely]]
      return head;
    fail(VringFault::kHeadOutOfRange, head);
    return 0;
  }
  void take(unsigned count) noexcept {
    if (layout_.is_packed) packed_.take(count);
    next_ = static_cast<std::uint16_t>(next_ + count);
  }
  /// Index of the next chain to be taken; of a packed ring its place and wrap counter (bit 15).
  [[nodiscard]] std::uint16_t next() const noexcept { return layout_.is_packed ? packed_.base() : next_; }

  /// A copy of a descriptor; `at` is below size().
  [[nodiscard]] vring_desc descriptor(std::uint16_t at) const noexcept {
    if (!layout_.is_packed) return copy_once(&layout_.descriptors[at]);
    const vring_packed_desc copy = copy_once(&layout_.packed.ring[at]);
    constexpr std::uint16_t kShared = VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT;
    return {copy.addr, copy.len, static_cast<std::uint16_t>(copy.flags & kShared),
            static_cast<std::uint16_t>((at + 1) & mask_)};
  }
  /// Gives a taken chain back, with `written` octets in its buffers; the driver sees it after publish().
  void put_used(std::uint16_t head, std::uint32_t written) noexcept {
    if (layout_.is_packed) return packed_.put_used(written);
    vring_used_elem& element = layout_.used->ring[used_ & mask_];
    element.id = head;
    element.len = written;
    ++used_;
  }
  [[nodiscard]] bool has_unpublished() const noexcept {
    return layout_.is_packed ? packed_.has_unpublished() : used_ != published_;
  }
  /// Makes what was put visible; true when the driver wants to be told.
  [[nodiscard]] bool publish() noexcept;

  /// The driver need not tell of new chains.
  void suppress_kicks() noexcept;
  /// It must from now on; true when some have come in the meantime, and it was in vain.
  [[nodiscard]] bool ask_for_kicks() noexcept;

  [[nodiscard]] unsigned size() const noexcept { return layout_.size; }
  [[nodiscard]] bool is_packed() const noexcept { return layout_.is_packed; }
  /// A part of a buffer; of no size after a fault.
  [[nodiscard]] Piece at(std::uint64_t guest_address, std::uint32_t size) noexcept {
    const Piece piece = memory_->at(guest_address, size, hint_);
    if (piece.size == 0) [[unlikely]]
      fail(VringFault::kOutsideMemory, guest_address);
    return piece;
  }
  /// Whether all of a buffer lies in the guest's memory; else the ring has failed.
  [[nodiscard]] bool holds(std::uint64_t guest_address, std::uint32_t size) noexcept;
  /// Copies the descriptors of the next chains, of which as many wait (available()) and there is room for in `chains`,
  /// and brings the beginnings of their buffers near, and what put_used() writes. How many chains: all, or none after a
  /// fault.
  [[nodiscard]] unsigned look_ahead(unsigned count, VringDirection direction,
                                    std::span<WaitingChain, kMaxAhead> chains) noexcept;
  /// Whether a file of the guest's memory, or of a log, was truncated.
  [[nodiscard]] bool memory_lost() const noexcept;
  /// The device has written there.
  void wrote(std::uint64_t guest_address, std::uint32_t size) const noexcept {
    if (log_ != nullptr) [[unlikely]]
      log_->mark(guest_address, size);
  }

  /// Reads a thing that may change meanwhile: the copy is whole before anything is done with it, and not read again.
  template <typename T>
  [[nodiscard]] static T copy_once(const T* from) noexcept {
    T copy;
    std::memcpy(&copy, static_cast<const void*>(from), sizeof copy);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return copy;
  }

 private:
  [[nodiscard]] unsigned look_again(unsigned wanted) noexcept;
  [[nodiscard]] unsigned packed_available(unsigned wanted) noexcept;

  VringLayout layout_;
  PackedRing packed_;  // of a packed one
  std::uint16_t mask_ = 0;
  std::uint16_t next_ = 0;       // of the available ring: taken so far
  std::uint16_t seen_ = 0;       // its index when last looked at
  std::uint16_t used_ = 0;       // of the used ring: put so far
  std::uint16_t published_ = 0;  // and visible
  bool event_index_ = false;
  bool has_called_ = false;  // publish() has decided at least once
  VringTrouble trouble_;
  std::size_t hint_ = 0;
  const GuestMemory* memory_ = nullptr;
  const DirtyLog* log_ = nullptr;
  const DirtyLog* used_log_ = nullptr;
};

/// Walks the descriptors of one chain, direct and indirect ones, each copied once and checked.
class ChainWalk {
 public:
  /// As QEMU's VIRTQUEUE_MAX_SIZE, of a chain and of an indirect table; a longer one would be a way to keep us busy.
  static constexpr unsigned kMaxDescriptors = 1024;

  ChainWalk(Vring& ring, std::uint16_t head, VringDirection direction) noexcept
      : ring_(&ring), head_(head), next_(head), direction_(direction) {}

  /// The next buffer as the guest gave it; false at the end, or when the ring has failed.
  [[nodiscard]] bool next(vring_desc& buffer) noexcept;

 private:
  [[nodiscard]] bool enter_table(const vring_desc& descriptor) noexcept;

  Vring* ring_;
  std::uint16_t head_;
  std::uint16_t next_;
  VringDirection direction_;
  bool ended_ = false;
  unsigned count_ = 0;            // descriptors so far
  std::uint64_t table_ = 0;       // guest address of an indirect table; of no meaning while table_size_ is 0
  std::uint32_t table_size_ = 0;  // descriptors in it
};

}  // namespace rb
