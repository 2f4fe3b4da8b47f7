// SPDX-License-Identifier: GPL-2.0-or-later
#include "vhost_front_end.hpp"

#include <sys/eventfd.h>
#include <algorithm>

#include <cstring>
#include <stdexcept>
#include <utility>

namespace rb::test {
namespace {

using Answer = VhostMessage::Answer;

constexpr std::size_t kHeaderSize = 12;
constexpr std::size_t kMaxFds = 16;

// Device status (virtio 1.2 2.1): ACKNOWLEDGE and DRIVER, then FEATURES_OK, then DRIVER_OK.
constexpr std::uint64_t kDriver = 1 | 2, kFeaturesOk = kDriver | 8, kDriverOk = kFeaturesOk | 4;

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

}  // namespace

Octets VhostMessage::octets() const {
  const std::uint32_t flags =
      vhost::kVersion | (answer == VhostMessage::Answer::kAcknowledgement ? vhost::kNeedReply : 0);
  const Octets header = packed(request, flags, static_cast<std::uint32_t>(payload.size()));
  Octets all(header.size() + payload.size());
  std::ranges::copy(header, all.begin());
  std::ranges::copy(payload, all.begin() + static_cast<std::ptrdiff_t>(header.size()));
  return all;
}

std::uint64_t VhostReply::number() const {
  if (payload.size() != 8) throw std::runtime_error("a reply that is no number");
  std::uint64_t value = 0;
  std::memcpy(&value, payload.data(), sizeof value);
  return value;
}

VhostListener::VhostListener(const std::string& path)
    : path_(path), fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_un address = unix_address(path);
  if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd_.get(), 1) != 0) {
    throw std::runtime_error("cannot listen at " + path);
  }
}

VhostListener::~VhostListener() {
  ::unlink(path_.c_str());
}

