// SPDX-License-Identifier: GPL-2.0-or-later
// RecordRing: a queue of frames from one thread to another, bounded in bytes. Lock-free, one producer, one consumer.
//
// How it works. A record is a header and the first octets of a frame, and takes no more memory than both have. Records
// lie behind each other in one ring of bytes, each in one piece: what is left before the end of the ring is skipped
// when a record does not fit there. Memory is allocated only in the constructor, and no page of it is touched before a
// record reaches the page.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

#include "switch/frame.hpp"

namespace rb {

/// `Header` says what a frame is; kCapacity is in bytes.
template <typename Header, std::size_t kCapacity>
class RecordRing {
  static_assert(std::is_trivially_copyable_v<Header> && alignof(Header) <= 8 && kCapacity % 8 == 0);

 public:
  /// Bytes that a record with so many octets of a frame takes.
  [[nodiscard]] static constexpr std::size_t record_size(std::size_t octets) noexcept {
    return (sizeof(Record) + octets + alignof(Record) - 1) / alignof(Record) * alignof(Record);
  }

  /// Copies a header and the first `octets` octets of a frame, which has as many, into the ring. Returns false when the
  /// record does not fit, or would leave fewer than `keep_free` bytes. The producer's thread.
  [[nodiscard]] bool push(const Header& header, const Frame& frame, std::uint32_t octets,
                          std::size_t keep_free = 0) noexcept {
    const std::size_t size = record_size(octets);
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    const std::size_t free = kCapacity - (tail - head_.load(std::memory_order_acquire));
    const std::size_t at = tail % kCapacity, to_end = kCapacity - at;
    const std::size_t skipped = size <= to_end ? 0 : to_end;
    if (size + skipped + keep_free > free) return false;
    if (skipped != 0) new (&memory_[at]) Record{};
    auto* record =
        new (&memory_[(tail + skipped) % kCapacity]) Record{static_cast<std::uint32_t>(size), octets, header};
    auto* to = reinterpret_cast<std::byte*>(record + 1);
    for (std::size_t i = 0; octets != 0; ++i) {
      const std::uint32_t part = std::min(frame.pieces[i].size, octets);
      if (part != 0) std::memcpy(to, frame.pieces[i].data, part);
      to += part;
      octets -= part;
    }
    tail_.store(tail + skipped + size, std::memory_order_release);
    return true;
  }

  /// Calls `use(Header&, std::span<std::byte> octets)` for each record that is there, `max` at most; a record is gone
  /// after the call. Returns how many there were. The consumer's thread.
  template <typename Use>
  std::size_t drain(Use&& use, std::size_t max = std::numeric_limits<std::size_t>::max()) {
    std::size_t head = head_.load(std::memory_order_relaxed), count = 0;
    const std::size_t tail = tail_.load(std::memory_order_acquire);
    while (head != tail && count < max) {
      auto* record = reinterpret_cast<Record*>(&memory_[head % kCapacity]);
      if (record->size == 0) {
        head += kCapacity - head % kCapacity;
        continue;
      }
      use(record->header, std::span(reinterpret_cast<std::byte*>(record + 1), record->octets));
      head += record->size;
      ++count;
    }
    head_.store(head, std::memory_order_release);
    return count;
  }

 private:
  struct alignas(8) Record {
    std::uint32_t size = 0;    // bytes of the record, this header included; 0: the next record stands at the beginning
    std::uint32_t octets = 0;  // of the frame, behind this header
    Header header{};
  };

  // The mark that says "go on at the beginning" may stand in the last bytes of the ring.
  std::unique_ptr<std::byte[]> memory_ = std::make_unique_for_overwrite<std::byte[]>(kCapacity + sizeof(Record));
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
};

}  // namespace rb
