// SPDX-License-Identifier: GPL-2.0-or-later
// LinkMonitor: follows network interfaces by rtnetlink, in any number of network namespaces.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ports/base/netns.hpp"
#include "switch/mac_address.hpp"
#include "switch/result.hpp"

namespace rb {

/// One interface as rtnetlink describes it.
struct LinkState {
  int ifindex = 0;
  std::string name;
  std::uint32_t flags = 0;  // IFF_*
  std::uint32_t mtu = 0;    // octets
  MacAddress address;

  bool operator==(const LinkState&) const = default;
  [[nodiscard]] bool admin_up() const noexcept;     // IFF_UP
  [[nodiscard]] bool promiscuous() const noexcept;  // IFF_PROMISC
  [[nodiscard]] bool running() const noexcept;      // IFF_UP and IFF_LOWER_UP (a tap somebody holds has carrier)
};

/// One change; a rename is the same ifindex with another name. `gone`: deleted, moved to another namespace, or its
/// namespace has died; only ifindex and name are then valid.
struct LinkEvent {
  std::uint64_t netns_id = 0;  // inode number of the namespace, as netns_id() gives it
  bool gone = false;
  LinkState link;
};

/// Sets IFF_UP, or takes it away, in a namespace (-1: the calling thread's own), which is entered for a moment
/// (CAP_SYS_ADMIN). kNoSuchInterface, kPermission.
[[nodiscard]] Result<> set_link_up(int netns_fd, const std::string& name, bool up);

/// Used by one thread (the control thread), in the namespace in which it was made. Watching does not keep a namespace
/// alive: when it dies, every interface in it is said to be gone, and its id stays watched, empty, until unwatch().
class LinkMonitor {
 public:
  LinkMonitor();
  ~LinkMonitor();
  LinkMonitor(const LinkMonitor&) = delete;
  LinkMonitor& operator=(const LinkMonitor&) = delete;

  /// Begins to follow a namespace (counted; -1: the daemon's own) and returns its netns_id(). What is there already is
  /// not said as events: ask by get(). `netns_fd` is borrowed for the call. Following a foreign one needs CAP_NET_ADMIN
  /// and CAP_NET_BROADCAST over both (kPermission); one's own needs nothing.
  [[nodiscard]] Result<std::uint64_t> watch(int netns_fd);
  /// Ends one watch(); after the last, nothing more is said of the namespace.
  void unwatch(std::uint64_t id);

  /// What an interface is now; kNoSuchInterface when it is not there, or its namespace has died. The namespace must be
  /// watched.
  [[nodiscard]] Result<LinkState> get(std::uint64_t id, const std::string& name);
  [[nodiscard]] Result<LinkState> get(std::uint64_t id, int ifindex);
  /// Sets IFF_UP, or takes it away, in the daemon's own namespace; kPermission without CAP_NET_ADMIN. kNotSupported in
  /// another: the monitor holds no way into it, lest it stay alive. set_link_up() does it.
  [[nodiscard]] Result<> set_up(std::uint64_t id, const std::string& name, bool up);

  /// One descriptor that is readable when events wait (an epoll); it may be readable for nothing.
  [[nodiscard]] int event_fd() const noexcept;
  /// Reads what waits, without blocking. After an overrun (ENOBUFS) every interface of every watched namespace is said
  /// again, and those that have vanished meanwhile as gone.
  [[nodiscard]] std::vector<LinkEvent> take_events();

 private:
  struct Namespace;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rb
