// SPDX-License-Identifier: GPL-2.0-or-later
// Network namespaces: what one is called, and being in another one for a moment.
#pragma once

#include <cstdint>
#include <string>

#include "ports/base/unique_fd.hpp"
#include "switch/result.hpp"

namespace rb {

/// Inode number that names a network namespace (nsfs); -1 stands for the calling thread's own. 0 when the descriptor
/// is not a namespace at all. The kernel may use a number again once its namespace is gone.
[[nodiscard]] std::uint64_t netns_id(int netns_fd);

/// Whether a descriptor, perhaps one that a client sent, is a network namespace: kInvalidArgument when it is anything
/// else. -1 stands for the calling thread's own and is always right.
[[nodiscard]] Result<> check_netns(int netns_fd);

/// The calling thread, and only it, is in another network namespace for as long as this lives. What is opened
/// meanwhile (a socket, /dev/net/tun) belongs to that namespace for good, and keeps it alive: keep the scope short.
/// Must be destroyed by the thread that made it.
class NetnsScope {
 public:
  /// `netns_fd` is borrowed. Entering the namespace one is in already, or -1, does nothing and needs no privilege;
  /// any other needs CAP_SYS_ADMIN (kPermission). kInvalidArgument when it is no network namespace.
  [[nodiscard]] static Result<NetnsScope> enter(int netns_fd);
  NetnsScope(NetnsScope&&) noexcept = default;
  NetnsScope& operator=(NetnsScope&&) = delete;
  /// Goes back. Ends the process if the kernel will not let it: a thread that stays in a foreign namespace would
  /// make and delete interfaces of other people.
  ~NetnsScope();

 private:
  NetnsScope() = default;
  UniqueFd home_;  // empty: there is nothing to go back to
};

/// Opens the network namespace that a label stands for: a name in /run/netns, else a path, else the id of a process.
/// Errors: kInvalidArgument (no such namespace, or no namespace at all), kPermission.
[[nodiscard]] Result<UniqueFd> open_netns(const std::string& label);

}  // namespace rb
