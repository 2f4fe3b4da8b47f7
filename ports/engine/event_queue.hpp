// SPDX-License-Identifier: GPL-2.0-or-later
// EventQueue: a bounded queue from one worker to the control thread. An event that finds it full is lost and counted.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace rb {

/// One producer, one consumer, no lock. kCapacity is a power of two.
template <typename Event, std::size_t kCapacity>
class EventQueue {
  static_assert((kCapacity & (kCapacity - 1)) == 0);

 public:
  /// Producer. False when the queue is full; the event is then counted as lost.
  bool push(const Event& event) noexcept {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kCapacity) {
      lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return false;
    }
    events_[tail % kCapacity] = event;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  /// Consumer. False when the queue is empty.
  bool pop(Event& event) noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return false;
    event = events_[head % kCapacity];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }
  /// Any thread.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

 private:
  // The consumer's and the producer's members are in cache lines of their own, so that neither thread takes a line from
  // the other's cache in vain.
  alignas(64) std::atomic<std::size_t> head_{0};
  std::unique_ptr<Event[]> events_ = std::make_unique<Event[]>(kCapacity);
  alignas(64) std::atomic<std::size_t> tail_{0};
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace rb
