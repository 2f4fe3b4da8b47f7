// FrameWriter: frames to a device that takes one frame a write: a tap, a packet socket, a datagram socket.
//
// Writes never wait: the descriptor is O_NONBLOCK, so a write completes inside the submit, on every kernel from 6.1 on,
// and the buffers that it names are free after it. Only failures make a completion (CQE_SKIP_SUCCESS). The very buffer
// that was read is written; what the device does not take unfinished is cut and summed by Segmenter on the way.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <span>

#include "ports/ring.hpp"
#include "ports/socket_address.hpp"
#include "switch/counters.hpp"
#include "switch/egress_lists.hpp"
#include "switch/forwarding_state.hpp"

namespace rb {

class Worker;

class FrameWriter {
 public:
  /// `file` is as Worker::register_file() gives it. `header_size`: octets of virtio_net_hdr in front of each frame, 12
  /// (tap), 10 (packet socket) or 0. `rw_flags`: 0, or RWF_NOWAIT where the file is known to take it. `to`: where a
  /// socket that is not connected sends; borrowed; null: the file itself knows.
  FrameWriter(PortIndex index, unsigned file, std::uint32_t header_size, int rw_flags,
              const SocketAddress* to = nullptr) noexcept
      : index_(index), file_(file), header_size_(header_size), rw_flags_(rw_flags), to_(to) {}

  /// As Port::transmit().
  void transmit(std::span<const FrameIndex> indexes, const PortState& to, Worker& worker) noexcept;
  /// A write has completed with an errno: corrects the counters.
  void failed(const Tag& tag, int error, Worker& worker) noexcept;
  [[nodiscard]] unsigned file() const noexcept { return file_; }

 private:
  void write_whole(const Frame& frame, CastKind cast, Worker& worker) noexcept;
  /// Pieces that lie in a segment space go out together.
  void write_pieces(msghdr& message, std::span<iovec> vectors, std::uint64_t detail, Worker& worker) noexcept;
  void write_segments(const Frame& frame, CastKind cast, Worker& worker) noexcept;
  void count_sent(CastKind cast, std::uint32_t size, Worker& worker) noexcept;

  PortIndex index_;
  unsigned file_;
  std::uint32_t header_size_;
  int rw_flags_;
  const SocketAddress* to_;
};

}  // namespace rb
