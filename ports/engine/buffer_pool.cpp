// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/buffer_pool.hpp"

#include <sys/mman.h>

#include <bit>
#include <cassert>
#include <new>

namespace rb {

BufferPool::BufferPool(std::size_t buffer_count) : free_((buffer_count + 63) / 64), free_count_(buffer_count) {
  assert(buffer_count < kNoBuffer);
  memory_size_ = buffer_count * kStride;
  void* memory =
      mmap(nullptr, memory_size_, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<std::byte*>(memory);
  for (std::size_t id = 0; id < buffer_count; ++id) free_[id / 64] |= std::uint64_t{1} << id % 64;
}

BufferPool::~BufferPool() {
  munmap(memory_, memory_size_);
}

BufferId BufferPool::take() noexcept {
  while (lowest_word_ < free_.size() && free_[lowest_word_] == 0) ++lowest_word_;
  if (lowest_word_ == free_.size()) return kNoBuffer;
  const auto bit = static_cast<unsigned>(std::countr_zero(free_[lowest_word_]));
  free_[lowest_word_] &= free_[lowest_word_] - 1;
  --free_count_;
  return static_cast<BufferId>(lowest_word_ * 64 + bit);
}

void BufferPool::give_back(BufferId id) noexcept {
  const std::size_t word = id / 64U;
  assert((free_[word] >> id % 64U & 1) == 0);
  free_[word] |= std::uint64_t{1} << id % 64U;
  ++free_count_;
  if (word < lowest_word_) lowest_word_ = word;
}

}  // namespace rb
