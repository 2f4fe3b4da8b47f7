#include "ports/link_monitor.hpp"

#include <fmt/core.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <map>

#include "ports/netns.hpp"

namespace rb {

struct LinkMonitor::Namespace {
  UniqueFd events;
  Rtnetlink requests;
  unsigned watchers = 0;
};

struct LinkMonitor::State {
  UniqueFd epoll{epoll_create1(EPOLL_CLOEXEC)};
  std::map<std::uint64_t, Namespace> spaces;
};

LinkMonitor::LinkMonitor() : state_(std::make_unique<State>()) {}
LinkMonitor::~LinkMonitor() = default;

Result<std::uint64_t> LinkMonitor::watch(int netns_fd) {
  const std::uint64_t id = netns_id(netns_fd);
  if (const auto known = state_->spaces.find(id); known != state_->spaces.end()) {
    ++known->second.watchers;
    return id;
  }
  const Result<NetnsVisit> visit = NetnsVisit::enter(netns_fd);
  if (!visit) return std::unexpected(visit.error());
  Result<UniqueFd> events = open_link_events();
  if (!events) return std::unexpected(events.error());
  Result<Rtnetlink> requests = Rtnetlink::open(-1);
  if (!requests) return std::unexpected(requests.error());
  epoll_event interest{};
  interest.events = EPOLLIN;
  interest.data.u64 = id;
  epoll_ctl(state_->epoll.get(), EPOLL_CTL_ADD, events->get(), &interest);
  state_->spaces.emplace(id, Namespace{std::move(*events), std::move(*requests), 1});
  return id;
}

void LinkMonitor::unwatch(std::uint64_t id) {
  const auto space = state_->spaces.find(id);
  if (space != state_->spaces.end() && --space->second.watchers == 0) state_->spaces.erase(space);
}

Result<LinkState> LinkMonitor::get(std::uint64_t id, const std::string& name) {
  const auto space = state_->spaces.find(id);
  if (space == state_->spaces.end()) return fail(ErrorCode::kSystem, "that network namespace is not watched");
  return space->second.requests.get(name);
}

Result<> LinkMonitor::set_admin(std::uint64_t id, int ifindex, Rtnetlink::Admin admin) {
  const auto space = state_->spaces.find(id);
  if (space == state_->spaces.end()) return fail(ErrorCode::kSystem, "that network namespace is not watched");
  return space->second.requests.set_admin(ifindex, admin);
}

int LinkMonitor::event_fd() const noexcept {
  return state_->epoll.get();
}

std::vector<LinkEvent> LinkMonitor::take_events() {
  std::vector<LinkEvent> events;
  for (auto& [id, space] : state_->spaces) read_events(id, space, events);
  return events;
}

void LinkMonitor::read_events(std::uint64_t id, Namespace& space, std::vector<LinkEvent>& events) {
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  for (;;) {
    const ssize_t size = recv(space.events.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS) {
      // Messages were lost: what every interface is now makes up for them (one that is gone is found gone when used).
      (void)space.requests.for_each([&](const LinkState& link) { events.push_back({id, false, link}); });
      continue;
    }
    if (size <= 0) return;
    int left = static_cast<int>(size);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) continue;
      if (std::optional<LinkState> link = parse_link(message)) {
        events.push_back({id, message->nlmsg_type == RTM_DELLINK, std::move(*link)});
      }
    }
  }
}

}  // namespace rb
