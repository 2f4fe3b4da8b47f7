// SPDX-License-Identifier: GPL-2.0-or-later
// LinkMonitor follows network interfaces by rtnetlink, in any number of network namespaces.
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
  [[nodiscard]] bool running()
      const noexcept;  // IFF_UP and IFF_LOWER_UP (a tap has a carrier while a process holds it)
};

/// One change. A rename has the same ifindex and another name. `gone`: the interface was deleted or moved to another
/// namespace, or its namespace has died; only ifindex and name are then valid.
struct LinkEvent {
  std::uint64_t netns_id = 0;  // inode number of the namespace, as netns_id() returns it
  bool gone = false;
  LinkState link;
};

/// Sets or clears IFF_UP in a namespace (-1: the calling thread's own), which the thread enters for a moment
/// (CAP_SYS_ADMIN). Errors: kNoSuchInterface, kPermission.
[[nodiscard]] Result<> set_link_up(int netns_fd, const std::string& name, bool up);

/// One thread (the control thread) uses a LinkMonitor, in the namespace in which it was made. Watching does not keep a
/// namespace alive: when a namespace dies, every interface in it is reported as gone, and its id stays watched, empty,
/// until unwatch().
class LinkMonitor {
 public:
  LinkMonitor();
  ~LinkMonitor();
  LinkMonitor(const LinkMonitor&) = delete;
  LinkMonitor& operator=(const LinkMonitor&) = delete;

  /// Begins to follow a namespace (counted; -1: the daemon's own) and returns its netns_id(). There are no events for
  /// interfaces that exist already: ask by get(). `netns_fd` is borrowed for the call. Following a foreign namespace
  /// needs CAP_NET_ADMIN and CAP_NET_BROADCAST over both (kPermission); the own namespace needs no privilege.
  [[nodiscard]] Result<std::uint64_t> watch(int netns_fd);
  /// Ends one watch(). After the last one there are no more events of the namespace.
  void unwatch(std::uint64_t id);

  /// Returns the present state of an interface. kNoSuchInterface if it does not exist, or its namespace has died. The
  /// namespace must be watched.
  [[nodiscard]] Result<LinkState> get(std::uint64_t id, const std::string& name);
  [[nodiscard]] Result<LinkState> get(std::uint64_t id, int ifindex);
  /// Sets or clears IFF_UP in the daemon's own namespace; kPermission without CAP_NET_ADMIN. kNotSupported in another
  /// namespace: the monitor holds no descriptor of it, which would keep it alive. set_link_up() does it there.
  [[nodiscard]] Result<> set_up(std::uint64_t id, const std::string& name, bool up);

  /// A descriptor (an epoll) that is readable when events wait; it may also be readable without one.
  [[nodiscard]] int event_fd() const noexcept;
  /// Reads waiting events without blocking. After an overrun (ENOBUFS) every interface of every watched namespace is
  /// reported again, and interfaces that have vanished meanwhile are reported as gone.
  [[nodiscard]] std::vector<LinkEvent> take_events();

 private:
  struct Namespace;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rb
