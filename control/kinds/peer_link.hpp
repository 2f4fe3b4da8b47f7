// SPDX-License-Identifier: GPL-2.0-or-later
// PeerLink: the life of a port's connection to another process: waits for it or goes to it, and does so again when it
// is lost.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "control/base/event_loop.hpp"
#include "ports/base/socket_address.hpp"

namespace rb {

/// Where a peer is met, and who comes to whom.
struct PeerAddress {
  SocketAddress address;
  bool connects = false;  // we go there; else we listen, and make the socket's file
  SocketOwner owner;      // of the file
};

/// Whether a call failed for want of descriptors or memory, which others may give back.
[[nodiscard]] bool is_shortage(int error);

/// Control thread only.
class PeerLink {
 public:
  using Connected = std::function<void(UniqueFd)>;

  /// Begins at once; what cannot be made (a path that is taken) is refused here. A peer that is not there yet is no
  /// error: it is asked again, less and less often. `connected` gets each connected stream socket, a blocking one.
  [[nodiscard]] static Result<std::unique_ptr<PeerLink>> open(EventLoop& loop, const PeerAddress& where,
                                                              Connected connected);
  ~PeerLink();
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  /// The connection is in use: whatever comes next begins with short pauses again.
  void settled() { pause_ = kFirstPause; }
  /// The connection has gone; the next one is wanted.
  void lost();
  /// It could not be used; the next one is wanted, after a pause.
  void refused() { try_later(); }

 private:
  static constexpr std::chrono::milliseconds kFirstPause{50}, kLongestPause{2000};

  PeerLink(EventLoop& loop, const PeerAddress& where, Connected connected);
  void listen();
  void accept();
  void connect();
  void finish_connecting();
  void try_later();
  void use(UniqueFd socket);

  EventLoop& loop_;
  PeerAddress where_;
  Connected connected_;
  BoundSocket listener_;
  bool listening_ = false;
  UniqueFd connecting_;
  std::chrono::milliseconds pause_;
  Timer again_;
};

}  // namespace rb