UniqueFd VhostListener::accept() const {
  pollfd waiting{fd_.get(), POLLIN, 0};
  if (::poll(&waiting, 1, 10000) != 1) throw std::runtime_error("nobody came to " + path_);
  return UniqueFd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

FrontEnd::FrontEnd(const Options& options) : memory(options.seal), options_(options) {
  for (std::uint32_t index = 0; index < 2U * options.queue_pairs; ++index) {
    const bool receives = index % 2 == 0;
    rings_.push_back(std::make_unique<Ring>(memory, Ring::Settings{.size = options.ring_size,
                                                                   .base = options.base,
                                                                   .features = options.features,
                                                                   .region = receives ? 1U : 0U}));
    if (receives)
      rings_.back()->post(options.buffer_count, options.buffer_size, options.buffer_pieces, options.indirect_buffers);
  }
}

void FrontEnd::connect(const std::string& path) {
  const sockaddr_un address = unix_address(path);
  const bool connected = eventually([&] {
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return false;
    attach(std::move(socket));
    return true;
  });
  if (!connected) throw std::runtime_error("nobody listens at " + path);
}

void FrontEnd::attach(UniqueFd socket) {
  socket_ = std::move(socket);
  const timeval limit{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

VhostMessage FrontEnd::vring_addr(std::uint32_t index, std::uint32_t flags) const {
  const Ring& ring = *rings_.at(index);
  return {.request = vhost::kSetVringAddr,
          .payload =
              packed(index, flags, memory.user_address(ring.table_address()), memory.user_address(ring.used_address()),
                     memory.user_address(ring.avail_address()), ring.used_address())};
}

std::vector<VhostMessage> FrontEnd::ring_messages(std::uint32_t index) const {
  const Ring& ring = *rings_.at(index);
  const std::uint64_t number = index;
  return {{.request = vhost::kSetVringNum, .payload = packed(index, std::uint32_t{ring.size()})},
          {.request = vhost::kSetVringBase, .payload = packed(index, std::uint32_t{ring.used_index()})},
          vring_addr(index),
          {.request = vhost::kSetVringKick, .payload = packed(number), .fds = {ring.kick_fd()}},
          {.request = vhost::kSetVringCall, .payload = packed(number), .fds = {ring.call_fd()}},
          {.request = vhost::kSetVringErr, .payload = packed(number | vhost::kNoFd)}};
}

std::vector<VhostMessage> FrontEnd::negotiation() const {
  const std::uint64_t protocol = options_.protocol_features;
  const bool extended = protocol != 0;
  std::vector<VhostMessage> messages;
  const auto ask = [&](std::uint32_t request) { messages.push_back({.request = request, .answer = Answer::kReply}); };
  const auto set = [&](VhostMessage message) {
    message.answer = (protocol & vhost::kReplyAck) != 0 ? Answer::kAcknowledgement : Answer::kNone;
    messages.push_back(std::move(message));
  };
  const auto set_status = [&](std::uint64_t status) {
    if ((protocol & vhost::kStatus) != 0) set({.request = vhost::kSetStatus, .payload = packed(status)});
  };
  ask(vhost::kGetFeatures);
  if (extended) {
    ask(vhost::kGetProtocolFeatures);
    messages.push_back({.request = vhost::kSetProtocolFeatures, .payload = packed(protocol)});
    if ((protocol & vhost::kMultiQueue) != 0) ask(vhost::kGetQueueNum);
    if (options_.memory_slots) ask(vhost::kGetMaxMemSlots);
  }
  set({.request = vhost::kSetOwner});
  set_status(kDriver);
  const std::uint64_t features = options_.features | (extended ? virtio::kProtocolFeatures : 0);
  set({.request = vhost::kSetFeatures, .payload = packed(features)});
  set_status(kFeaturesOk);
  if (options_.memory_slots) {
    for (std::size_t i = 0; i < memory.region_count(); ++i) set(memory_region(vhost::kAddMemReg, i));
  } else {
    set(memory_table());
  }
  for (std::uint32_t index = 0; index < rings_.size(); ++index) {
    for (VhostMessage& message : ring_messages(index)) set(std::move(message));
  }
  if (extended) {
    for (std::uint32_t index = 0; index < rings_.size(); ++index)
      set({.request = vhost::kSetVringEnable, .payload = packed(index, std::uint32_t{1})});
  }
  set_status(kDriverOk);
  return messages;
}

VhostMessage FrontEnd::memory_table() const {
  VhostMessage table{.request = vhost::kSetMemTable,
                     .payload = packed(static_cast<std::uint32_t>(memory.region_count()), std::uint32_t{0})};
  for (std::size_t i = 0; i < memory.region_count(); ++i) {
    const Octets region = memory.description(i);
    table.payload.insert(table.payload.end(), region.begin(), region.end());
    table.fds.push_back(memory.region(i).file.get());
  }
  return table;
}

VhostMessage FrontEnd::memory_region(std::uint32_t request, std::size_t region) const {
  VhostMessage message{.request = request, .payload = packed(std::uint64_t{0})};
  const Octets description = memory.description(region);
  message.payload.insert(message.payload.end(), description.begin(), description.end());
  if (request == vhost::kAddMemReg) message.fds.push_back(memory.region(region).file.get());
  return message;
}

void FrontEnd::start(const std::function<void()>& before_memory) {
  for (const VhostMessage& message : negotiation()) {
    if (message.request == vhost::kSetMemTable && before_memory) before_memory();
    if (message.answer == Answer::kNone) {
      send_message(message);
      continue;
    }
    const std::uint64_t answer = exchange(message).number();
    const auto refuse_unless = [&](bool good) {
      if (!good) throw std::runtime_error("request " + std::to_string(message.request) + ": " + std::to_string(answer));
    };
    if (message.request == vhost::kGetFeatures) refuse_unless((options_.features & ~(offered_ = answer)) == 0);
    if (message.request == vhost::kGetProtocolFeatures)
      refuse_unless((options_.protocol_features & ~(offered_protocol_ = answer)) == 0);
    if (message.request == vhost::kGetQueueNum) refuse_unless(answer >= options_.queue_pairs);
    if (message.request == vhost::kGetMaxMemSlots) refuse_unless(answer >= memory.region_count());
    if (message.answer == Answer::kAcknowledgement) refuse_unless(answer == 0);
  }
  for (const std::unique_ptr<Ring>& ring : rings_) ring->kick();
}

void FrontEnd::send_octets(const Octets& octets, const std::vector<int>& fds) const {
  Octets data = octets;
  iovec vector{data.data(), data.size()};
  std::vector<char> control(CMSG_SPACE(sizeof(int) * fds.size()));
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  }
  // If the switch has closed the connection, the caller notices when it waits for an answer.
  (void)::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
}

std::optional<VhostReply> FrontEnd::receive_reply() const {
  Octets header(kHeaderSize);
  iovec vector{header.data(), header.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFds)] = {};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_WAITALL | MSG_CMSG_CLOEXEC);
  if (size != static_cast<ssize_t>(header.size())) return std::nullopt;
  VhostReply reply;
  const cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
    std::vector<int> fds((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(fds.data(), CMSG_DATA(rights), fds.size() * sizeof(int));
    for (const int fd : fds) reply.fds.emplace_back(fd);
  }
  std::uint32_t numbers[3];
  std::memcpy(numbers, header.data(), sizeof numbers);
  reply.request = numbers[0];
  EXPECT_EQ(numbers[1], vhost::kVersion | vhost::kReply) << "flags of the reply to request " << reply.request;
  reply.payload.resize(numbers[2]);
  if (numbers[2] == 0) return reply;
  const ssize_t payload = ::recv(socket_.get(), reply.payload.data(), reply.payload.size(), MSG_WAITALL);
  return payload == static_cast<ssize_t>(reply.payload.size()) ? std::optional(std::move(reply)) : std::nullopt;
}

VhostReply FrontEnd::exchange(const VhostMessage& message) const {
  send_message(message);
  std::optional<VhostReply> reply = receive_reply();
  if (!reply) throw std::runtime_error("no reply to request " + std::to_string(message.request));
  EXPECT_EQ(reply->request, message.request);
  return std::move(*reply);
}

std::uint64_t FrontEnd::ask(std::uint32_t request) const {
  return exchange({.request = request}).number();
}

std::uint64_t FrontEnd::say(std::uint32_t request, const Octets& payload, const std::vector<int>& fds) const {
  return exchange({.request = request, .payload = payload, .fds = fds, .answer = Answer::kAcknowledgement}).number();
}

bool FrontEnd::is_closed(int timeout_ms) const {
  Octets rest(4096);
  for (pollfd waiting{socket_.get(), POLLIN, 0}; ::poll(&waiting, 1, timeout_ms) == 1;) {
    const ssize_t size = ::recv(socket_.get(), rest.data(), rest.size(), 0);
    if (size == 0 || (size < 0 && errno == ECONNRESET)) return true;
  }
  return false;
}

std::uint32_t FrontEnd::stop(std::uint32_t index) const {
  const VhostReply reply = exchange({.request = vhost::kGetVringBase, .payload = packed(index, std::uint32_t{0})});
  EXPECT_EQ(reply.number() & 0xffffffff, index);
  return static_cast<std::uint32_t>(reply.number() >> 32);
}

void FrontEnd::restart(std::uint32_t index) const {
  for (VhostMessage& message : ring_messages(index)) {
    message.answer = Answer::kAcknowledgement;
    EXPECT_EQ(exchange(message).number(), 0U) << "request " << message.request;
  }
  enable(index, true);
  rings_.at(index)->kick();
}

void FrontEnd::enable(std::uint32_t index, bool enabled) const {
  EXPECT_EQ(say(vhost::kSetVringEnable, packed(index, std::uint32_t{enabled})), 0U);
}

bool FrontEnd::sees(const Octets& wanted) const {
  for (;;) {
    const std::optional<OffloadedFrame> frame = rx().receive();
    if (!frame || frame->octets == wanted) return frame.has_value();
  }
}

std::vector<OffloadedFrame> FrontEnd::until(const Octets& last) const {
  std::vector<OffloadedFrame> frames;
  for (;;) {
    std::optional<OffloadedFrame> frame = rx().receive();
    EXPECT_TRUE(frame.has_value()) << "the last frame did not come";
    if (!frame || frame->octets == last) return frames;
    frames.push_back(std::move(*frame));
  }
}

}  // namespace rb::test
