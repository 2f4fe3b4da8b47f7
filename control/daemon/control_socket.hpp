// SPDX-License-Identifier: GPL-2.0-or-later
// ControlSocket: serves the clients of the control protocol, each within its bounds and none at another's cost.
//
// How it works. Every client is a Session: a buffer of what has come in, a buffer of what waits to go out, and the
// descriptors that came along. Whole lines are requests and answered in order. Nothing here blocks: a client that does
// not read is closed when its answers exceed kMaxWaiting, one that sends without end of line when it exceeds
// kMaxRequest. Descriptors are owned from the moment they arrive, and closed if no request wants them.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "control/api/commands.hpp"
#include "control/base/event_loop.hpp"
#include "control/base/socket_path.hpp"
#include "control/daemon/peer.hpp"

namespace rb {

class ControlSocket {
 public:
  static constexpr std::size_t kMaxRequest = 1U << 20;  // octets of one line, with its end
  static constexpr std::size_t kMaxWaiting = 4U << 20;  // octets of answers that a client has not read
  /// Octets that may wait for all clients together; an answer beyond is refused. One listing of a large FDB fits.
  static constexpr std::size_t kMaxWaitingOfAll = 512U << 20;
  static constexpr std::size_t kMaxClients = 1024;
  /// Places among them that only those who may change things can take, lest others keep them out.
  static constexpr std::size_t kReservedClients = 64;
  static constexpr std::size_t kMaxDescriptors = 16;  // that may wait for one request

  /// `subscriptions_changed` is called when a client begins or ceases to want events. All outlive this.
  ControlSocket(EventLoop& loop, Commands& commands, SocketPath path, AccessPolicy policy,
                std::function<void()> subscriptions_changed = {});
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  /// Sends an event to everybody who asked for its kind ("fdb", "port", "bridge", "stp", "loop").
  void broadcast(const std::string& kind, const nlohmann::json& event);
  [[nodiscard]] bool anybody_wants(const std::string& kind) const;

 private:
  struct Session;
  void accept_clients();
  void refuse_client(UniqueFd fd);
  void handle(Session& session, std::uint32_t events);
  void receive(Session& session);
  void serve_lines(Session& session);
  void serve(Session& session, std::string_view line);
  void send(Session& session, const std::string& line);
  [[nodiscard]] bool has_room_for(const std::string& line) const;
  void flush(Session& session);
  void listen_to(const Session& session);
  void end(Session& session);
  void mark_dead(Session& session);
  void close_marked();

  EventLoop& loop_;
  Commands& commands_;
  SocketPath path_;
  AccessPolicy policy_;
  Timer accept_again_;  // after the process has run out of descriptors
  Timer close_soon_;    // sessions that died while somebody else was being served
  std::list<std::unique_ptr<Session>> sessions_;
  std::function<void()> subscriptions_changed_;
};

}  // namespace rb
