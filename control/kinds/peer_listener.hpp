// SPDX-License-Identifier: GPL-2.0-or-later
// PeerListener: one socket for many peers, each of which becomes a port.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "control/base/event_loop.hpp"
#include "ports/base/socket_address.hpp"

namespace rb {

/// Somebody who has come.
struct ArrivedPeer {
  UniqueFd socket;  // a blocking one
  pid_t pid = 0;    // of the process that connected, as the kernel says it (SO_PEERCRED)
  uid_t uid = 0;
  std::string name;  // what it has bound its own socket to, without directory and what stands behind a dot; "" for none
};

/// Control thread only.
class PeerListener {
 public:
  using Arrived = std::function<void(ArrivedPeer)>;

  /// Begins to listen at a path; `arrived` gets each peer. Errors: those of BoundSocket::bind().
  [[nodiscard]] static Result<std::unique_ptr<PeerListener>> open(EventLoop& loop, const SocketAddress& address,
                                                                  const SocketOwner& owner, Arrived arrived);
  ~PeerListener();
  PeerListener(const PeerListener&) = delete;
  PeerListener& operator=(const PeerListener&) = delete;

 private:
  PeerListener(EventLoop& loop, BoundSocket listener, Arrived arrived);
  void listen();
  void accept();

  EventLoop& loop_;
  BoundSocket listener_;
  Arrived arrived_;
  Timer again_;
};

}  // namespace rb
