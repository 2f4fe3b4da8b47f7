// SPDX-License-Identifier: GPL-2.0-or-later
// StreamPort is the hot part of a byte stream that carries frames, each after its length: QEMU's `-netdev stream`.
//
// How it works. One receive is outstanding, into the free end of a buffer. Whole frames are copied from there into
// buffers of the pool and into the batch, and the rest of an unfinished frame moves to the beginning. Frames that leave
// are copied into a ring of octets. One send at a time takes as many of them as the socket accepts, so a slow peer
// stalls no other port, and a frame that does not fit is a counted drop. Copies are cheap compared with the cost of a
// socket.
//
// The peer is not trusted: a length that no frame can have ends the connection.
#pragma once

#include <cstdint>
#include <memory>

#include "ports/base/unique_fd.hpp"
#include "ports/engine/owned_port.hpp"
#include "ports/engine/port_device.hpp"

namespace rb {

/// The format of the length before a frame, big-endian.
enum class Framing : std::uint8_t {
  kLen32,  // four octets: QEMU
  kLen16,  // two octets: simpletun and similar programs
};

/// The octets of a connection that are on their way. They belong to the device and outlast the port: a connection that
/// is taken from the workers in the middle of a frame goes on there when it is given back.
struct StreamBuffers {
  static constexpr std::size_t kReceiveSize = 256 << 10;  // octets
  static constexpr std::size_t kSendSize = 512 << 10;     // octets; a few milliseconds of a slow peer

  std::unique_ptr<std::byte[]> received = std::make_unique_for_overwrite<std::byte[]>(kReceiveSize);
  std::unique_ptr<std::byte[]> to_send = std::make_unique_for_overwrite<std::byte[]>(kSendSize);
  std::size_t begin = 0, end = 0;  // the received octets that have not been taken
  std::size_t head = 0, tail = 0;  // positions in the ring of octets to send; they only grow
};

class StreamPort final : public OwnedPort {
 public:
  /// `file` comes from PortContext::add_file(), and is a blocking socket. `buffers` are the device's.
  StreamPort(PortIndex index, unsigned file, Framing framing, StreamBuffers& buffers) noexcept
      : OwnedPort(index), file_(file), framing_(framing), buffers_(buffers) {}

  void arm(PortContext& context) noexcept override;
  void complete(const Tag& tag, const io_uring_cqe& completion, PortContext& context) noexcept override;
  void send(const Frame& frame, CastKind cast, const PortState& to, PortContext& context) noexcept override;
  void flush(PortContext& context) noexcept override;
  void stop(PortContext& context) noexcept override;
  [[nodiscard]] std::size_t waiting_read_count() const noexcept override { return 0; }  // it uses no provided buffers
  [[nodiscard]] bool stopped() const noexcept override { return stopping_ && !receiving_ && !sending_; }
  void release(PortContext& context) noexcept override;

  /// Octets of the largest frame: that of a tap, which is at least as large as QEMU's.
  static constexpr std::size_t kMaxFrameSize = 65536 + 22;

 private:
  [[nodiscard]] std::size_t length_size() const noexcept { return framing_ == Framing::kLen32 ? 4 : 2; }
  /// Adds whole frames to the batch. It stops if the batch must be processed first, or if the peer sends an invalid
  /// length.
  void take_frames(PortContext& context) noexcept;
  void receive(PortContext& context) noexcept;
  /// False if the size does not fit into a length of two octets.
  [[nodiscard]] bool has_length(std::size_t size) const noexcept {
    return framing_ == Framing::kLen32 || size <= UINT16_MAX;
  }
  /// Makes room for a frame and its length. False if there is none: kEgressFull.
  [[nodiscard]] bool begin_frame(std::size_t size) noexcept;
  void append(const void* data, std::size_t size) noexcept;
  void send_segments(const Frame& frame, CastKind cast, PortContext& context) noexcept;
  void fail(int error, PortContext& context) noexcept;

  unsigned file_;
  Framing framing_;
  StreamBuffers& buffers_;
  bool receiving_ = false, sending_ = false;
  bool waits_ = false;  // frames are left that found no buffer or no room in the batch
  bool failed_ = false, stopping_ = false;
};

/// A connected socket for the engine.
class StreamPortDevice final : public PortDevice {
 public:
  StreamPortDevice(UniqueFd socket, Framing framing) noexcept : socket_(std::move(socket)), framing_(framing) {}
  [[nodiscard]] std::unique_ptr<Port> make_port(PortIndex index, PortContext& context) override;
  [[nodiscard]] int fd() const noexcept override { return socket_.get(); }

 private:
  UniqueFd socket_;
  Framing framing_;
  StreamBuffers buffers_;
};

}  // namespace rb
