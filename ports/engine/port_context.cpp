// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/port_context.hpp"

#include <algorithm>
#include <utility>

namespace rb {

PortContext::PortContext(const Options& options, const Surroundings& surroundings)
    : options_(options),
      relay_(surroundings.relay),
      counters_(surroundings.counters),
      mail_room_(surroundings.mail_room),
      errors_(surroundings.errors),
      files_(options.file_names, options.file_count),
      batch_(surroundings.batch_owner) {
  ready_.reserve(kMaxPorts);
}

Result<> PortContext::open_ring() {
  Result<Ring> ring = Ring::make(options_.file_count, kMaxProvided);
  if (!ring) return std::unexpected(ring.error());
  ring_.emplace(std::move(*ring));
  return {};
}

void PortContext::drop_received(PortIndex ingress, BufferId buffer, std::uint32_t size, DropReason reason) noexcept {
  PortCounters& counters = counters_[ingress];
  PortCounters::Traffic& rx = counters.rx[static_cast<std::size_t>(CastKind::kUnicast)];
  rx.frames.add(1);
  rx.bytes.add(size);
  counters.drop(reason);
  pool_.give_back(buffer);
}

void PortContext::provide_buffers(std::size_t count) noexcept {
  count = std::min(count, kMaxProvided);
  while (provided_count_ < count) {
    const BufferId id = pool_.take();
    if (id == kNoBuffer) break;
    ring_->provide_buffer(pool_.address(id), BufferPool::kBufferSize, id);
    ++provided_count_;
  }
  ring_->commit_buffers();
}

void PortContext::submit(unsigned wait_count) noexcept {
  // Rings in memory need no system call; completions that wait for one are found by reap().
  if (wait_count != 0 || ring_->has_unsubmitted()) ring_->submit(wait_count);
  // Writes to taps and datagram sockets never wait (frame_writer.hpp): they complete inside the submit.
  batch_.give_back_buffers(pool_);
  spaces_.clear();
  written_ = true;
  batch_.give_back_lent(*this);
}

void PortContext::batch_sent() noexcept {
  batch_.sent();
  written_ = !ring_->has_unsubmitted();
  if (written_) batch_.give_back_lent(*this);
}

}  // namespace rb
