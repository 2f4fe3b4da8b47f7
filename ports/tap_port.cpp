#include "ports/tap_port.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ports/worker.hpp"
#include "switch/offload.hpp"

namespace rb {
namespace {

// Tag::detail of a read: the queue's number above the buffer's.
constexpr std::uint64_t read_detail(std::size_t queue, BufferId buffer) noexcept {
  return std::uint64_t{queue} << 16 | buffer;
}

// Tag::detail of a write: what must be taken back from the counters should it fail.
constexpr std::uint64_t kWriteUncounted = std::uint64_t{1} << 39;  // a later segment of a frame that was cut
constexpr std::uint64_t write_detail(CastKind cast, std::uint32_t size) noexcept {
  return std::uint64_t{static_cast<std::uint8_t>(cast)} << 32 | size;
}

/// The one place that says what a tap's errors mean to a frame that was to leave.
DropReason reason_of_write_error(int error) noexcept {
  switch (error) {
    case EIO:     // the device is down
    case EBADFD:  // it was deleted
    case EBADF:
    case ENODEV:
      return DropReason::kEgressDown;
    case EAGAIN:  // somebody limited the send buffer
    case ENOBUFS:
    case ENOMEM:
      return DropReason::kEgressFull;
    case EINVAL:
      return DropReason::kRefused;  // a header the kernel does not believe
    default:
      return DropReason::kEgressError;
  }
}

}  // namespace

TapPort::TapPort(PortIndex index, unsigned write_file, const std::vector<unsigned>& read_files, bool nowait)
    : Port(index), write_file_(write_file), nowait_(nowait) {
  for (const unsigned file : read_files) queues_.push_back({.file = file});
}

std::size_t TapPort::waiting_read_count() const noexcept {
  return queues_.size() * (nowait_ ? 1 : kMaxWaitingBurst);
}

bool TapPort::stopped() const noexcept {
  return stopping_ && std::ranges::all_of(queues_, [](const Queue& queue) { return queue.outstanding == 0; });
}

void TapPort::arm(Worker& worker) noexcept {
  for (std::size_t number = 0; number < queues_.size(); ++number) {
    if (queues_[number].outstanding == 0 && !queues_[number].failed) arm_queue(number, worker);
  }
}

void TapPort::arm_queue(std::size_t number, Worker& worker) noexcept {
  Queue& queue = queues_[number];
  const unsigned burst = std::max(1U, std::min(queue.burst, worker.read_budget()));
  worker.spend_read_budget(burst);
  queue.found = 0;
  unsigned reads = 1;  // the last, which waits
  for (; reads < burst; ++reads) {
    if (nowait_) {
      const BufferId buffer = worker.pool().take();
      if (buffer == kNoBuffer) break;
      read_now(number, buffer, worker);
    } else {
      read_wait(number, worker);
    }
  }
  read_wait(number, worker);
  queue.outstanding = reads;
}

void TapPort::read_now(std::size_t number, BufferId buffer, Worker& worker) noexcept {
  io_uring_sqe* sqe = worker.ring().entry();
  io_uring_prep_read(sqe, static_cast<int>(queues_[number].file), worker.pool().address(buffer),
                     BufferPool::kBufferSize, 0);
  io_uring_sqe_set_flags(sqe, worker.file_flag());
  sqe->rw_flags = RWF_NOWAIT;
  io_uring_sqe_set_data64(sqe, Tag{Operation::kReadNow, index(), read_detail(number, buffer)}.pack());
}

void TapPort::read_wait(std::size_t number, Worker& worker) noexcept {
  io_uring_sqe* sqe = worker.ring().entry();
  io_uring_prep_read(sqe, static_cast<int>(queues_[number].file), nullptr, BufferPool::kBufferSize, 0);
  io_uring_sqe_set_flags(sqe, worker.file_flag() | IOSQE_BUFFER_SELECT);
  sqe->buf_group = Ring::kBufferGroup;
  io_uring_sqe_set_data64(sqe, Tag{Operation::kReadWait, index(), read_detail(number, kNoBuffer)}.pack());
}

void TapPort::complete(const Tag& tag, const io_uring_cqe& completion, Worker& worker) noexcept {
  if (tag.operation == Operation::kWrite) return write_failed(tag, -completion.res, worker);
  BufferId buffer = kNoBuffer;
  if (tag.operation == Operation::kReadNow) {
    buffer = static_cast<BufferId>(tag.detail & 0xffff);
  } else if ((completion.flags & IORING_CQE_F_BUFFER) != 0) {
    buffer = static_cast<BufferId>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
  }
  read_completed(tag.detail >> 16, buffer, completion.res, worker);
}

void TapPort::read_completed(std::size_t number, BufferId buffer, int result, Worker& worker) noexcept {
  Queue& queue = queues_[number];
  --queue.outstanding;
  if (result >= static_cast<int>(sizeof(VnetHeader))) {
    ++queue.found;
    const auto size = static_cast<std::uint32_t>(result);
    if (size >= BufferPool::kBufferSize) {
      worker.drop_received(index(), buffer, size, DropReason::kTruncated);
    } else {
      worker.receive(index(), buffer, size);
    }
  } else {
    if (buffer != kNoBuffer) worker.pool().give_back(buffer);
    switch (-result) {
      case EAGAIN:  // nothing there
      case EINTR:
      case ENOBUFS:    // no provided buffer: there are some again after the next submit
      case ECANCELED:  // stop()
        break;
      default:  // EBADFD, EFAULT: the device was deleted; anything else would not go away by asking again either
        if (!queue.failed) worker.report_port_error(index(), -result);
        queue.failed = true;
    }
  }
  if (queue.outstanding != 0 || queue.failed || stopping_) return;
  // What has just been found is the best guess of what waits now: ask for half as much again, so that a growing load is
  // met in a few rounds, and an ebbing one costs few reads in vain.
  queue.burst = std::min(queue.found + queue.found / 2 + 1, max_burst());
  worker.arm_later(*this);
}

void TapPort::transmit(std::span<const FrameIndex> indexes, const PortState& to, Worker& worker) noexcept {
  for (const FrameIndex index : indexes) {
    const Frame& frame = worker.frame(index);
    if (needs_software_offload(*frame.vnet, to.accepts)) [[unlikely]] {
      write_segments(frame, worker.cast(index), worker);
    } else {
      write_whole(frame, worker.cast(index), worker);
    }
  }
}

void TapPort::write_whole(const Frame& frame, CastKind cast, Worker& worker) noexcept {
  // The virtio_net_hdr stands right before the frame's first octet: in the buffer that was read, or in a form's head.
  const auto first = static_cast<std::uint32_t>(sizeof(VnetHeader)) + frame.pieces[0].size;
  io_uring_sqe* sqe = worker.ring().entry();
  if (frame.piece_count == 1) {
    io_uring_prep_write(sqe, static_cast<int>(write_file_), frame.vnet, first, 0);
  } else {
    const std::span<iovec> vectors = worker.segment_space().vectors;
    vectors[0] = {frame.vnet, first};
    for (std::size_t i = 1; i < frame.piece_count; ++i) vectors[i] = {frame.pieces[i].data, frame.pieces[i].size};
    io_uring_prep_writev(sqe, static_cast<int>(write_file_), vectors.data(), frame.piece_count, 0);
  }
  io_uring_sqe_set_flags(sqe, worker.file_flag() | IOSQE_CQE_SKIP_SUCCESS);
  sqe->rw_flags = nowait_ ? RWF_NOWAIT : 0;
  io_uring_sqe_set_data64(sqe, Tag{Operation::kWrite, index(), write_detail(cast, frame.size)}.pack());
  count_sent(cast, frame.size, worker);
}

void TapPort::write_segments(const Frame& frame, CastKind cast, Worker& worker) noexcept {
  Segmenter segmenter(frame);
  if (!segmenter.valid()) return worker.counters(index()).drop(DropReason::kCannotSegment);
  count_sent(cast, frame.size, worker);
  // The frame counts as one, and its first segment stands for it.
  std::uint64_t detail = write_detail(cast, frame.size);
  Segmenter::Segment segment;
  for (;;) {
    const Worker::SegmentSpace space = worker.segment_space();
    if (!segmenter.next(space.scratch, segment)) return;
    space.vectors[0] = {space.scratch.data(), segment.head_size};
    for (std::size_t i = 0; i < segment.payload_count; ++i) {
      space.vectors[i + 1] = {segment.payload[i].data, segment.payload[i].size};
    }
    io_uring_sqe* sqe = worker.ring().entry();
    io_uring_prep_writev(sqe, static_cast<int>(write_file_), space.vectors.data(), segment.payload_count + 1, 0);
    io_uring_sqe_set_flags(sqe, worker.file_flag() | IOSQE_CQE_SKIP_SUCCESS);
    sqe->rw_flags = nowait_ ? RWF_NOWAIT : 0;
    io_uring_sqe_set_data64(sqe, Tag{Operation::kWrite, index(), std::exchange(detail, kWriteUncounted)}.pack());
  }
}

void TapPort::count_sent(CastKind cast, std::uint32_t size, Worker& worker) noexcept {
  PortCounters::Traffic& tx = worker.counters(index()).tx[static_cast<std::size_t>(cast)];
  tx.frames.add(1);
  tx.bytes.add(size);
}

void TapPort::write_failed(const Tag& tag, int error, Worker& worker) noexcept {
  if ((tag.detail & kWriteUncounted) != 0) return;
  PortCounters& counters = worker.counters(index());
  PortCounters::Traffic& tx = counters.tx[tag.detail >> 32 & 3];
  tx.frames.subtract(1);
  tx.bytes.subtract(tag.detail & 0xffffffff);
  counters.drop(reason_of_write_error(error));
}

void TapPort::stop(Worker& worker) noexcept {
  stopping_ = true;
  for (std::size_t number = 0; number < queues_.size(); ++number) {
    if (queues_[number].outstanding == 0) continue;
    io_uring_sqe* sqe = worker.ring().entry();
    io_uring_prep_cancel64(sqe, Tag{Operation::kReadWait, index(), read_detail(number, kNoBuffer)}.pack(),
                           IORING_ASYNC_CANCEL_ALL);
    io_uring_sqe_set_data64(sqe, Tag{Operation::kCancel}.pack());
  }
}

void TapPort::release(Worker& worker) noexcept {
  worker.unregister_file(write_file_);
  for (const Queue& queue : queues_) {
    if (queue.file != write_file_) worker.unregister_file(queue.file);
  }
}

}  // namespace rb
