// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/peer_link.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace rb {
namespace {

bool is_connected_to_itself(int socket) {
  sockaddr_storage own{}, peer{};
  socklen_t own_size = sizeof own, peer_size = sizeof peer;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &own_size) != 0 ||
      ::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0)
    return false;
  return own.ss_family != AF_UNIX && own_size == peer_size && std::memcmp(&own, &peer, own_size) == 0;
}

}  // namespace

PeerLink::PeerLink(EventLoop& loop, const PeerAddress& where, Connected connected)
    : loop_(loop), where_(where), connected_(std::move(connected)), pause_(kFirstPause), again_(loop, [this] {
        where_.connects ? connect() : listen();
      }) {}

PeerLink::~PeerLink() {
  if (listening_) loop_.remove(listener_.fd());
  if (connecting_) loop_.remove(connecting_.get());
}

Result<std::unique_ptr<PeerLink>> PeerLink::open(EventLoop& loop, const PeerAddress& where, Connected connected) {
  std::unique_ptr<PeerLink> link(new PeerLink(loop, where, std::move(connected)));
  if (where.connects) {
    // Not from within the call: who asked for it is not ready for an answer yet.
    link->again_.start_once(std::chrono::milliseconds(1));
    return link;
  }
  Result<BoundSocket> bound = BoundSocket::bind(where.address, SOCK_STREAM, where.owner);
  if (!bound) return std::unexpected(bound.error());
  link->listener_ = std::move(*bound);
  link->listen();
  return link;
}

bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

void PeerLink::lost() {
  where_.connects ? try_later() : listen();
}

void PeerLink::listen() {
  listening_ = true;
  loop_.add(listener_.fd(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

void PeerLink::accept() {
  UniqueFd socket(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  const int error = errno;
  // One at a time: whoever comes next waits until this one has gone. And nobody is asked in vain again and again while
  // there are no descriptors.
  loop_.remove(listener_.fd());
  listening_ = false;
  if (!socket) return is_shortage(error) ? try_later() : listen();
  use(std::move(socket));
}

void PeerLink::connect() {
  const SocketAddress& to = where_.address;
  connecting_.reset(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!connecting_) return try_later();
  if (::connect(connecting_.get(), to.get(), to.size) == 0) return use(std::exchange(connecting_, {}));
  if (errno != EINPROGRESS) {
    connecting_.reset();
    return try_later();
  }
  loop_.add(connecting_.get(), EPOLLOUT, [this](std::uint32_t) { finish_connecting(); });
}

void PeerLink::finish_connecting() {
  loop_.remove(connecting_.get());
  int error = 0;
  socklen_t size = sizeof error;
  UniqueFd socket = std::exchange(connecting_, {});
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return try_later();
  use(std::move(socket));
}

void PeerLink::try_later() {
  again_.start_once(pause_);
  pause_ = std::min(2 * pause_, kLongestPause);
}

void PeerLink::use(UniqueFd socket) {
  // On the loopback the kernel may choose the very port that we go to as our own, and connect us with ourselves.
  if (where_.connects && is_connected_to_itself(socket.get())) return try_later();
  const int one = 1;
  if (!where_.address.is_path()) (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  // io_uring waits for a blocking socket without blocking anybody.
  (void)::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) & ~O_NONBLOCK);
  connected_(std::move(socket));
}

}  // namespace rb
