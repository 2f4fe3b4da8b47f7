// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/daemon/peer.hpp"

#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace rb {

Result<Peer> Peer::of(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) {
    return fail(ErrorCode::kSystem, fmt::format("cannot tell who is calling: {}", std::strerror(errno)));
  }
  Peer peer;
  peer.uid = credentials.uid;
  // Asked twice: how many there are, then which.
  size = 0;
  gid_t none = 0;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, &none, &size) < 0 && errno == ERANGE) {
    peer.groups.resize(size / sizeof(gid_t));
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &size) < 0) peer.groups.clear();
  }
  peer.groups.push_back(credentials.gid);
  return peer;
}

bool Peer::is_member(gid_t group) const {
  return std::ranges::find(groups, group) != groups.end();
}

bool AccessPolicy::allows(const Peer& peer, Right right) const {
  if (peer.uid == 0 || peer.uid == geteuid() || (change_group && peer.is_member(*change_group))) return true;
  return right == Right::kRead && (read_all || (read_group && peer.is_member(*read_group)));
}

}  // namespace rb
