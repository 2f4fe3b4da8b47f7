// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/vde_clients.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace rb {

VdeClients::VdeClients(EventLoop& loop, Asked asked, Refused refused, std::chrono::milliseconds patience)
    : loop_(loop), asked_(std::move(asked)), refused_(std::move(refused)), patience_(patience), timer_(loop, [this] {
        expire();
      }) {}

VdeClients::~VdeClients() {
  for (const Waiting& client : waiting_) loop_.remove(client.peer.socket.get());
}

void VdeClients::add(ArrivedPeer peer) {
  const uid_t user = peer.uid;
  const auto of_user = std::ranges::count_if(waiting_, [user](const Waiting& w) { return w.peer.uid == user; });
  if (user != 0 && static_cast<std::size_t>(of_user) >= kMaxWaitingOfUser) return refused_(VdeRefusal::kTooMany);
  if (waiting_.size() >= kMaxWaiting) send_away(waiting_.begin(), VdeRefusal::kSilent);
  const int fd = peer.socket.get();
  waiting_.push_back(
      {.peer = std::move(peer), .deadline = std::chrono::steady_clock::now() + patience_, .bytes = {}, .size = 0});
  loop_.add(fd, EPOLLIN, [this, place = std::prev(waiting_.end())](std::uint32_t) { read(place); });
  if (!timer_.running()) start_timer();
}

void VdeClients::read(Place place) {
  Waiting& client = *place;
  const ssize_t size = ::recv(client.peer.socket.get(), client.bytes.data() + client.size,
                              client.bytes.size() - client.size, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    (void)take(place);  // it has gone without a request
    return;
  }
  client.size += static_cast<std::size_t>(size);
  auto request = parse_vde_request(std::span(client.bytes).first(client.size));
  if (!request) return;
  if (!*request) return send_away(place, request->error());
  asked_(take(place), std::move(**request));
}

ArrivedPeer VdeClients::take(Place place) {
  loop_.remove(place->peer.socket.get());
  ArrivedPeer peer = std::move(place->peer);
  waiting_.erase(place);
  return peer;
}

void VdeClients::send_away(Place place, VdeRefusal reason) {
  (void)take(place);
  refused_(reason);
}

void VdeClients::expire() {
  const auto now = std::chrono::steady_clock::now();
  while (!waiting_.empty() && waiting_.front().deadline <= now) send_away(waiting_.begin(), VdeRefusal::kSilent);
  start_timer();
}

void VdeClients::start_timer() {
  if (waiting_.empty()) return;
  const auto left = waiting_.front().deadline - std::chrono::steady_clock::now();
  timer_.start_once(std::max(std::chrono::ceil<std::chrono::milliseconds>(left), std::chrono::milliseconds(1)));
}

}  // namespace rb
