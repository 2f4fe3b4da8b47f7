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

void StreamPort::arm(PortContext& context) noexcept {
  if (failed_ || stopping_ || receiving_) return;
  take_frames(context);
  if (!failed_ && !waits_) receive(context);
}

void StreamPort::take_frames(PortContext& context) noexcept {
  waits_ = false;
  while (buffers_.end - buffers_.begin >= length_size()) {
    const std::byte* at = &buffers_.received[buffers_.begin];
    const std::size_t size = framing_ == Framing::kLen32 ? load32(at) : load16(at);
    if (size == 0 || size > kMaxFrameSize) return fail(EPROTO, context);
    if (buffers_.end - buffers_.begin < length_size() + size) break;
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
    buffers_.begin += length_size() + size;
    context.batch().receive(index(), buffer, start, static_cast<std::uint32_t>(sizeof(VnetHeader) + size));
  }
  std::memmove(buffers_.received.get(), &buffers_.received[buffers_.begin], buffers_.end - buffers_.begin);
  buffers_.end -= std::exchange(buffers_.begin, 0);
}

void StreamPort::receive(PortContext& context) noexcept {
  io_uring_sqe* sqe = context.ring().entry();
  io_uring_prep_recv(sqe, static_cast<int>(file_), &buffers_.received[buffers_.end],
                     StreamBuffers::kReceiveSize - buffers_.end, 0);
  io_uring_sqe_set_flags(sqe, context.file_flag());
  io_uring_sqe_set_data64(sqe, Tag{Operation::kSocket, index(), kReceive}.pack());
  receiving_ = true;
}

void StreamPort::complete(const Tag& tag, const io_uring_cqe& completion, PortContext& context) noexcept {
  const int result = completion.res;
  const bool received = tag.detail == kReceive;
  (received ? receiving_ : sending_) = false;
  // Octets count also while the port stops: the connection goes on behind them.
  if (result > 0) (received ? buffers_.end : buffers_.head) += static_cast<std::size_t>(result);
  if (stopping_) return;
  if (received && result == 0) return fail(ECONNRESET, context);
  if (result < 0 && result != -EINTR && result != -EAGAIN) return fail(-result, context);
  received ? context.arm_later(*this) : flush(context);
}

bool StreamPort::begin_frame(std::size_t size) noexcept {
  if (StreamBuffers::kSendSize - (buffers_.tail - buffers_.head) < length_size() + size) return false;
  std::array<std::byte, 4> length;
  store32(length.data(), static_cast<std::uint32_t>(size));
  append(length.data() + 4 - length_size(), length_size());
  return true;
}

void StreamPort::append(const void* data, std::size_t size) noexcept {
  const std::size_t at = buffers_.tail % StreamBuffers::kSendSize,
                    first = std::min(size, StreamBuffers::kSendSize - at);
  std::memcpy(&buffers_.to_send[at], data, first);
  std::memcpy(buffers_.to_send.get(), static_cast<const std::byte*>(data) + first, size - first);
  buffers_.tail += size;
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
  if (sending_ || failed_ || stopping_ || buffers_.head == buffers_.tail) return;
  const std::size_t at = buffers_.head % StreamBuffers::kSendSize;
  io_uring_sqe* sqe = context.ring().entry();
  io_uring_prep_send(sqe, static_cast<int>(file_), &buffers_.to_send[at],
                     std::min(buffers_.tail - buffers_.head, StreamBuffers::kSendSize - at), MSG_NOSIGNAL);
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
  return std::make_unique<StreamPort>(index, *file, framing_, buffers_);
}

}  // namespace rb
