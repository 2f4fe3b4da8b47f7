// SPDX-License-Identifier: GPL-2.0-or-later
// DatagramPort: the hot part of a socket that takes and gives one frame a message: AF_PACKET, or QEMU's datagrams.
//
// How it works. One worker reads. It prepares a burst of reads that do not wait (MSG_DONTWAIT) and behind them a poll,
// which completes when there is something to read: at once if the burst left something, and else when something comes.
// So an idle socket has exactly one request outstanding and costs nothing. The length of a burst follows what the last
// one found. Writing is FrameWriter's, on any worker: the kernel serialises.
//
// A packet socket gives a virtio_net_hdr of 10 octets before each frame, and takes one. A VLAN tag that the kernel or
// the device took out of a frame comes beside it (PACKET_AUXDATA) and is put back, in room that the buffer has in
// front.
#pragma once

#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "ports/base/unique_fd.hpp"
#include "ports/engine/buffer_pool.hpp"
#include "ports/engine/frame_writer.hpp"
#include "ports/engine/port_device.hpp"

namespace rb {

/// What its messages look like, and what its errors mean.
struct DatagramFormat {
  std::uint32_t header_size = 0;  // octets of virtio_net_hdr before each frame: 10 (PACKET_VNET_HDR), or 0
  bool tags_beside = false;       // VLAN tags come as PACKET_AUXDATA
  SocketAddress to = {};          // where it sends; of size 0: the socket knows
  /// The only address that frames are taken from, a path or an abstract name; of size 0: the kernel sees to that, or
  /// any address will do.
  SocketAddress from = {};
};

class DatagramPort final : public Port {
 public:
  /// `file` is as PortContext::add_file() gives it. Only one worker's port reads.
  DatagramPort(PortIndex index, unsigned file, const DatagramFormat& format, bool reads);  // `format` outlives it

  void arm(PortContext& context) noexcept override;
  void complete(const Tag& tag, const io_uring_cqe& completion, PortContext& context) noexcept override;
  void transmit(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept override;
  void stop(PortContext& context) noexcept override;
  [[nodiscard]] std::size_t waiting_read_count() const noexcept override { return 0; }  // provided buffers: none
  [[nodiscard]] bool stopped() const noexcept override;
  void release(PortContext& context) noexcept override;

 private:
  static constexpr unsigned kMaxBurst = 64;  // reads
  /// Octets in front of a frame in its buffer: a whole virtio_net_hdr, and a tag that is put back.
  static constexpr std::size_t kHeadroom = sizeof(VnetHeader) + kVlanTagSize;

  /// What the kernel writes to while one read is on its way.
  struct Read {
    msghdr message;
    std::array<iovec, 2> vectors;
    VnetHeader vnet;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(tpacket_auxdata))> control;
    BufferId buffer;
    sockaddr_un source;
  };

  void read(std::size_t slot, BufferId buffer, PortContext& context) noexcept;
  void poll(PortContext& context) noexcept;
  void read_completed(Read& read, int result, PortContext& context) noexcept;
  [[nodiscard]] bool is_from_peer(const Read& read) const noexcept;
  void received(Read& read, std::uint32_t size, PortContext& context) noexcept;
  void fail(int error, PortContext& context) noexcept;

  FrameWriter writer_;
  const DatagramFormat& format_;
  std::unique_ptr<std::array<Read, kMaxBurst>> reads_;  // null: another worker reads
  unsigned outstanding_ = 0;                            // reads
  unsigned burst_ = 0;                                  // reads in the next burst
  unsigned found_ = 0;                                  // frames that the burst at hand has found
  bool polling_ = false;
  bool failed_ = false;
  bool stopping_ = false;
};

/// A socket, as the engine keeps it, and with it whatever has to go when the socket goes.
class DatagramPortDevice final : public PortDevice {
 public:
  DatagramPortDevice(UniqueFd socket, DatagramFormat format, std::shared_ptr<const void> companion)
      : socket_(std::move(socket)), companion_(std::move(companion)), format_(std::move(format)) {}
  [[nodiscard]] std::unique_ptr<Port> make_port(PortIndex index, PortContext& context) override;
  [[nodiscard]] int fd() const noexcept override { return socket_.get(); }

 private:
  UniqueFd socket_;
  std::shared_ptr<const void> companion_;
  DatagramFormat format_;
};

}  // namespace rb
