// LinkMonitor: follows network interfaces by rtnetlink, in any number of network namespaces.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/unique_fd.hpp"
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
  [[nodiscard]] bool admin_up() const noexcept;  // IFF_UP
  [[nodiscard]] bool running() const noexcept;   // IFF_UP and IFF_LOWER_UP (a tap somebody holds has carrier)
};

/// One change. `gone`: RTM_DELLINK (deleted, or moved to another namespace); only ifindex and name are then valid.
struct LinkEvent {
  std::uint64_t netns_id = 0;  // inode number of the namespace, as netns_id() gives it
  bool gone = false;
  LinkState link;
};

/// Inode number that names a network namespace; -1 stands for the calling thread's own.
[[nodiscard]] std::uint64_t netns_id(int netns_fd);

/// One rtnetlink socket a namespace; used by one thread (the control thread).
class LinkMonitor {
 public:
  LinkMonitor();
  ~LinkMonitor();
  LinkMonitor(const LinkMonitor&) = delete;
  LinkMonitor& operator=(const LinkMonitor&) = delete;

  /// Begins to follow a namespace (counted; -1: the daemon's own) and returns its id. kPermission without
  /// CAP_SYS_ADMIN over a foreign one.
  [[nodiscard]] Result<std::uint64_t> watch(int netns_fd);
  /// Ends one watch(); the socket closes with the last.
  void unwatch(std::uint64_t id);

  /// What an interface is now; kNoSuchInterface when it is not there. The namespace must be watched.
  [[nodiscard]] Result<LinkState> get(std::uint64_t id, const std::string& name);
  [[nodiscard]] Result<LinkState> get(std::uint64_t id, int ifindex);
  /// Sets IFF_UP, or takes it away.
  [[nodiscard]] Result<> set_up(std::uint64_t id, const std::string& name, bool up);

  /// One descriptor that is readable when events wait (an epoll over the sockets).
  [[nodiscard]] int event_fd() const noexcept;
  /// Reads what waits, without blocking. After an overrun (ENOBUFS) every interface of that namespace is said again.
  [[nodiscard]] std::vector<LinkEvent> take_events();

 private:
  struct Namespace;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rb
