// SPDX-License-Identifier: GPL-2.0-or-later
// Network namespaces: their ids, labels, and entering another one for a moment.
#pragma once

#include <cstdint>
#include <string>

#include "ports/base/unique_fd.hpp"
#include "switch/result.hpp"

namespace rb {

/// Returns the inode number of a network namespace (nsfs); -1 is the calling thread's own. Returns 0 if the descriptor
/// is no namespace. The kernel may reuse a number after its namespace is gone.
[[nodiscard]] std::uint64_t netns_id(int netns_fd);

/// Checks that a descriptor, perhaps from a client, is a network namespace; otherwise kInvalidArgument. -1 is the
/// calling thread's own and always valid.
[[nodiscard]] Result<> check_netns(int netns_fd);

/// While this object lives, the calling thread, and only this thread, is in another network namespace. A socket or
/// /dev/net/tun that is opened meanwhile belongs to that namespace and keeps it alive: keep the scope short. The same
/// thread must destroy the object.
class NetnsScope {
 public:
  /// `netns_fd` is borrowed. Entering the present namespace, or -1, does nothing and needs no privilege; any other
  /// needs CAP_SYS_ADMIN (kPermission). kInvalidArgument if it is no network namespace.
  [[nodiscard]] static Result<NetnsScope> enter(int netns_fd);
  NetnsScope(NetnsScope&&) noexcept = default;
  NetnsScope& operator=(NetnsScope&&) = delete;
  /// Returns to the old namespace. Ends the process if the kernel refuses: a thread that stays in a foreign namespace
  /// would create and delete interfaces of other people.
  ~NetnsScope();

 private:
  NetnsScope() = default;
  UniqueFd home_;  // empty: the thread is already at home
};

/// Opens the network namespace of a label: a name in /run/netns, otherwise a path, otherwise a process id. Errors:
/// kInvalidArgument (no such namespace, or not a namespace), kPermission.
[[nodiscard]] Result<UniqueFd> open_netns(const std::string& label);

}  // namespace rb
