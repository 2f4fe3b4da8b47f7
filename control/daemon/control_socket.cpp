// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/daemon/control_socket.hpp"

#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "control/base/json_rpc.hpp"
#include "control/base/log.hpp"
#include "ports/base/passed_descriptors.hpp"

namespace rb {
namespace {

constexpr std::chrono::milliseconds kAcceptPause{200};
constexpr std::chrono::milliseconds kSoon{1};  // a timer's shortest delay

RpcError too_much_waits() {
  return {kRpcOperationFailed,
          "the answer is too large while others wait for slow clients; ask for less, or later",
          std::string(error_name(ErrorCode::kLimit)),
          {}};
}

}  // namespace

struct ControlSocket::Session {
  UniqueFd fd;
  Peer peer;
  std::string in, out;
  std::size_t searched = 0;  // octets of `in` known to hold no end of line
  std::vector<UniqueFd> descriptors;
  std::vector<std::string> kinds;  // of events it wants
  bool ending = false;             // to be closed when `out` is empty
  bool dead = false;               // to be closed now

  [[nodiscard]] bool wants(const std::string& kind) const {
    return !dead && std::ranges::find(kinds, kind) != kinds.end();
  }
};

ControlSocket::ControlSocket(EventLoop& loop, Commands& commands, SocketPath path, AccessPolicy policy,
                             std::function<void()> subscriptions_changed)
    : loop_(loop),
      commands_(commands),
      path_(std::move(path)),
      policy_(policy),
      accept_again_(loop, [this] { loop_.change(path_.fd(), EPOLLIN); }),
      close_soon_(loop, [this] { close_marked(); }),
      subscriptions_changed_(std::move(subscriptions_changed)) {
  loop_.add(path_.fd(), EPOLLIN, [this](std::uint32_t) { accept_clients(); });
}

ControlSocket::~ControlSocket() {
  loop_.remove(path_.fd());
  for (const auto& session : sessions_) loop_.remove(session->fd.get());
}

void ControlSocket::accept_clients() {
  for (;;) {
    UniqueFd fd(accept4(path_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // The connection waits on and would wake us at once: look away for a moment.
        loop_.change(path_.fd(), 0);
        accept_again_.start_once(kAcceptPause);
      }
      return;
    }
    Result<Peer> peer = Peer::of(fd.get());
    if (!peer) continue;
    const std::size_t places = policy_.allows(*peer, Right::kChange) ? kMaxClients : kMaxClients - kReservedClients;
    if (sessions_.size() >= places) {
      refuse_client(std::move(fd));
      continue;
    }
    auto session = std::make_unique<Session>();
    session->fd = std::move(fd);
    session->peer = std::move(*peer);
    Session* made = session.get();
    sessions_.push_back(std::move(session));
    loop_.add(made->fd.get(), EPOLLIN, [this, made](std::uint32_t events) { handle(*made, events); });
  }
}

void ControlSocket::refuse_client(UniqueFd fd) {
  const RpcError error{kRpcOperationFailed,
                       fmt::format("{} clients are connected, and no more are served", sessions_.size()),
                       std::string(error_name(ErrorCode::kLimit)),
                       {}};
  const std::string line = rpc_error_line(nullptr, error);
  (void)::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void ControlSocket::handle(Session& session, std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush(session);
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !session.dead && !session.ending) receive(session);
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) mark_dead(session);
  close_marked();
}

void ControlSocket::receive(Session& session) {
  std::array<char, 65536> buffer;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control;
  iovec vector{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  // From others none are taken: the kernel drops them without the flush of a close(), which a file system of the
  // caller's own could make wait for ever.
  const bool may_bring = policy_.allows(session.peer, Right::kChange);
  message.msg_control = may_bring ? control.data() : nullptr;
  message.msg_controllen = may_bring ? control.size() : 0;
  const ssize_t size = recvmsg(session.fd.get(), &message, MSG_CMSG_CLOEXEC);
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) mark_dead(session);
    return;
  }
  take_descriptors(message, session.descriptors);
  if (size == 0) return end(session);
  if ((message.msg_flags & MSG_CTRUNC) != 0 || session.descriptors.size() > kMaxDescriptors) {
    session.descriptors.clear();
    const std::string refusal =
        may_bring ? fmt::format("at most {} descriptors can come with a request", kMaxDescriptors)
                  : fmt::format("user {} may not change anything, so no descriptors are taken", session.peer.uid);
    send(session, rpc_error_line(nullptr, {kRpcInvalidRequest, refusal, {}, {}}));
    return end(session);
  }
  session.in.append(buffer.data(), static_cast<std::size_t>(size));
  serve_lines(session);
}

