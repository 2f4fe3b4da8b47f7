// SPDX-License-Identifier: GPL-2.0-or-later
// StreamPort: the hot part of a byte stream that carries frames, each behind its length: QEMU's `-netdev stream`.
//
// How it works. One receive is outstanding, into the free end of a buffer; whole frames are copied out of it into
// buffers of the pool and into the batch, and what is left of an unfinished one moves to its beginning. Frames that
// leave are copied into a ring of octets, of which one send at a time takes as much as the socket will; so the peer's
// pace stalls nobody, and what does not fit is a counted drop. Copies are cheap beside what a socket costs.
//
// The peer is not trusted with anything: a length that no frame can have ends the connection.
#pragma once

#include <cstdint>
#include <memory>

#include "ports/base/unique_fd.hpp"
#include "ports/engine/owned_port.hpp"
#include "ports/engine/port_device.hpp"

namespace rb {

/// How the length before a frame is written, big-endian.
enum class Framing : std::uint8_t {
  kLen32,  // four octets: QEMU
  kLen16,  // two octets: simpletun and its like
};

class StreamPort final : public OwnedPort {
 public:
  /// `file` is as PortContext::add_file() gives it, of a blocking socket.
  StreamPort(PortIndex index, unsigned file, Framing framing);

  void arm(PortContext& context) noexcept override;
  void complete(const Tag& tag, const io_uring_cqe& completion, PortContext& context) noexcept override;
  void send(const Frame& frame, CastKind cast, const PortState& to, PortContext& context) noexcept override;
  void flush(PortContext& context) noexcept override;
  void stop(PortContext& context) noexcept override;
  [[nodiscard]] std::size_t waiting_read_count() const noexcept override { return 0; }  // provided buffers: none
  [[nodiscard]] bool stopped() const noexcept override { return stopping_ && !receiving_ && !sending_; }
  void release(PortContext& context) noexcept override;

  /// Octets of the largest frame: that of a tap, which is not smaller than QEMU's.
  static constexpr std::size_t kMaxFrameSize = 65536 + 22;

 private:
  static constexpr std::size_t kReceiveSize = 256 << 10;  // octets
  static constexpr std::size_t kSendSize = 512 << 10;     // octets; a few milliseconds of a slow peer

  [[nodiscard]] std::size_t length_size() const noexcept { return framing_ == Framing::kLen32 ? 4 : 2; }
  /// Gives whole frames to the batch; false when something has to come first, or the peer is out of step.
  void take_frames(PortContext& context) noexcept;
  void receive(PortContext& context) noexcept;
  /// False of what has no length in two octets.
  [[nodiscard]] bool has_length(std::size_t size) const noexcept {
    return framing_ == Framing::kLen32 || size <= UINT16_MAX;
  }
  /// Room for a frame and its length, or kEgressFull.
  [[nodiscard]] bool begin_frame(std::size_t size) noexcept;
  void append(const void* data, std::size_t size) noexcept;
  void send_segments(const Frame& frame, CastKind cast, PortContext& context) noexcept;
  void fail(int error, PortContext& context) noexcept;

  unsigned file_;
  Framing framing_;
  std::unique_ptr<std::byte[]> received_, to_send_;
  std::size_t begin_ = 0, end_ = 0;  // of what has been received and not been taken
  std::size_t head_ = 0, tail_ = 0;  // of the ring of octets to send; they only grow
  bool receiving_ = false, sending_ = false;
  bool waits_ = false;  // frames are left that found no buffer or no place in the batch
  bool failed_ = false, stopping_ = false;
};

/// A connected socket, as the engine keeps it.
class StreamPortDevice final : public PortDevice {
 public:
  StreamPortDevice(UniqueFd socket, Framing framing) noexcept : socket_(std::move(socket)), framing_(framing) {}
  [[nodiscard]] std::unique_ptr<Port> make_port(PortIndex index, PortContext& context) override;
  [[nodiscard]] int fd() const noexcept override { return socket_.get(); }

 private:
  UniqueFd socket_;
  Framing framing_;
};

}  // namespace rb
