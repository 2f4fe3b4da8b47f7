// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/vhost_connection.hpp"

#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ports/base/close_elsewhere.hpp"
#include "ports/base/passed_descriptors.hpp"

namespace rb {
namespace {

/// Of one front end, before others have their turn.
constexpr int kReadsATurn = 8;

}  // namespace

VhostConnection::VhostConnection(EventLoop& loop, UniqueFd socket, const VhostOptions& options, VringRunner& runner,
                                 Watcher watcher)
    : loop_(loop), socket_(std::move(socket)), watcher_(std::move(watcher)), backend_(options, runner) {
  loop_.add(socket_.get(), EPOLLIN, [this](std::uint32_t) { read(); });
}

VhostConnection::~VhostConnection() {
  if (!ended_) loop_.remove(socket_.get());
  // What lies in its queue, unread, is closed with it.
  close_elsewhere(std::move(socket_));
}

void VhostConnection::read() {
  for (int i = 0; i < kReadsATurn && !ended_; ++i) {
    if (!read_some()) return;  // perhaps destroyed
  }
}

/// False when nothing more is there, or the connection has ended.
bool VhostConnection::read_some() {
  std::array<std::byte, VhostMessage::kMaxPayload> octets;
  // As many as the kernel lets pass in one go: it would close the others itself, on this thread.
  constexpr std::size_t kMostFds = 253;  // SCM_MAX_FD
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMostFds * sizeof(int))> control;
  iovec vector{octets.data(), reader_.wanted()};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) {
    if (errno == EAGAIN || errno == EINTR) return false;
    return end({.turned_away = false, .why = errno == ECONNRESET ? "" : std::strerror(errno)});
  }
  std::vector<UniqueFd> fds;
  take_descriptors(message, fds);
  bool strange = false;
  for (UniqueFd& fd : fds) {
    if (kind_of_sent_file(fd.get()) != SentFile::kOther) continue;
    close_elsewhere(std::move(fd));
    strange = true;
  }
  if (strange) {
    return end(
        {.turned_away = true,
         .why = "a file descriptor that is neither an eventfd nor memory (a file of tmpfs, memfd or hugetlbfs)"});
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0)
    return end({.turned_away = true, .why = "its file descriptors were lost: no more can be open here"});
  if (size == 0) {
    return end(
        {.turned_away = false, .why = reader_.in_message() ? "the front end left in the middle of a message" : ""});
  }
  Result<bool> whole = reader_.add({octets.data(), static_cast<std::size_t>(size)}, std::move(fds));
  if (!whole) return end({.turned_away = true, .why = whole.error().message});
  return *whole ? follow() : true;
}

bool VhostConnection::follow() {
  const Result<std::optional<VhostBackend::Reply>> answer = backend_.handle(reader_.take());
  if (!answer) return end({.turned_away = true, .why = answer.error().message});
  if (!backend_.refusal().empty()) watcher_.refused(backend_.refusal());
  if (*answer && !send(**answer)) return false;
  watcher_.changed();
  return true;
}

bool VhostConnection::send(const VhostBackend::Reply& reply) {
  iovec vector{const_cast<std::byte*>(reply.octets.data()), reply.octets.size()};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  const int fd = reply.fd.get();
  attach_descriptors(message, {&fd, reply.fd ? 1U : 0U}, control);
  const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(reply.octets.size())) return true;
  if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return end({.turned_away = false, .why = ""});
  return end({.turned_away = true, .why = "the front end does not read its answers"});
}

bool VhostConnection::end(const VhostEnd& how) {
  loop_.remove(socket_.get());
  ended_ = true;
  const auto ended = watcher_.ended;  // which may destroy this
  ended(how);
  return false;
}

}  // namespace rb
