// LinkMonitor: follows network interfaces by rtnetlink, in any number of network namespaces.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ports/rtnetlink.hpp"
#include "switch/result.hpp"

namespace rb {

/// One change. `gone`: RTM_DELLINK (deleted, or moved to another namespace); only ifindex and name are then valid.
struct LinkEvent {
  std::uint64_t netns_id = 0;  // as netns_id() gives it
  bool gone = false;
  LinkState link;
};

/// One pair of rtnetlink sockets a namespace; used by one thread (the control thread).
class LinkMonitor {
 public:
  LinkMonitor();
  ~LinkMonitor();
  LinkMonitor(const LinkMonitor&) = delete;
  LinkMonitor& operator=(const LinkMonitor&) = delete;

  /// Begins to follow a namespace (counted; -1: the daemon's own) and returns its id. kPermission without
  /// CAP_SYS_ADMIN over a foreign one.
  [[nodiscard]] Result<std::uint64_t> watch(int netns_fd);
  /// Ends one watch(); the sockets close with the last.
  void unwatch(std::uint64_t id);

  /// What an interface is now; kNoSuchInterface when it is not there. The namespace must be watched.
  [[nodiscard]] Result<LinkState> get(std::uint64_t id, const std::string& name);
  [[nodiscard]] Result<> set_admin(std::uint64_t id, int ifindex, Rtnetlink::Admin admin);

  /// One descriptor that is readable when events wait (an epoll over the sockets).
  [[nodiscard]] int event_fd() const noexcept;
  /// Reads what waits, without blocking. After an overrun (ENOBUFS) every interface of that namespace is said again.
  [[nodiscard]] std::vector<LinkEvent> take_events();

 private:
  struct Namespace;
  struct State;
  void read_events(std::uint64_t id, Namespace& space, std::vector<LinkEvent>& events);

  std::unique_ptr<State> state_;
};

}  // namespace rb
