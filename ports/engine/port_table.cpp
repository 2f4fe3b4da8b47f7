// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/port_table.hpp"

#include <utility>

namespace rb {

namespace {

constexpr std::size_t kSpareBuffers = 4;  // provided beyond those that reads wait for, so that a burst finds some

}  // namespace

PortTable::PortTable(PortContext& context) : context_(context), ports_(kMaxPorts) {
  arming_.reserve(kMaxPorts);
}

void PortTable::add(std::unique_ptr<Port> port) {
  waiting_read_count_ += port->waiting_read_count();
  context_.arm_later(*port);
  ports_[port->index()] = std::move(port);
}

void PortTable::remove(PortIndex index, Removed removed) {
  Port* port = ports_[index].get();
  if (port == nullptr) return removed(nullptr);
  std::erase(context_.ready(), port);
  port->stop(context_);
  removals_.push_back({index, std::move(removed)});
}

void PortTable::finish_removals() {
  for (std::size_t i = 0; i < removals_.size();) {
    if (!ports_[removals_[i].index]->stopped()) {
      ++i;
      continue;
    }
    context_.submit(0);  // no request that is not submitted yet may still name the port's files
    Removal removal = std::move(removals_[i]);
    removals_.erase(removals_.begin() + static_cast<std::ptrdiff_t>(i));
    std::unique_ptr<Port> port = std::move(ports_[removal.index]);
    waiting_read_count_ -= port->waiting_read_count();
    port->release(context_);
    removal.removed(std::move(port));
  }
}

void PortTable::arm() {
  Batch& batch = context_.batch();
  batch.begin_round();
  std::vector<Port*>& ready = context_.ready();
  std::swap(ready, arming_);
  std::size_t next = 0;
  for (; next < arming_.size() && batch.read_budget() > 0; ++next) arming_[next]->arm(context_);
  // Ports that found no budget come first in the next round.
  ready.insert(ready.begin(), arming_.begin() + static_cast<std::ptrdiff_t>(next), arming_.end());
  arming_.clear();
  context_.provide_buffers(waiting_read_count_ + kSpareBuffers);
}

void PortTable::complete(const Tag& tag, const io_uring_cqe& completion) noexcept {
  if (tag.operation == Operation::kReadWait && (completion.flags & IORING_CQE_F_BUFFER) != 0)
    context_.provided_buffer_taken();
  if (Port* port = find(tag.port); port != nullptr) port->complete(tag, completion, context_);
}

}  // namespace rb
