// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/socket/stream_port.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "ports/engine/port_context.hpp"
#include "switch/big_endian.hpp"
#include "switch/offload.hpp"

namespace rb {
namespace {

// Values of Tag::detail.
constexpr std::uint64_t kReceive = 0, kSend = 1;

}  // namespace

StreamPort::StreamPort(PortIndex index, unsigned file, Framing framing)
    : OwnedPort(index),
      file_(file),
      framing_(framing),
      received_(std::make_unique_for_overwrite<std::byte[]>(kReceiveSize)),
      to_send_(std::make_unique_for_overwrite<std::byte[]>(kSendSize)) {}

void StreamPort::arm(PortContext& context) noexcept {
  if (failed_ || stopping_ || receiving_) return;
  take_frames(context);
  if (!failed_ && !waits_) receive(context);
}

void StreamPort::take_frames(PortContext& context) noexcept {
  waits_ = false;
  while (end_ - begin_ >= length_size()) {
    const std::byte* at = &received_[begin_];
    const std::size_t size = framing_ == Framing::kLen32 ? load32(at) : load16(at);
    if (size == 0 || size > kMaxFrameSize) return fail(EPROTO, context);
    if (end_ - begin_ < length_size() + size) break;
    const BufferId buffer = context.batch().read_budget() == 0 ? kNoBuffer : context.pool().take();
    if (buffer == kNoBuffer) {
      // The present batch goes first, and then its buffers come back.
      waits_ = true;
      return context.arm_later(*this);
    }
    context.batch().spend_read_budget(1);
    std::byte* start = context.pool().address(buffer);
    new (start) VnetHeader{};
    std::memcpy(start + sizeof(VnetHeader), at + length_size(), size);
    begin_ += length_size() + size;
    context.batch().receive(index(), buffer, start, static_cast<std::uint32_t>(sizeof(VnetHeader) + size));
  }
  std::memmove(received_.get(), &received_[begin_], end_ - begin_);
  end_ -= std::exchange(begin_, 0);
}

void StreamPort::receive(PortContext& context) noexcept {
  io_uring_sqe* sqe = context.ring().entry();
  io_uring_prep_recv(sqe, static_cast<int>(file_), &received_[end_], kReceiveSize - end_, 0);
  io_uring_sqe_set_flags(sqe, context.file_flag());
  io_uring_sqe_set_data64(sqe, Tag{Operation::kSocket, index(), kReceive}.pack());
  receiving_ = true;
}

void StreamPort::complete(const Tag& tag, const io_uring_cqe& completion, PortContext& context) noexcept {
  const int result = completion.res;
  if (tag.detail == kReceive) {
    receiving_ = false;
    if (stopping_) return;
    if (result > 0) {
      end_ += static_cast<std::size_t>(result);
    } else if (result != -EINTR && result != -EAGAIN) {
      return fail(result == 0 ? ECONNRESET : -result, context);
    }
    return context.arm_later(*this);
  }
  sending_ = false;
  if (stopping_) return;
  if (result >= 0) {
    head_ += static_cast<std::size_t>(result);
  } else if (result != -EINTR && result != -EAGAIN) {
    return fail(-result, context);
  }
  flush(context);
}

bool StreamPort::begin_frame(std::size_t size) noexcept {
  if (kSendSize - (tail_ - head_) < length_size() + size) return false;
  std::array<std::byte, 4> length;
  store32(length.data(), static_cast<std::uint32_t>(size));
  append(length.data() + 4 - length_size(), length_size());
  return true;
}

void StreamPort::append(const void* data, std::size_t size) noexcept {
  const std::size_t at = tail_ % kSendSize, first = std::min(size, kSendSize - at);
  std::memcpy(&to_send_[at], data, first);
  std::memcpy(to_send_.get(), static_cast<const std::byte*>(data) + first, size - first);
  tail_ += size;
}

void StreamPort::send(const Frame& frame, CastKind cast, const PortState& to, PortContext& context) noexcept {
  if (failed_ || stopping_) return context.counters(index()).drop(DropReason::kEgressDown);
  if (needs_software_offload(*frame.vnet, to.accepts)) return send_segments(frame, cast, context);
  if (!has_length(frame.size)) return context.counters(index()).drop(DropReason::kOverMtu);
  if (!begin_frame(frame.size)) return context.counters(index()).drop(DropReason::kEgressFull);
  for (std::size_t i = 0; i < frame.piece_count; ++i) append(frame.pieces[i].data, frame.pieces[i].size);
  context.count_sent(index(), cast, frame.size);
}

void StreamPort::send_segments(const Frame& frame, CastKind cast, PortContext& context) noexcept {
  Segmenter segmenter(frame);
  if (!segmenter.valid()) return context.counters(index()).drop(DropReason::kCannotSegment);
  // The frame counts once, and so does any loss of its segments.
  std::array<std::byte, Segmenter::kScratchSize> scratch;
  Segmenter::Segment segment;
  bool whole = true;
  while (segmenter.next(scratch, segment)) {
    if (!has_length(segment.size)) return context.counters(index()).drop(DropReason::kOverMtu);
    if (!begin_frame(segment.size)) {
      whole = false;
      break;
    }
    append(scratch.data() + sizeof(VnetHeader), segment.head_size - sizeof(VnetHeader));
    for (std::size_t i = 0; i < segment.payload_count; ++i) append(segment.payload[i].data, segment.payload[i].size);
  }
  if (!whole) return context.counters(index()).drop(DropReason::kEgressFull);
  context.count_sent(index(), cast, frame.size);
}

void StreamPort::flush(PortContext& context) noexcept {
  if (sending_ || failed_ || stopping_ || head_ == tail_) return;
  const std::size_t at = head_ % kSendSize;
  io_uring_sqe* sqe = context.ring().entry();
  io_uring_prep_send(sqe, static_cast<int>(file_), &to_send_[at], std::min(tail_ - head_, kSendSize - at),
                     MSG_NOSIGNAL);
  io_uring_sqe_set_flags(sqe, context.file_flag());
  io_uring_sqe_set_data64(sqe, Tag{Operation::kSocket, index(), kSend}.pack());
  sending_ = true;
}

void StreamPort::fail(int error, PortContext& context) noexcept {
  if (std::exchange(failed_, true)) return;
  context.report_port_error(index(), error);
}

void StreamPort::stop(PortContext& context) noexcept {
  stopping_ = true;
  for (const auto& [outstanding, detail] : {std::pair{receiving_, kReceive}, std::pair{sending_, kSend}}) {
    if (!outstanding) continue;
    io_uring_sqe* sqe = context.ring().entry();
    io_uring_prep_cancel64(sqe, Tag{Operation::kSocket, index(), detail}.pack(), 0);
    io_uring_sqe_set_data64(sqe, Tag{Operation::kCancel}.pack());
  }
}

void StreamPort::release(PortContext& context) noexcept {
  context.remove_file(file_);
}

std::unique_ptr<Port> StreamPortDevice::make_port(PortIndex index, PortContext& context) {
  const unsigned owner = index % context.worker_count();
  if (owner != context.worker_number()) return std::make_unique<RemotePort>(index, owner);
  const std::optional<unsigned> file = context.add_file(socket_.get());
  if (!file) return nullptr;
  return std::make_unique<StreamPort>(index, *file, framing_);
}

}  // namespace rb
