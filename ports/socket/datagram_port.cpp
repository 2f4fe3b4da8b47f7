// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/socket/datagram_port.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ports/engine/worker.hpp"
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

void DatagramPort::arm(Worker& worker) noexcept {
  if (reads_ == nullptr || failed_ || stopping_ || polling_ || outstanding_ != 0) return;
  found_ = 0;
  const unsigned burst = std::min(burst_, worker.read_budget());
  for (unsigned slot = 0; slot < burst; ++slot) {
    const BufferId buffer = worker.pool().take();
    if (buffer == kNoBuffer) break;
    read(slot, buffer, worker);
  }
  worker.spend_read_budget(outstanding_);
  poll(worker);
}

void DatagramPort::read(std::size_t slot, BufferId buffer, Worker& worker) noexcept {
  Read& read = (*reads_)[slot];
  read.buffer = buffer;
  read.vnet = {};
  const std::size_t skipped = format_.header_size == 0 ? 1 : 0;
  read.vectors[0] = {&read.vnet, format_.header_size};
  read.vectors[1] = {worker.pool().address(buffer) + kHeadroom, BufferPool::kBufferSize - kHeadroom};
  read.message = {};
  read.message.msg_iov = read.vectors.data() + skipped;
  read.message.msg_iovlen = read.vectors.size() - skipped;
  if (format_.tags_beside) {
    read.message.msg_control = read.control.data();
    read.message.msg_controllen = read.control.size();
  }
  io_uring_sqe* sqe = worker.ring().entry();
  io_uring_prep_recvmsg(sqe, static_cast<int>(writer_.file()), &read.message, MSG_DONTWAIT);
  io_uring_sqe_set_flags(sqe, worker.file_flag());
  io_uring_sqe_set_data64(sqe, Tag{Operation::kReadNow, index(), slot}.pack());
  ++outstanding_;
}

void DatagramPort::poll(Worker& worker) noexcept {
  io_uring_sqe* sqe = worker.ring().entry();
  io_uring_prep_poll_add(sqe, static_cast<int>(writer_.file()), POLLIN);
  io_uring_sqe_set_flags(sqe, worker.file_flag());
  io_uring_sqe_set_data64(sqe, Tag{Operation::kPoll, index()}.pack());
  polling_ = true;
}

void DatagramPort::complete(const Tag& tag, const io_uring_cqe& completion, Worker& worker) noexcept {
  if (tag.operation == Operation::kWrite) return writer_.failed(tag, -completion.res, worker);
  if (tag.operation == Operation::kPoll) {
    polling_ = false;
    if (completion.res < 0 && completion.res != -ECANCELED) fail(-completion.res, worker);
  } else {
    --outstanding_;
    read_completed((*reads_)[tag.detail], completion.res, worker);
  }
  if (polling_ || outstanding_ != 0 || failed_ || stopping_) return;
  burst_ = next_burst(found_, kMaxBurst);
  worker.arm_later(*this);
}

void DatagramPort::read_completed(Read& read, int result, Worker& worker) noexcept {
  const std::int64_t size = std::int64_t{result} - format_.header_size;
  if (size >= 0) {
    ++found_;
    if ((read.message.msg_flags & MSG_TRUNC) != 0)
      return worker.drop_received(index(), read.buffer, static_cast<std::uint32_t>(size), DropReason::kTruncated);
    return received(read, static_cast<std::uint32_t>(size), worker);
  }
  switch (-result) {
    case EINVAL:  // a kind of GSO frame that virtio_net_hdr has no word for: the kernel has thrown it away
      ++found_;
      return worker.drop_received(index(), read.buffer, 0, DropReason::kBadVnetHeader);
    case EAGAIN:
    case EINTR:
    case ECONNREFUSED:  // the peer of a datagram socket is not there; it may come
    case ECONNRESET:
    case ENETDOWN:  // said once when an interface goes down, or goes: the link monitor tells which
      break;
    default:
      fail(-result, worker);
  }
  worker.pool().give_back(read.buffer);
}

void DatagramPort::received(Read& read, std::uint32_t size, Worker& worker) noexcept {
  std::byte* frame = worker.pool().address(read.buffer) + kHeadroom;
  const VlanTag tag = format_.tags_beside ? tag_beside(read.message) : kUntagged;
  if (tag != kUntagged && size >= kAddressesSize) {
    std::memmove(frame - kVlanTagSize, frame, kAddressesSize);
    frame -= kVlanTagSize;
    store32(frame + kAddressesSize, tag);
    size += kVlanTagSize;
    move_offsets(read.vnet, static_cast<int>(kVlanTagSize));
  }
  std::memcpy(frame - sizeof(VnetHeader), &read.vnet, sizeof(VnetHeader));
  worker.receive(index(), read.buffer, frame - sizeof(VnetHeader),
                 size + static_cast<std::uint32_t>(sizeof(VnetHeader)));
}

void DatagramPort::fail(int error, Worker& worker) noexcept {
  if (std::exchange(failed_, true)) return;
  worker.report_port_error(index(), error);
}

void DatagramPort::transmit(std::span<const FrameIndex> indexes, const PortState& to, Worker& worker) noexcept {
  writer_.transmit(indexes, to, worker);
}

void DatagramPort::stop(Worker& worker) noexcept {
  stopping_ = true;
  if (!polling_) return;
  io_uring_sqe* sqe = worker.ring().entry();
  io_uring_prep_cancel64(sqe, Tag{Operation::kPoll, index()}.pack(), 0);
  io_uring_sqe_set_data64(sqe, Tag{Operation::kCancel}.pack());
}

void DatagramPort::release(Worker& worker) noexcept {
  worker.unregister_file(writer_.file());
}

std::unique_ptr<Port> DatagramPortDevice::make_port(PortIndex index, Worker& worker) {
  const std::optional<unsigned> file = worker.register_file(socket_.get());
  if (!file) return nullptr;
  const bool reads = index % worker.worker_count() == worker.number();
  return std::make_unique<DatagramPort>(index, *file, format_, reads);
}

}  // namespace rb