void ControlSocket::serve_lines(Session& session) {
  std::size_t start = 0;
  while (!session.dead && !session.ending) {
    // From where the last search ended: a client that sends octet by octet must not have us read all again for each.
    const std::size_t end_of_line = session.in.find('\n', std::max(start, session.searched));
    const bool whole = end_of_line != std::string::npos;
    const std::size_t size = (whole ? end_of_line + 1 : session.in.size()) - start;
    if (size > kMaxRequest) {
      send(session,
           rpc_error_line(
               nullptr, {kRpcInvalidRequest, fmt::format("a request is at most {} octets long", kMaxRequest), {}, {}}));
      end(session);
      break;
    }
    if (!whole) break;
    const std::string_view line(session.in.data() + start, end_of_line - start);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) serve(session, line);
    (void)loop_.run_urgent();
    start = end_of_line + 1;
  }
  session.in.erase(0, start);
  session.searched = session.in.size();
}

void ControlSocket::serve(Session& session, std::string_view line) {
  const std::expected<RpcRequest, RpcRefusal> request = parse_rpc_request(line);
  Caller caller;
  caller.descriptors = std::exchange(session.descriptors, {});
  caller.let_urgent_happen = [this] { (void)loop_.run_urgent(); };
  if (!request) return send(session, rpc_error_line(request.error().id, request.error().error));
  if (daemon_log().writes(LogLevel::kDebug)) {
    log_message(LogLevel::kDebug, fmt::format("user {} calls {}", session.peer.uid, request->method));
  }
  const Right* right = commands_.right_of(request->method);
  if (right != nullptr && !policy_.allows(session.peer, *right)) {
    const char* who =
        *right == Right::kChange
            ? "change anything; root, the daemon's user and members of its --group may"
            : "look; root, the daemon's user and members of its --group and --read-group may (or all with --read-all)";
    log_message(LogLevel::kInfo, fmt::format("user {} may not call {}", session.peer.uid, request->method));
    if (request->notification) return;
    return send(session,
                rpc_error_line(request->id,
                               {kRpcNotPermitted, fmt::format("user {} may not {}", session.peer.uid, who), {}, {}}));
  }
  const std::expected<nlohmann::json, RpcError> answer = commands_.call(request->method, request->params, caller);
  if (!request->notification) {
    const std::string reply =
        answer ? rpc_result_line(request->id, *answer) : rpc_error_line(request->id, answer.error());
    send(session, has_room_for(reply) ? reply : rpc_error_line(request->id, too_much_waits()));
  }
  if (caller.subscribes) {
    session.kinds = std::move(caller.kinds);
    if (subscriptions_changed_) subscriptions_changed_();
  }
}

bool ControlSocket::has_room_for(const std::string& line) const {
  if (line.size() <= kMaxWaiting) return true;  // what all clients may have anyway
  std::size_t waiting = line.size();
  for (const auto& session : sessions_) waiting += session->out.size();
  return waiting <= kMaxWaitingOfAll;
}

void ControlSocket::send(Session& session, const std::string& line) {
  if (session.dead) return;
  if (session.out.size() + line.size() > kMaxWaiting && !session.out.empty()) {
    mark_dead(session);  // it does not read
    return;
  }
  const bool was_empty = session.out.empty();
  session.out += line;
  if (was_empty) flush(session);
}

void ControlSocket::flush(Session& session) {
  std::size_t sent = 0;
  while (sent < session.out.size()) {
    const ssize_t size =
        ::send(session.fd.get(), session.out.data() + sent, session.out.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != EAGAIN) mark_dead(session);
    if (size < 0) break;
    sent += static_cast<std::size_t>(size);
  }
  session.out.erase(0, sent);
  if (session.out.empty() && session.ending) mark_dead(session);
  listen_to(session);
}

void ControlSocket::listen_to(const Session& session) {
  if (session.dead) return;
  // Of one that is ending nothing more is read: its end of file, or what it still sends, would wake us for ever.
  const std::uint32_t reading = session.ending ? 0U : EPOLLIN;
  loop_.change(session.fd.get(), session.out.empty() ? reading : reading | EPOLLOUT);
}

void ControlSocket::end(Session& session) {
  session.ending = true;  // its last answers may still be on the way
  if (session.out.empty()) mark_dead(session);
  listen_to(session);
}

void ControlSocket::mark_dead(Session& session) {
  // Not closed here: the caller may be in the middle of serving it, or another one.
  session.dead = true;
  close_soon_.start_once(kSoon);
}

void ControlSocket::broadcast(const std::string& kind, const nlohmann::json& event) {
  std::string line;
  for (const auto& session : sessions_) {
    if (!session->wants(kind)) continue;
    if (line.empty()) line = rpc_event_line(event);
    send(*session, line);
  }
}

bool ControlSocket::anybody_wants(const std::string& kind) const {
  return std::ranges::any_of(sessions_, [&](const auto& session) { return session->wants(kind); });
}

void ControlSocket::close_marked() {
  close_soon_.stop();
  bool unsubscribed = false;
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    if (!(*at)->dead) {
      ++at;
      continue;
    }
    unsubscribed = unsubscribed || !(*at)->kinds.empty();
    loop_.remove((*at)->fd.get());
    at = sessions_.erase(at);
  }
  if (unsubscribed && subscriptions_changed_) subscriptions_changed_();
}

}  // namespace rb
