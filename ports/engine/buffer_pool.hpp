// SPDX-License-Identifier: GPL-2.0-or-later
// BufferPool: one worker's frame buffers; each is large enough for any frame a tap can give.
//
// How it works. There is one size, since with TSO any read may bring 64 KiB. A slot is virtual memory until a frame
// touches it, so a 64-octet frame costs one cache line, not 64 KiB. take() gives the lowest free slot: as few slots as
// possible circulate and stay hot, which for 64 KiB frames decides whether they are copied out of the second-level
// cache or out of memory. The stride is no multiple of a page, so the heads of the slots spread over the cache's sets.
//
// A buffer has one owner at a time: the pool; a read that waits in the kernel (through the ring of provided buffers);
// the batch; or the writes that the next submit() completes. The worker gives it back after that submit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "switch/vnet_header.hpp"

namespace rb {

using BufferId = std::uint16_t;
inline constexpr BufferId kNoBuffer = 0xffff;

class BufferPool {
 public:
  /// Bytes that fit in a buffer: virtio_net_hdr, Ethernet header, two VLAN tags, and the 64 KiB - 1 that a GSO frame
  /// may have (GSO_LEGACY_MAX_SIZE, which a tap cannot exceed), and one more, so that a full buffer means truncated.
  static constexpr std::size_t kBufferSize = sizeof(VnetHeader) + 14 + 8 + 65536 + 1;
  static constexpr std::size_t kStride = 65 * 1024 + 5 * 64;  // octets; odd in cache lines beyond a page
  static_assert(kStride > kBufferSize);

  explicit BufferPool(std::size_t buffer_count);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// The lowest free buffer, or kNoBuffer.
  [[nodiscard]] BufferId take() noexcept;
  void give_back(BufferId id) noexcept;
  [[nodiscard]] std::byte* address(BufferId id) const noexcept { return memory_ + id * kStride; }
  [[nodiscard]] std::size_t free_count() const noexcept { return free_count_; }

 private:
  std::byte* memory_ = nullptr;
  std::size_t memory_size_ = 0;
  std::vector<std::uint64_t> free_;  // one bit a buffer
  std::size_t free_count_ = 0;
  std::size_t lowest_word_ = 0;  // no free bit stands in a word below
};

}  // namespace rb
