// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/peer_listener.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <utility>

#include "control/kinds/peer_link.hpp"
#include "ports/base/interface_name.hpp"

namespace rb {
namespace {

constexpr std::chrono::milliseconds kPause{200};

/// The last part of what a socket is bound to, a path or an abstract name.
std::string own_name(int socket) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  constexpr socklen_t kStart = offsetof(sockaddr_un, sun_path);
  if (size <= kStart) return {};
  std::string bound(address.sun_path, size - kStart);
  if (bound.starts_with('\0')) bound.erase(0, 1);
  bound.resize(std::min(bound.find('\0'), bound.size()));
  const std::string stem = std::filesystem::path(bound).stem();
  return is_plain_name(stem) ? stem : std::string();
}

}  // namespace

PeerListener::PeerListener(EventLoop& loop, BoundSocket listener, Arrived arrived)
    : loop_(loop), listener_(std::move(listener)), arrived_(std::move(arrived)), again_(loop, [this] { listen(); }) {
  listen();
}

PeerListener::~PeerListener() {
  if (!again_.running()) loop_.remove(listener_.fd());
}

void PeerListener::listen() {
  loop_.add(listener_.fd(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

Result<std::unique_ptr<PeerListener>> PeerListener::open(EventLoop& loop, const SocketAddress& address,
                                                         const SocketOwner& owner, Arrived arrived) {
  Result<BoundSocket> bound = BoundSocket::bind(address, SOCK_STREAM, owner);
  if (!bound) return std::unexpected(bound.error());
  return std::unique_ptr<PeerListener>(new PeerListener(loop, std::move(*bound), std::move(arrived)));
}

void PeerListener::accept() {
  ArrivedPeer peer;
  peer.socket.reset(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!peer.socket) {
    // Not asked in vain again and again while there are no descriptors.
    if (is_shortage(errno)) {
      loop_.remove(listener_.fd());
      again_.start_once(kPause);
    }
    return;
  }
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(peer.socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return;
  peer.pid = credentials.pid;
  peer.uid = credentials.uid;
  peer.name = own_name(peer.socket.get());
  arrived_(std::move(peer));
}

}  // namespace rb
