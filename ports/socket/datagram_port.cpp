// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/socket/datagram_port.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ports/engine/burst.hpp"
#include "ports/engine/port_context.hpp"
#include "switch/big_endian.hpp"
#include "switch/vlan.hpp"

namespace rb {
namespace {

/// The tag that was taken out of a frame; kUntagged when none was.
VlanTag tag_beside(const msghdr& message) noexcept {
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_PACKET || header->cmsg_type != PACKET_AUXDATA) return kUntagged;
  tpacket_auxdata data{};
  std::memcpy(&data, CMSG_DATA(header), sizeof data);
  if ((data.tp_status & TP_STATUS_VLAN_VALID) == 0) return kUntagged;
  return make_tag((data.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? data.tp_vlan_tpid : kTpidCustomer,
                  data.tp_vlan_tci);
}

}  // namespace

DatagramPort::DatagramPort(PortIndex index, unsigned file, const DatagramFormat& format, bool reads)
    : Port(index),
      writer_(index, file, format.header_size, format.to.size != 0 ? &format.to : nullptr),
      format_(format),
      reads_(reads ? std::make_unique<std::array<Read, kMaxBurst>>() : nullptr) {}

bool DatagramPort::stopped() const noexcept {
  return stopping_ && outstanding_ == 0 && !polling_;
}

void DatagramPort::arm(PortContext& context) noexcept {
  if (reads_ == nullptr || failed_ || stopping_ || polling_ || outstanding_ != 0) return;
  found_ = 0;
  const unsigned burst = std::min(burst_, context.batch().read_budget());
  for (unsigned slot = 0; slot < burst; ++slot) {
    const BufferId buffer = context.pool().take();
    if (buffer == kNoBuffer) break;
    read(slot, buffer, context);
  }
  context.batch().spend_read_budget(outstanding_);
  poll(context);
}

void DatagramPort::read(std::size_t slot, BufferId buffer, PortContext& context) noexcept {
  Read& read = (*reads_)[slot];
  read.buffer = buffer;
  read.vnet = {};
  const std::size_t skipped = format_.header_size == 0 ? 1 : 0;
  read.vectors[0] = {&read.vnet, format_.header_size};
  read.vectors[1] = {context.pool().address(buffer) + kHeadroom, BufferPool::kBufferSize - kHeadroom};
  read.message = {};
  read.message.msg_iov = read.vectors.data() + skipped;
  read.message.msg_iovlen = read.vectors.size() - skipped;
  if (format_.tags_beside) {
    read.message.msg_control = read.control.data();
    read.message.msg_controllen = read.control.size();
  }
  if (format_.from.size != 0) {
    read.message.msg_name = &read.source;
    read.message.msg_namelen = sizeof read.source;
  }
  io_uring_sqe* sqe = context.ring().entry();
  io_uring_prep_recvmsg(sqe, static_cast<int>(writer_.file()), &read.message, MSG_DONTWAIT);
  io_uring_sqe_set_flags(sqe, context.file_flag());
  io_uring_sqe_set_data64(sqe, Tag{Operation::kReadNow, index(), slot}.pack());
  ++outstanding_;
}

void DatagramPort::poll(PortContext& context) noexcept {
  io_uring_sqe* sqe = context.ring().entry();
  io_uring_prep_poll_add(sqe, static_cast<int>(writer_.file()), POLLIN);
  io_uring_sqe_set_flags(sqe, context.file_flag());
  io_uring_sqe_set_data64(sqe, Tag{Operation::kPoll, index()}.pack());
  polling_ = true;
}

void DatagramPort::complete(const Tag& tag, const io_uring_cqe& completion, PortContext& context) noexcept {
  if (tag.operation == Operation::kWrite) return writer_.failed(tag, -completion.res, context);
  if (tag.operation == Operation::kPoll) {
    polling_ = false;
    if (completion.res < 0 && completion.res != -ECANCELED) fail(-completion.res, context);
  } else {
    --outstanding_;
    read_completed((*reads_)[tag.detail], completion.res, context);
  }
  if (polling_ || outstanding_ != 0 || failed_ || stopping_) return;
  burst_ = next_burst(found_, kMaxBurst);
  context.arm_later(*this);
}

void DatagramPort::read_completed(Read& read, int result, PortContext& context) noexcept {
  const std::int64_t size = std::int64_t{result} - format_.header_size;
  if (size >= 0) {
    ++found_;
    if ((read.message.msg_flags & MSG_TRUNC) != 0)
      return context.drop_received(index(), read.buffer, static_cast<std::uint32_t>(size), DropReason::kTruncated);
    if (!is_from_peer(read)) [[unlikely]]
      return context.drop_received(index(), read.buffer, static_cast<std::uint32_t>(size), DropReason::kWrongPeer);
    return received(read, static_cast<std::uint32_t>(size), context);
  }
  const int error = result < 0 ? -result : EPROTO;  // EPROTO: a message without a whole header
  switch (error) {
    case EINVAL:  // a kind of GSO frame that virtio_net_hdr has no word for: the kernel has thrown it away
      ++found_;
      return context.drop_received(index(), read.buffer, 0, DropReason::kBadVnetHeader);
    case EAGAIN:
    case EINTR:
    case ECONNREFUSED:  // the peer of a datagram socket is not there; it may come
    case ECONNRESET:
    case ENETDOWN:  // said once when an interface goes down, or goes: the link monitor tells which
      break;
    default:
      fail(error, context);
  }
  context.pool().give_back(read.buffer);
}

bool DatagramPort::is_from_peer(const Read& read) const noexcept {
  const SocketAddress& peer = format_.from;
  return peer.size == 0 ||
         (read.message.msg_namelen == peer.size && std::memcmp(&read.source, peer.get(), peer.size) == 0);
}

void DatagramPort::received(Read& read, std::uint32_t size, PortContext& context) noexcept {
  std::byte* frame = context.pool().address(read.buffer) + kHeadroom;
  const VlanTag tag = format_.tags_beside ? tag_beside(read.message) : kUntagged;
  if (tag != kUntagged && size >= kAddressesSize) {
    std::memmove(frame - kVlanTagSize, frame, kAddressesSize);
    frame -= kVlanTagSize;
    store32(frame + kAddressesSize, tag);
    size += kVlanTagSize;
    move_offsets(read.vnet, static_cast<int>(kVlanTagSize));
  }
  std::memcpy(frame - sizeof(VnetHeader), &read.vnet, sizeof(VnetHeader));
  context.batch().receive(index(), read.buffer, frame - sizeof(VnetHeader),
                          size + static_cast<std::uint32_t>(sizeof(VnetHeader)));
}

void DatagramPort::fail(int error, PortContext& context) noexcept {
  if (std::exchange(failed_, true)) return;
  context.report_port_error(index(), error);
}

void DatagramPort::transmit(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept {
  writer_.transmit(indexes, to, context);
}

void DatagramPort::stop(PortContext& context) noexcept {
  stopping_ = true;
  if (!polling_) return;
  io_uring_sqe* sqe = context.ring().entry();
  io_uring_prep_cancel64(sqe, Tag{Operation::kPoll, index()}.pack(), 0);
  io_uring_sqe_set_data64(sqe, Tag{Operation::kCancel}.pack());
}

void DatagramPort::release(PortContext& context) noexcept {
  context.remove_file(writer_.file());
}

std::unique_ptr<Port> DatagramPortDevice::make_port(PortIndex index, PortContext& context) {
  const std::optional<unsigned> file = context.add_file(socket_.get());
  if (!file) return nullptr;
  const bool reads = index % context.worker_count() == context.worker_number();
  return std::make_unique<DatagramPort>(index, *file, format_, reads);
}

}  // namespace rb
