// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/tap/tap_port.hpp"

#include <algorithm>
#include <cerrno>

#include "ports/engine/burst.hpp"
#include "ports/engine/port_context.hpp"

namespace rb {
namespace {

// Tag::detail of a read: the queue's number above the buffer's.
constexpr std::uint64_t read_detail(std::size_t queue, BufferId buffer) noexcept {
  return std::uint64_t{queue} << 16 | buffer;
}

}  // namespace

TapPort::TapPort(PortIndex index, unsigned write_file, const std::vector<unsigned>& read_files, bool nowait)
    : Port(index), writer_(index, write_file, nowait ? RWF_NOWAIT : 0), nowait_(nowait) {
  for (const unsigned file : read_files) queues_.push_back({.file = file});
}

std::size_t TapPort::waiting_read_count() const noexcept {
  return queues_.size() * (nowait_ ? 1 : kMaxWaitingBurst);
}

bool TapPort::stopped() const noexcept {
  return stopping_ && std::ranges::all_of(queues_, [](const Queue& queue) { return queue.outstanding == 0; });
}

void TapPort::arm(PortContext& context) noexcept {
  for (std::size_t number = 0; number < queues_.size(); ++number) {
    if (queues_[number].outstanding == 0 && !queues_[number].failed) arm_queue(number, context);
  }
}

void TapPort::arm_queue(std::size_t number, PortContext& context) noexcept {
  Queue& queue = queues_[number];
  const unsigned burst = std::max(1U, std::min(queue.burst, context.batch().read_budget()));
  context.batch().spend_read_budget(burst);
  queue.found = 0;
  unsigned reads = 1;  // the last read, which waits
  for (; reads < burst; ++reads) {
    if (nowait_) {
      const BufferId buffer = context.pool().take();
      if (buffer == kNoBuffer) break;
      read_now(number, buffer, context);
    } else {
      read_wait(number, context);
    }
  }
  read_wait(number, context);
  queue.outstanding = reads;
}

void TapPort::read_now(std::size_t number, BufferId buffer, PortContext& context) noexcept {
  io_uring_sqe* sqe = context.ring().entry();
  io_uring_prep_read(sqe, static_cast<int>(queues_[number].file), context.pool().address(buffer),
                     BufferPool::kBufferSize, 0);
  io_uring_sqe_set_flags(sqe, context.file_flag());
  sqe->rw_flags = RWF_NOWAIT;
  io_uring_sqe_set_data64(sqe, Tag{Operation::kReadNow, index(), read_detail(number, buffer)}.pack());
}

void TapPort::read_wait(std::size_t number, PortContext& context) noexcept {
  io_uring_sqe* sqe = context.ring().entry();
  io_uring_prep_read(sqe, static_cast<int>(queues_[number].file), nullptr, BufferPool::kBufferSize, 0);
  io_uring_sqe_set_flags(sqe, context.file_flag() | IOSQE_BUFFER_SELECT);
  sqe->buf_group = Ring::kBufferGroup;
  io_uring_sqe_set_data64(sqe, Tag{Operation::kReadWait, index(), read_detail(number, kNoBuffer)}.pack());
}

void TapPort::complete(const Tag& tag, const io_uring_cqe& completion, PortContext& context) noexcept {
  if (tag.operation == Operation::kWrite) return writer_.failed(tag, -completion.res, context);
  BufferId buffer = kNoBuffer;
  if (tag.operation == Operation::kReadNow) {
    buffer = static_cast<BufferId>(tag.detail & 0xffff);
  } else if ((completion.flags & IORING_CQE_F_BUFFER) != 0) {
    buffer = static_cast<BufferId>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
  }
  read_completed(tag.detail >> 16, buffer, completion.res, context);
}

void TapPort::read_completed(std::size_t number, BufferId buffer, int result, PortContext& context) noexcept {
  Queue& queue = queues_[number];
  --queue.outstanding;
  if (result >= static_cast<int>(sizeof(VnetHeader))) {
    ++queue.found;
    const auto size = static_cast<std::uint32_t>(result);
    if (size >= BufferPool::kBufferSize) {
      context.drop_received(index(), buffer, size, DropReason::kTruncated);
    } else {
      context.batch().receive(index(), buffer, context.pool().address(buffer), size);
    }
  } else {
    if (buffer != kNoBuffer) context.pool().give_back(buffer);
    // A tap returns at least a header, so a device that returns less is not a tap.
    const int error = result < 0 ? -result : EPROTO;
    switch (error) {
      case EAGAIN:  // the queue is empty
      case EINTR:
      case ENOBUFS:    // there is no provided buffer; there will be some after the next submit
      case ECANCELED:  // stop()
        break;
      default:  // EBADFD, EFAULT: the device was deleted; other errors would not disappear with another read either
        if (!queue.failed) context.report_port_error(index(), error);
        queue.failed = true;
    }
  }
  if (queue.outstanding != 0 || queue.failed || stopping_) return;
  queue.burst = next_burst(queue.found, max_burst());
  context.arm_later(*this);
}

void TapPort::transmit(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept {
  writer_.transmit(indexes, to, context);
}

void TapPort::stop(PortContext& context) noexcept {
  stopping_ = true;
  for (std::size_t number = 0; number < queues_.size(); ++number) {
    if (queues_[number].outstanding == 0) continue;
    io_uring_sqe* sqe = context.ring().entry();
    io_uring_prep_cancel64(sqe, Tag{Operation::kReadWait, index(), read_detail(number, kNoBuffer)}.pack(),
                           IORING_ASYNC_CANCEL_ALL);
    io_uring_sqe_set_data64(sqe, Tag{Operation::kCancel}.pack());
  }
}

void TapPort::release(PortContext& context) noexcept {
  context.remove_file(writer_.file());
  for (const Queue& queue : queues_) {
    if (queue.file != writer_.file()) context.remove_file(queue.file);
  }
}

std::unique_ptr<Port> TapPortDevice::make_port(PortIndex index, PortContext& context) {
  const std::vector<UniqueFd>& queues = tap_.queues;
  // Single-queue ports are spread over the workers by their index. One worker reads a queue, and a worker writes to a
  // queue that it also reads, if there is one.
  std::vector<unsigned> read_files;
  std::optional<unsigned> write_file;
  bool full = false;
  for (std::size_t queue = 0; queue < queues.size(); ++queue) {
    if ((index + queue) % context.worker_count() != context.worker_number()) continue;
    const std::optional<unsigned> file = context.add_file(queues[queue].get());
    if (!file) {
      full = true;
      break;
    }
    read_files.push_back(*file);
    if (!write_file) write_file = file;
  }
  if (!full && !write_file) write_file = context.add_file(queues[context.worker_number() % queues.size()].get());
  if (!full && write_file) return std::make_unique<TapPort>(index, *write_file, read_files, context.nowait());
  for (const unsigned file : read_files) context.remove_file(file);
  return nullptr;
}

}  // namespace rb
