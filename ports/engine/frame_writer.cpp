// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/frame_writer.hpp"

#include <cerrno>
#include <utility>

#include "ports/engine/port_context.hpp"
#include "switch/offload.hpp"

namespace rb {
namespace {

// Tag::detail of a write: what must be taken back from the counters should it fail.
constexpr std::uint64_t kWriteUncounted = std::uint64_t{1} << 39;  // a later segment of a frame that was cut
constexpr std::uint64_t write_detail(CastKind cast, std::uint32_t size) noexcept {
  return std::uint64_t{static_cast<std::uint8_t>(cast)} << 32 | size;
}

/// The one place that says what a device's errors mean to a frame that was to leave.
DropReason reason_of_write_error(int error) noexcept {
  switch (error) {
    case EIO:     // a tap is down
    case EBADFD:  // it was deleted
    case EBADF:
    case ENODEV:
    case ENETDOWN:      // an interface is down
    case ENXIO:         // it was deleted
    case ECONNREFUSED:  // the peer of a socket has gone, or was never there
    case ENOENT:
    case ECONNRESET:
    case ENOTCONN:
    case EPIPE:
      return DropReason::kEgressDown;
    case EAGAIN:  // the send buffer is full
    case ENOBUFS:
    case ENOMEM:
      return DropReason::kEgressFull;
    case EMSGSIZE:
      return DropReason::kOverMtu;
    case EINVAL:
      return DropReason::kRefused;  // a header the kernel does not believe
    default:
      return DropReason::kEgressError;
  }
}

}  // namespace

void FrameWriter::transmit(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept {
  for (const FrameIndex index : indexes) {
    const Frame& frame = context.frame(index);
    if (needs_software_offload(*frame.vnet, to.accepts)) [[unlikely]] {
      write_segments(frame, context.cast(index), context);
    } else {
      write_whole(frame, context.cast(index), context);
    }
  }
}

void FrameWriter::write_whole(const Frame& frame, CastKind cast, PortContext& context) noexcept {
  // A whole header stands right before the frame's first octet: in the buffer that was read, or in a form's head.
  iovec first{frame.pieces[0].data, frame.pieces[0].size};
  if (!socket_) first = {frame.vnet, sizeof(VnetHeader) + frame.pieces[0].size};
  const std::uint64_t detail = write_detail(cast, frame.size);
  if (frame.piece_count == 1 && !socket_) {
    io_uring_sqe* sqe = context.ring().entry();
    io_uring_prep_write(sqe, static_cast<int>(file_), first.iov_base, static_cast<unsigned>(first.iov_len), 0);
    io_uring_sqe_set_flags(sqe, context.file_flag() | IOSQE_CQE_SKIP_SUCCESS);
    sqe->rw_flags = rw_flags_;
    io_uring_sqe_set_data64(sqe, Tag{Operation::kWrite, index_, detail}.pack());
  } else {
    const WriteSpace space = context.write_space();
    std::size_t count = 0;
    if (socket_ && header_size_ != 0) space.vectors[count++] = {frame.vnet, header_size_};
    space.vectors[count++] = first;
    for (std::size_t i = 1; i < frame.piece_count; ++i)
      space.vectors[count++] = {frame.pieces[i].data, frame.pieces[i].size};
    write_pieces(space.message, space.vectors.first(count), detail, context);
  }
  context.count_sent(index_, cast, frame.size);
}

void FrameWriter::write_pieces(msghdr& message, std::span<iovec> vectors, std::uint64_t detail,
                               PortContext& context) noexcept {
  // The entry is taken after the space: write_space() may submit, and an entry must not be submitted unprepared.
  io_uring_sqe* sqe = context.ring().entry();
  if (!socket_) {
    io_uring_prep_writev(sqe, static_cast<int>(file_), vectors.data(), static_cast<unsigned>(vectors.size()), 0);
    sqe->rw_flags = rw_flags_;
  } else {
    message = {};
    if (to_ != nullptr) {
      message.msg_name = const_cast<sockaddr*>(to_->get());
      message.msg_namelen = to_->size;
    }
    message.msg_iov = vectors.data();
    message.msg_iovlen = vectors.size();
    io_uring_prep_sendmsg(sqe, static_cast<int>(file_), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  io_uring_sqe_set_flags(sqe, context.file_flag() | IOSQE_CQE_SKIP_SUCCESS);
  io_uring_sqe_set_data64(sqe, Tag{Operation::kWrite, index_, detail}.pack());
}

void FrameWriter::write_segments(const Frame& frame, CastKind cast, PortContext& context) noexcept {
  Segmenter segmenter(frame);
  if (!segmenter.valid()) return context.counters(index_).drop(DropReason::kCannotSegment);
  context.count_sent(index_, cast, frame.size);
  // The frame counts once: if the write of its first segment fails, the frame is lost.
  std::uint64_t detail = write_detail(cast, frame.size);
  // The segment's virtio_net_hdr is all zero, so its last 10 bytes serve as the short header.
  const std::uint32_t skipped = static_cast<std::uint32_t>(sizeof(VnetHeader)) - header_size_;
  Segmenter::Segment segment;
  for (;;) {
    const WriteSpace space = context.write_space();
    if (!segmenter.next(space.scratch, segment)) return;
    space.vectors[0] = {space.scratch.data() + skipped, segment.head_size - skipped};
    for (std::size_t i = 0; i < segment.payload_count; ++i) {
      space.vectors[i + 1] = {segment.payload[i].data, segment.payload[i].size};
    }
    write_pieces(space.message, space.vectors.first(segment.payload_count + 1), std::exchange(detail, kWriteUncounted),
                 context);
  }
}

void FrameWriter::failed(const Tag& tag, int error, PortContext& context) noexcept {
  if ((tag.detail & kWriteUncounted) != 0) return;
  PortCounters& counters = context.counters(index_);
  PortCounters::Traffic& tx = counters.tx[tag.detail >> 32 & 3];
  tx.frames.subtract(1);
  tx.bytes.subtract(tag.detail & 0xffffffff);
  counters.drop(reason_of_write_error(error));
}

}  // namespace rb
