// SPDX-License-Identifier: GPL-2.0-or-later
// RingScene moves frames of 64 octets from one vring into another, in memory of its own, without guest and eventfd.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "ports/vhost/guest_frames.hpp"
#include "ports/vhost/packed_ring.hpp"
#include "ports/vhost/vring.hpp"

namespace rb::bench {

/// Does the work of VhostPort with its rings in a round, without a worker: it takes chains, copies their heads, puts
/// frames into the other ring, and publishes both rings. Every chain is one descriptor with one buffer.
class RingScene {
 public:
  enum class Kind : std::uint8_t { kSplit, kPacked };
  static constexpr unsigned kBatch = 32;  // frames in a pass

  explicit RingScene(Kind kind) : kind_(kind) {
    if (file_.get() < 0 || ::ftruncate(file_.get(), kSize) != 0 || !memory_.add({0, kSize, 0, 0}, file_.get())) {
      std::perror("memory for the rings");
      std::exit(1);
    }
    for (const bool to_guest : {false, true}) describe_all(to_guest);
    from_ = ring(false);
    to_ = ring(true);
  }

  /// The guests' part of a round: they offer all buffers again.
  void offer() noexcept {
    for (const bool to_guest : {false, true}) {
      if (kind_ == Kind::kSplit) {
        // The heads are in the available ring from the beginning, because each round has the same order.
        auto& index = part<vring_avail>(to_guest, kAvailable).idx;
        __atomic_store_n(&index, static_cast<std::uint16_t>(index + kBatch), __ATOMIC_RELEASE);
      } else {
        for (unsigned i = 0; i < kBatch; ++i) describe(to_guest, (offered_ + i) % kRingSize, wrap_);
      }
    }
    offered_ += kBatch;
    if (offered_ % kRingSize == 0) wrap_ = !wrap_;
  }

  /// The switch's part of a round. Returns the number of frames.
  unsigned pass() noexcept {
    const unsigned count = from_.look_ahead(from_.available(kBatch), VringDirection::kFromGuest, sent_);
    const unsigned room = to_.look_ahead(to_.available(count), VringDirection::kToGuest, received_);
    unsigned put = 0;
    for (; put < room && sent_[put].simple.size == kHeaderSize + kFrameSize; ++put) {
      const std::byte* const octets = sent_[put].simple.data;
      VnetHeader vnet;
      std::memcpy(&vnet, octets, kHeaderSize);
      std::array<std::byte, kFrameSize> head;
      copy_octets(head.data(), octets + kHeaderSize, kFrameSize);
      Piece piece{head.data(), kFrameSize};
      write_frame(received_[put].simple.data, {&vnet, &piece, kFrameSize, 1, 0}, vnet, kHeaderSize);
      to_.put_used(received_[put].head, kHeaderSize + kFrameSize);
      from_.put_used(sent_[put].head, 0);
    }
    to_.take(put);
    from_.take(put);
    (void)from_.publish();
    (void)to_.publish();
    return put;
  }

 private:
  static constexpr unsigned kRingSize = 256;
  static constexpr std::uint32_t kHeaderSize = 12, kFrameSize = 64, kBufferSize = 128;
  // Guest addresses: offsets of each ring's parts, and of its buffers.
  static constexpr std::uint64_t kPart = 0x10000, kAvailable = 0x2000, kUsed = 0x4000, kBuffers = 0x8000;
  static constexpr std::uint64_t kSize = 2 * kPart;
  static_assert(kBuffers + kRingSize * kBufferSize <= kPart && kRingSize % kBatch == 0);

  template <typename T>
  [[nodiscard]] T& part(bool to_guest, std::uint64_t offset) const noexcept {
    std::size_t hint = 0;
    return *reinterpret_cast<T*>(memory_.at(kPart * to_guest + offset, 1, hint).data);
  }
  void describe_all(bool to_guest) noexcept {
    for (unsigned i = 0; i < kRingSize; ++i) {
      if (kind_ == Kind::kPacked) {
        describe(to_guest, i, false);
        continue;
      }
      (&part<vring_desc>(to_guest, 0))[i] = {buffer(to_guest, i), size(to_guest), flags(to_guest), 0};
      part<vring_avail>(to_guest, kAvailable).ring[i] = static_cast<std::uint16_t>(i);
    }
  }
  /// Makes a descriptor of a packed ring available in the round with this wrap counter.
  void describe(bool to_guest, unsigned at, bool wrap) noexcept {
    vring_packed_desc& descriptor = (&part<vring_packed_desc>(to_guest, 0))[at];
    descriptor = {buffer(to_guest, at), size(to_guest), static_cast<std::uint16_t>(at), descriptor.flags};
    const auto shown = static_cast<std::uint16_t>(
        flags(to_guest) | (wrap ? 1 << VRING_PACKED_DESC_F_AVAIL : 1 << VRING_PACKED_DESC_F_USED));
    __atomic_store_n(&descriptor.flags, shown, __ATOMIC_RELEASE);
  }
  static std::uint64_t buffer(bool to_guest, unsigned at) noexcept {
    return kPart * to_guest + kBuffers + std::uint64_t{at} * kBufferSize;
  }
  static std::uint32_t size(bool to_guest) noexcept { return to_guest ? kBufferSize : kHeaderSize + kFrameSize; }
  static std::uint16_t flags(bool to_guest) noexcept { return to_guest ? VRING_DESC_F_WRITE : 0; }

  [[nodiscard]] Vring ring(bool to_guest) const noexcept {
    VringLayout layout;
    layout.size = kRingSize;
    if (kind_ == Kind::kPacked) {
      layout.is_packed = true;
      layout.packed = {&part<vring_packed_desc>(to_guest, 0), &part<vring_packed_desc_event>(to_guest, kAvailable),
                       &part<vring_packed_desc_event>(to_guest, kUsed)};
    } else {
      layout.descriptors = &part<vring_desc>(to_guest, 0);
      layout.available = &part<vring_avail>(to_guest, kAvailable);
      layout.used = &part<vring_used>(to_guest, kUsed);
    }
    constexpr std::uint16_t kBeginning = 0x8000;  // initial position of a packed ring, with its wrap counter set
    return {layout, kind_ == Kind::kPacked ? kBeginning : std::uint16_t{0}, false, memory_, nullptr, nullptr};
  }

  Kind kind_;
  UniqueFd file_{::memfd_create("ring_scene", MFD_CLOEXEC)};
  GuestMemory memory_;
  Vring from_, to_;
  std::array<WaitingChain, Vring::kMaxAhead> sent_, received_;
  unsigned offered_ = 0;
  bool wrap_ = true;  // wrap counter of the next packed descriptors
};

}  // namespace rb::bench
