// SPDX-License-Identifier: GPL-2.0-or-later
// FrameWriter: frames to a device that takes one frame a write: a tap, a packet socket, a datagram socket.
//
// Writes never wait, so each completes inside the submit, on every kernel from 6.1 on, and the buffers that it names
// are free after it. A tap's descriptor is O_NONBLOCK and its send buffer unlimited. Writes to a socket carry
// MSG_DONTWAIT: for any other write io_uring would wait for room, O_NONBLOCK or not, and send what the buffer holds by
// then. Only failures make a completion (CQE_SKIP_SUCCESS). The very buffer that was read is written. Segmenter cuts
// and sums the frames that the device does not take unfinished.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <span>

#include "ports/base/socket_address.hpp"
#include "ports/engine/ring.hpp"
#include "switch/counters.hpp"
#include "switch/egress_lists.hpp"
#include "switch/forwarding_state.hpp"

namespace rb {

class PortContext;

class FrameWriter {
 public:
  /// To a tap, behind whole virtio_net_hdrs. `file` is as PortContext::add_file() gives it; `rw_flags`: 0, or
  /// RWF_NOWAIT where the tap is known to take it.
  FrameWriter(PortIndex index, unsigned file, int rw_flags) noexcept
      : index_(index), file_(file), header_size_(sizeof(VnetHeader)), rw_flags_(rw_flags) {}
  /// To a socket. `header_size`: octets of virtio_net_hdr in front of each frame, 10 (packet socket) or 0. `to`: where
  /// a socket that is not connected sends; borrowed; null: it knows.
  FrameWriter(PortIndex index, unsigned file, std::uint32_t header_size, const SocketAddress* to) noexcept
      : index_(index), file_(file), header_size_(header_size), socket_(true), to_(to) {}

  /// As Port::transmit().
  void transmit(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept;
  /// A write has completed with an errno: corrects the counters.
  void failed(const Tag& tag, int error, PortContext& context) noexcept;
  [[nodiscard]] unsigned file() const noexcept { return file_; }

 private:
  void write_whole(const Frame& frame, CastKind cast, PortContext& context) noexcept;
  /// Pieces that lie in a segment space go out together.
  void write_pieces(msghdr& message, std::span<iovec> vectors, std::uint64_t detail, PortContext& context) noexcept;
  void write_segments(const Frame& frame, CastKind cast, PortContext& context) noexcept;

  PortIndex index_;
  unsigned file_;
  std::uint32_t header_size_;
  int rw_flags_ = 0;
  bool socket_ = false;
  const SocketAddress* to_ = nullptr;
};

}  // namespace rb
