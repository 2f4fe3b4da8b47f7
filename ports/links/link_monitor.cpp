// SPDX-License-Identifier: GPL-2.0-or-later
// How it works
//
// 1. One socket, in the daemon's own namespace, hears all of them: with NETLINK_LISTEN_ALL_NSID the kernel also
//    delivers the events of each namespace that has a number (nsid) here, and names the namespace in a control message.
//    watch() makes sure that the namespace has a number. Requests for data go the same way, by IFLA_TARGET_NETNSID.
//    Changes cannot: they must be requested inside the namespace (set_link_up).
// 2. The alternative, a socket opened inside each namespace, would keep the namespace alive: after `ip netns del` its
//    interfaces would live on, out of reach, until unwatch(). (Measured: neither RTM_DELLINK nor anything else comes.)
// 3. A namespace that dies sends RTM_DELNSID and no RTM_DELLINK. So `known` has the interfaces of a watched namespace,
//    and then all of them are reported as gone. After an overrun `known` also tells which interfaces have vanished
//    unheard, and it suppresses messages that change nothing.
// 4. A number is reused after its namespace has died. watch() reads all waiting messages between learning the number
//    and using it, so it has passed a RTM_DELNSID of the number's former namespace. (One case is left: an overrun loses
//    just this message, and a new namespace gets the number before the listing that follows; then the wrong one is
//    followed.)
// 5. RTNLGRP_LINK also carries messages of other families: a kernel bridge's RTM_DELLINK of family AF_BRIDGE means that
//    a port has left the bridge, not that it is gone. Only AF_UNSPEC counts.
#include "ports/links/link_monitor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "ports/links/link_message.hpp"
#include "ports/links/rtnetlink.hpp"

namespace rb {
namespace {

constexpr int kDeadNsid = -2;
constexpr int kReceiveBuffer = 1 << 20;       // octets; about 600 messages of 1.5 KiB
constexpr std::size_t kDatagramSize = 65536;  // octets
constexpr int kDatagramsPerCall = 1024;       // then the caller gets a turn; the rest is still readable
constexpr int kDumpTrials = 8;                // for a dump that changes keep interrupting

std::unexpected<Error> no_such_interface(const std::string& name) {
  return fail(ErrorCode::kNoSuchInterface, fmt::format("there is no interface {}", name));
}

std::unexpected<Error> foreign_permission() {
  return fail(ErrorCode::kPermission,
              "following interfaces in another network namespace needs CAP_NET_ADMIN and CAP_NET_BROADCAST; run as "
              "root, or start the switch inside it");
}

/// Sends to the namespace of the socket. (IFLA_TARGET_NETNSID in a RTM_NEWLINK would move the interface there.)
Result<> send_up(Rtnetlink& netlink, const std::string& name, bool up) {
  if (name.empty() || name.size() >= IFNAMSIZ) return no_such_interface("'" + name + "'");
  ifinfomsg header{};
  header.ifi_flags = up ? IFF_UP : 0;
  header.ifi_change = IFF_UP;
  RtnetlinkRequest request(RTM_NEWLINK, 0, header);  // without NLM_F_CREATE, so that a missing interface is not created
  request.add(IFLA_IFNAME, name);
  const int error = netlink.request(request);
  if (error == 0) return {};
  if (error == ENODEV) return no_such_interface(name);
  if (error == EPERM) {
    return fail(ErrorCode::kPermission, fmt::format("setting {} {} needs CAP_NET_ADMIN", name, up ? "up" : "down"));
  }
  return fail(ErrorCode::kSystem, fmt::format("cannot set {} {}: {}", name, up ? "up" : "down", std::strerror(error)));
}

}  // namespace

bool LinkState::promiscuous() const noexcept {
  return (flags & IFF_PROMISC) != 0;
}
bool LinkState::admin_up() const noexcept {
  return (flags & IFF_UP) != 0;
}

bool LinkState::running() const noexcept {
  return admin_up() && (flags & IFF_LOWER_UP) != 0;
}

struct LinkMonitor::Namespace {
  unsigned watchers = 0;
  int nsid = kOwnNsid;
  std::map<int, LinkState> known;  // by ifindex
};

struct LinkMonitor::State {
  Result<Rtnetlink> netlink = Rtnetlink::open();
  UniqueFd events;         // of every namespace
  UniqueFd pending_fd;     // eventfd: `pending` is not empty
  UniqueFd epoll;          // waits for the two descriptors above
  bool hears_all = false;  // true: also events of other namespaces
  bool overrun = false;
  std::map<std::uint64_t, Namespace> namespaces;  // by netns_id()
  std::vector<LinkEvent> pending;                 // read, not yet taken
  std::vector<char> buffer = std::vector<char>(kDatagramSize);

