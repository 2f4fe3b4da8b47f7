// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/batch.hpp"

#include <utility>

namespace rb {

Batch::Batch(Owner& owner) : owner_(owner) {
  sending_.reserve(kNoBuffer);
  lenders_.reserve(kMaxPorts);
  sending_lenders_.reserve(kMaxPorts);
}

void Batch::sent() noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (buffers_[i] != kNoBuffer) sending_.push_back(buffers_[i]);
  }
  count_ = lent_piece_count_ = lent_heads_size_ = 0;
  std::swap(lenders_, sending_lenders_);
}

void Batch::give_back_buffers(BufferPool& pool) noexcept {
  for (const BufferId id : sending_) pool.give_back(id);
  sending_.clear();
}

void Batch::give_back_lent(PortContext& context) noexcept {
  for (Port* port : sending_lenders_) port->take_back(context);
  sending_lenders_.clear();
}

}  // namespace rb
