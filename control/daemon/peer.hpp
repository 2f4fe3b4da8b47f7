// SPDX-License-Identifier: GPL-2.0-or-later
// Peer: who is at the other end of a control connection, and what that lets them do.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "control/api/commands.hpp"
#include "switch/result.hpp"

namespace rb {

/// Credentials as they were when the peer connected (SO_PEERCRED, SO_PEERGROUPS).
struct Peer {
  uid_t uid = 0;
  std::vector<gid_t> groups;  // primary and supplementary

  [[nodiscard]] static Result<Peer> of(int fd);
  [[nodiscard]] bool is_member(gid_t group) const;
};

/// Root and the daemon's own user may do everything; the rest is said on the daemon's command line.
struct AccessPolicy {
  std::optional<gid_t> change_group;  // --group
  std::optional<gid_t> read_group;    // --read-group
  bool read_all = false;              // --read-all

  [[nodiscard]] bool allows(const Peer& peer, Right right) const;
};

}  // namespace rb