  void open();
  [[nodiscard]] Result<> check_open() const;
  void receive();
  bool receive_one();
  void take_message(const nlmsghdr& message, int nsid);
  void take_link(const nlmsghdr& message, std::uint64_t id, Namespace& space);
  void bury(int nsid);
  void recover();
  void say_gone(std::uint64_t id, const LinkState& link);
  [[nodiscard]] Result<std::map<int, LinkState>> list(int nsid);
  void say_again(std::uint64_t id, Namespace& space);
  [[nodiscard]] Result<int> nsid_of(int netns_fd);
  [[nodiscard]] Result<LinkState> ask(std::uint64_t id, RtnetlinkRequest& request, const std::string& what);
  [[nodiscard]] const Namespace* alive(std::uint64_t id) const;
};

void LinkMonitor::State::open() {
  events = UniqueFd(::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
  pending_fd = UniqueFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  epoll = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!events || !pending_fd || !epoll) return;
  const int one = 1;
  hears_all = ::setsockopt(events.get(), SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &one, sizeof one) == 0;
  // Best effort: an unprivileged daemon keeps the default size, and an overrun costs a listing.
  if (::setsockopt(events.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0) {
    ::setsockopt(events.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  bool ready = ::bind(events.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  for (const int group : {int{RTNLGRP_LINK}, int{RTNLGRP_NSID}}) {
    ready = ready && ::setsockopt(events.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0;
  }
  for (const int fd : {events.get(), pending_fd.get()}) {
    epoll_event interest{.events = EPOLLIN, .data = {.fd = fd}};
    ready = ready && ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &interest) == 0;
  }
  if (!ready) events.reset();
}

Result<> LinkMonitor::State::check_open() const {
  if (!netlink) return std::unexpected(netlink.error());
  if (events && pending_fd && epoll) return {};
  return fail(ErrorCode::kSystem, "cannot follow network interfaces: no netlink socket; too many files open?");
}

void LinkMonitor::State::receive() {
  for (int i = 0; i < kDatagramsPerCall && receive_one(); ++i) {
  }
  if (overrun) recover();
  if (!pending.empty()) ::eventfd_write(pending_fd.get(), 1);
}

/// False if no message waits.
bool LinkMonitor::State::receive_one() {
  iovec into{.iov_base = buffer.data(), .iov_len = buffer.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(nl_pktinfo))] = {};
  sockaddr_nl sender{};
  msghdr header{};
  header.msg_name = &sender;
  header.msg_namelen = sizeof sender;
  header.msg_iov = &into;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const ssize_t size = ::recvmsg(events.get(), &header, 0);
  if (size < 0) {
    if (errno == ENOBUFS) overrun = true;
    return errno == ENOBUFS || errno == EINTR;
  }
  if (sender.nl_pid != 0) return true;  // the sender is not the kernel
  if ((header.msg_flags & MSG_TRUNC) != 0) overrun = true;
  const int nsid = origin_of(header);
  int left = static_cast<int>(size);
  for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
       message = mnl_nlmsg_next(message, &left)) {
    take_message(*message, nsid);
  }
  return true;
}

void LinkMonitor::State::take_message(const nlmsghdr& message, int nsid) {
  if (message.nlmsg_type == RTM_DELNSID && nsid == kOwnNsid) bury(read_nsid(message));
  if (!is_link_message(message)) return;
  for (auto& [id, space] : namespaces) {
    if (space.nsid == nsid) take_link(message, id, space);
  }
}

void LinkMonitor::State::take_link(const nlmsghdr& message, std::uint64_t id, Namespace& space) {
  const LinkState link = read_link(message);
  if (message.nlmsg_type == RTM_DELLINK) {
    space.known.erase(link.ifindex);
    say_gone(id, link);
    return;
  }
  LinkState& known = space.known[link.ifindex];
  if (known == link) return;
  known = link;
  pending.push_back(LinkEvent{.netns_id = id, .gone = false, .link = link});
}

void LinkMonitor::State::say_gone(std::uint64_t id, const LinkState& link) {
  LinkState last;
  last.ifindex = link.ifindex;
  last.name = link.name;
  pending.push_back(LinkEvent{.netns_id = id, .gone = true, .link = std::move(last)});
}

/// A namespace has died, so everything in it is gone.
void LinkMonitor::State::bury(int nsid) {
  if (nsid < 0) return;
  for (auto& [id, space] : namespaces) {
    if (space.nsid != nsid) continue;
    space.nsid = kDeadNsid;
    for (const auto& [ifindex, link] : std::exchange(space.known, {})) say_gone(id, link);
  }
}

/// After an overrun it is unknown which messages were lost; a RTM_DELNSID may be among them.
void LinkMonitor::State::recover() {
  overrun = false;
  for (auto& [id, space] : namespaces) {
    if (space.nsid != kDeadNsid) say_again(id, space);
  }
}

void LinkMonitor::State::say_again(std::uint64_t id, Namespace& space) {
  Result<std::map<int, LinkState>> now = list(space.nsid);
  if (!now) {
    // The kernel no longer knows the number (or does not tell us), so there is nothing to follow.
    bury(space.nsid);
    return;
  }
  for (const auto& [ifindex, link] : space.known) {
    if (!now->contains(ifindex)) say_gone(id, link);
  }
  for (const auto& [ifindex, link] : *now) {
    pending.push_back(LinkEvent{.netns_id = id, .gone = false, .link = link});
  }
  space.known = std::move(*now);
}

Result<std::map<int, LinkState>> LinkMonitor::State::list(int nsid) {
  std::map<int, LinkState> links;
  int error = EINTR;
  for (int trial = 0; trial < kDumpTrials && error == EINTR; ++trial) {
    links.clear();
    RtnetlinkRequest request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{});
    request.add(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
    if (nsid >= 0) request.add(IFLA_TARGET_NETNSID, static_cast<std::uint32_t>(nsid));
    error = netlink->request(request, [&](const nlmsghdr& message) {
      if (!is_link_message(message)) return;
      LinkState link = read_link(message);
      links.insert_or_assign(link.ifindex, std::move(link));
    });
  }
  // A change that interrupts a listing also comes as an event, so the last trial's result is as good as a complete one.
  if (error == 0 || error == EINTR) return links;
  if (error == EPERM || error == EACCES) return foreign_permission();
  return fail(ErrorCode::kSystem, fmt::format("cannot list network interfaces: {}", std::strerror(error)));
}

/// Returns the number by which this namespace knows another. A namespace without a number gets one.
Result<int> LinkMonitor::State::nsid_of(int netns_fd) {
  if (!hears_all) return foreign_permission();
  int nsid = kOwnNsid;
  const auto ask_for_it = [&] {
    RtnetlinkRequest request(RTM_GETNSID, 0, rtgenmsg{});
    request.add(NETNSA_FD, static_cast<std::uint32_t>(netns_fd));
    return netlink->request(request, [&](const nlmsghdr& message) { nsid = read_nsid(message); });
  };
  int error = ask_for_it();
  if (error == 0 && nsid < 0) {
    RtnetlinkRequest request(RTM_NEWNSID, 0, rtgenmsg{});
    request.add(NETNSA_FD, static_cast<std::uint32_t>(netns_fd));
    request.add(NETNSA_NSID, static_cast<std::uint32_t>(NETNSA_NSID_NOT_ASSIGNED));  // any number
    error = netlink->request(request);
    if (error == 0 || error == EEXIST) error = ask_for_it();
  }
  if (error == EPERM) return foreign_permission();
  if (error == 0 && nsid >= 0) return nsid;
  return fail(ErrorCode::kSystem,
              fmt::format("cannot number the network namespace: {}", std::strerror(error == 0 ? ENOENT : error)));
}

const LinkMonitor::Namespace* LinkMonitor::State::alive(std::uint64_t id) const {
  const auto found = namespaces.find(id);
  return found != namespaces.end() && found->second.nsid != kDeadNsid ? &found->second : nullptr;
}

Result<LinkState> LinkMonitor::State::ask(std::uint64_t id, RtnetlinkRequest& request, const std::string& what) {
  const Namespace* space = alive(id);
  if (space == nullptr) return no_such_interface(what + " any more: its network namespace has gone");
  if (space->nsid >= 0) request.add(IFLA_TARGET_NETNSID, static_cast<std::uint32_t>(space->nsid));
  std::optional<LinkState> link;
  const int error = netlink->request(request, [&](const nlmsghdr& message) {
    if (is_link_message(message)) link = read_link(message);
  });
  if (error == 0) return link.value_or(LinkState{});
  if (error == ENODEV || error == ERANGE)
    return no_such_interface(what);  // ERANGE: the name is longer than any name can be
  // EINVAL is for the number of a namespace that has just died.
  if (error == EINVAL && space->nsid >= 0) return no_such_interface(what);
  return fail(ErrorCode::kSystem, fmt::format("interface {}: {}", what, std::strerror(error)));
}

LinkMonitor::LinkMonitor() : state_(std::make_unique<State>()) {
  state_->open();
}

LinkMonitor::~LinkMonitor() = default;

Result<std::uint64_t> LinkMonitor::watch(int netns_fd) {
  if (Result<> open = state_->check_open(); !open) return std::unexpected(open.error());
  if (Result<> checked = check_netns(netns_fd); !checked) return std::unexpected(checked.error());
  const std::uint64_t id = netns_id(netns_fd);
  if (state_->alive(id) == nullptr) {
    const Result<int> nsid = id == netns_id(-1) ? Result<int>(kOwnNsid) : state_->nsid_of(netns_fd);
    if (!nsid) return std::unexpected(nsid.error());
    state_->receive();  // see "How it works", 4
    Result<std::map<int, LinkState>> links = state_->list(*nsid);
    if (!links) return std::unexpected(links.error());
    Namespace& space = state_->namespaces[id];
    space.nsid = *nsid;
    space.known = std::move(*links);
  }
  ++state_->namespaces[id].watchers;
  return id;
}

void LinkMonitor::unwatch(std::uint64_t id) {
  const auto found = state_->namespaces.find(id);
  if (found == state_->namespaces.end() || --found->second.watchers > 0) return;
  state_->namespaces.erase(found);
  std::erase_if(state_->pending, [id](const LinkEvent& event) { return event.netns_id == id; });
}

Result<LinkState> LinkMonitor::get(std::uint64_t id, const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) return no_such_interface("'" + name + "'");
  RtnetlinkRequest request(RTM_GETLINK, 0, ifinfomsg{});
  request.add(IFLA_IFNAME, name);
  request.add(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  return state_->ask(id, request, name);
}

Result<LinkState> LinkMonitor::get(std::uint64_t id, int ifindex) {
  if (ifindex <= 0) return no_such_interface(fmt::format("number {}", ifindex));
  ifinfomsg header{};
  header.ifi_index = ifindex;
  RtnetlinkRequest request(RTM_GETLINK, 0, header);
  request.add(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  return state_->ask(id, request, fmt::format("number {}", ifindex));
}

Result<> LinkMonitor::set_up(std::uint64_t id, const std::string& name, bool up) {
  const Namespace* space = state_->alive(id);
  if (space == nullptr) return no_such_interface(name + " in a namespace that is watched");
  if (space->nsid == kOwnNsid) return send_up(*state_->netlink, name, up);
  return fail(ErrorCode::kNotSupported,
              fmt::format("{} is in another network namespace, and that cannot be entered by its number", name));
}

Result<> set_link_up(int netns_fd, const std::string& name, bool up) {
  Result<Rtnetlink> netlink = [netns_fd]() -> Result<Rtnetlink> {
    const Result<NetnsScope> scope = NetnsScope::enter(netns_fd);
    if (!scope) return std::unexpected(scope.error());
    return Rtnetlink::open();
  }();
  if (!netlink) return std::unexpected(netlink.error());
  return send_up(*netlink, name, up);
}

int LinkMonitor::event_fd() const noexcept {
  return state_->epoll.get();
}

std::vector<LinkEvent> LinkMonitor::take_events() {
  if (!state_->check_open()) return {};
  state_->receive();
  eventfd_t calls = 0;
  ::eventfd_read(state_->pending_fd.get(), &calls);
  return std::exchange(state_->pending, {});
}

}  // namespace rb
