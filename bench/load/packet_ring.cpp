// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/packet_ring.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <atomic>

#include "bench/load/stamp.hpp"
#include "bench/load/support.hpp"

namespace bench {
namespace {

constexpr std::size_t kSlotSize = 128;       // octets, with the kernel's header
constexpr std::size_t kSlots = 16'384;       // 20 ms of 800 k frames/s
constexpr std::size_t kBlockSize = 1 << 16;  // octets
constexpr std::uint32_t kKeptSize = 48;      // octets of each frame: both addresses, a tag, EtherType and stamp
static_assert(kKeptSize >= kStampedSize + kTagSize);
static_assert(TPACKET2_HDRLEN + 16 + kKeptSize <= kSlotSize);

template <typename T>
void set_option(int socket, int option, const T& value, const char* what) {
  if (setsockopt(socket, SOL_PACKET, option, &value, sizeof value) != 0) die_of_errno(what);
}

/// A tag may be in the frame. If the device or the kernel took the tag off, it is beside the frame, and the EtherType
/// is in its place.
void attach_filter(int socket) {
  std::array<sock_filter, 7> code{{
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kLoadEtherType, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kCustomerTagType, 0, 2),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 16),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kLoadEtherType, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, kKeptSize),
  }};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) die_of_errno("SO_ATTACH_FILTER");
}

}  // namespace

PacketRing::PacketRing(const std::string& name, unsigned device)
    : socket_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {
  if (!socket_) die_of_errno("packet socket");
  const int fd = socket_.get();
  set_option(fd, PACKET_VERSION, int{TPACKET_V2}, "PACKET_VERSION");
  set_option(fd, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING");
  attach_filter(fd);
  tpacket_req request{};
  request.tp_block_size = kBlockSize;
  request.tp_block_nr = kSlots * kSlotSize / kBlockSize;
  request.tp_frame_size = kSlotSize;
  request.tp_frame_nr = kSlots;
  set_option(fd, PACKET_RX_RING, request, "PACKET_RX_RING");
  void* ring = mmap(nullptr, kSlots * kSlotSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (ring == MAP_FAILED) die_of_errno("ring of a packet socket");
  ring_ = static_cast<std::byte*>(ring);
  sockaddr_ll local{};
  local.sll_family = AF_PACKET;
  local.sll_protocol = htons(ETH_P_ALL);
  local.sll_ifindex = static_cast<int>(device);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) die_of_errno(name);
}

PacketRing::~PacketRing() {
  munmap(ring_, kSlots * kSlotSize);
}

std::byte* PacketRing::slot(std::size_t index) const {
  return ring_ + index % kSlots * kSlotSize;
}

std::span<const ReceivedFrame> PacketRing::receive() {
  for (std::size_t i = next_ - taken_; i != next_; ++i) {
    auto* header = reinterpret_cast<tpacket2_hdr*>(slot(i));
    std::atomic_ref(header->tp_status).store(TP_STATUS_KERNEL, std::memory_order_release);
  }
  for (taken_ = 0; taken_ < kMaxBurst; ++taken_) {
    std::byte* octets = slot(next_ + taken_);
    auto* header = reinterpret_cast<tpacket2_hdr*>(octets);
    if ((std::atomic_ref(header->tp_status).load(std::memory_order_acquire) & TP_STATUS_USER) == 0) break;
    frames_[taken_] = {.octets = octets + header->tp_mac,
                       .size = header->tp_len,
                       .time_ns = std::int64_t{header->tp_sec} * 1'000'000'000 + header->tp_nsec};
  }
  next_ += taken_;
  return {frames_.data(), taken_};
}

std::uint64_t PacketRing::take_overrun() const {
  tpacket_stats stats{};
  socklen_t size = sizeof stats;
  if (getsockopt(socket_.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &size) != 0) die_of_errno("PACKET_STATISTICS");
  return stats.tp_drops;
}

}  // namespace bench
