// SPDX-License-Identifier: GPL-2.0-or-later
// How it works. A packet socket hands over up to 64 frames a system call (sendmmsg), directly to the device.
// PACKET_QDISC_BYPASS treats all kinds of device alike: a veth has no queueing discipline, and the one of a tap would
// slow the tap's sender only. No call waits: frames that the device or its queue does not take are refused. The device
// itself counts arriving frames, which costs nothing. A ring exists only while somebody looks.
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <vector>

#include "bench/load/load_namespace.hpp"
#include "bench/load/load_port.hpp"
#include "bench/load/packet_ring.hpp"
#include "bench/load/support.hpp"

namespace bench {
namespace {

constexpr std::size_t kSlotSize = 9088;  // octets; kMaxFrameSize, rounded up to cache lines
constexpr int kSendQueueSize =
    64 << 20;  // octets; larger than any queue behind it, so that the device's queue decides which frames are too many
static_assert(kSlotSize >= kMaxFrameSize);

/// Frames of one burst, with the message headers that refer to them. Threads keep it, not ports, because a port needs
/// it only from reserve() to send(). With many ports it would otherwise fill the processor's cache.
struct Burst {
  Burst() : octets(kSlotSize * kMaxBurst) {
    for (std::size_t i = 0; i < kMaxBurst; ++i) {
      vectors[i].iov_base = slot(i);
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }
  [[nodiscard]] std::byte* slot(std::size_t i) { return octets.data() + i * kSlotSize; }

  std::vector<std::byte> octets;
  std::array<iovec, kMaxBurst> vectors{};
  std::array<mmsghdr, kMaxBurst> messages{};
};
thread_local std::vector<std::unique_ptr<Burst>> spare_bursts;

class PacketLoadPort final : public LoadPort {
 public:
  explicit PacketLoadPort(const Endpoint& device);

  std::size_t reserve(std::span<std::byte*> slots) override;
  std::size_t send(std::span<const std::uint32_t> sizes) override;
  bool looks() const override { return ring_.has_value(); }
  void look(bool wanted) override;
  std::span<const ReceivedFrame> receive() override {
    return ring_ ? ring_->receive() : std::span<const ReceivedFrame>();
  }
  /// Any thread may call this, one at a time of all ports in the namespace.
  std::uint64_t received() const override { return namespace_->received(device_); }
  std::uint64_t overrun() const override {
    if (ring_) overrun_ += ring_->take_overrun();
    return overrun_;
  }

 private:
  std::string name_;
  std::shared_ptr<LoadNamespace> namespace_;
  unsigned device_ = 0;  // its index
  rb::UniqueFd socket_;
  std::unique_ptr<Burst> burst_;  // set from reserve() to send()
  std::optional<PacketRing> ring_;
  mutable std::uint64_t overrun_ = 0;
};

PacketLoadPort::PacketLoadPort(const Endpoint& device)
    : name_(device.name), namespace_(LoadNamespace::find(device.netns)) {
  const rb::NetnsScope inside = namespace_->enter();
  device_ = if_nametoindex(name_.c_str());
  if (device_ == 0) die_of_errno(name_);
  socket_.reset(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));  // protocol 0: the socket only sends
  if (!socket_) die_of_errno("packet socket");
  sockaddr_ll local{};
  local.sll_family = AF_PACKET;
  local.sll_ifindex = static_cast<int>(device_);
  if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) die_of_errno(name_);
  const int bypass = 1;
  if (setsockopt(socket_.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass) != 0) {
    die_of_errno("PACKET_QDISC_BYPASS");
  }
  if (setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kSendQueueSize, sizeof kSendQueueSize) != 0) {
    die_of_errno("SO_SNDBUFFORCE");
  }
}

std::size_t PacketLoadPort::reserve(std::span<std::byte*> slots) {
  if (!burst_) {
    if (spare_bursts.empty()) {
      burst_ = std::make_unique<Burst>();
    } else {
      burst_ = std::move(spare_bursts.back());
      spare_bursts.pop_back();
    }
  }
  const std::size_t count = std::min(slots.size(), kMaxBurst);
  for (std::size_t i = 0; i < count; ++i) slots[i] = burst_->slot(i);
  return count;
}

std::size_t PacketLoadPort::send(std::span<const std::uint32_t> sizes) {
  for (std::size_t i = 0; i < sizes.size(); ++i) burst_->vectors[i].iov_len = sizes[i];
  const int taken = sendmmsg(socket_.get(), burst_->messages.data(), static_cast<unsigned>(sizes.size()), MSG_DONTWAIT);
  spare_bursts.push_back(std::move(burst_));
  if (taken >= 0) return static_cast<std::size_t>(taken);
  switch (errno) {
    case ENOBUFS:  // the device's queue is full
    case EAGAIN:   // the socket's queue is full
    case EINTR:
      return 0;
    default:
      die_of_errno("send by " + name_);
  }
}

void PacketLoadPort::look(bool wanted) {
  if (wanted == ring_.has_value()) return;
  if (!wanted) {
    overrun_ += ring_->take_overrun();
    ring_.reset();
    return;
  }
  const rb::NetnsScope inside = namespace_->enter();
  ring_.emplace(name_, device_);
}

}  // namespace

std::unique_ptr<LoadPort> open_packet_port(const std::string& device) {
  return std::make_unique<PacketLoadPort>(Endpoint::parse(device));
}

}  // namespace bench
