// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/load_namespace.hpp"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>
#include <optional>

#include "bench/load/support.hpp"

namespace bench {

std::shared_ptr<LoadNamespace> LoadNamespace::find(const std::string& name) {
  static std::map<std::string, std::weak_ptr<LoadNamespace>> all;
  std::shared_ptr<LoadNamespace> found = all[name].lock();
  if (!found) all[name] = found = std::shared_ptr<LoadNamespace>(new LoadNamespace(name));
  return found;
}

LoadNamespace::LoadNamespace(const std::string& name) : name_(name), netns_(open_netns_or_die(name)) {
  const rb::NetnsScope inside = enter();
  rb::Result<rb::Rtnetlink> netlink = rb::Rtnetlink::open();
  if (!netlink) die(netlink.error().message);
  netlink_ = std::make_unique<rb::Rtnetlink>(std::move(*netlink));
}

rb::NetnsScope LoadNamespace::enter() const {
  rb::Result<rb::NetnsScope> inside = rb::NetnsScope::enter(netns_.get());
  if (!inside) die(name_ + ": " + inside.error().message);
  return std::move(*inside);
}

std::uint64_t LoadNamespace::received(unsigned device) {
  if_stats_msg header{};
  header.family = AF_UNSPEC;
  header.ifindex = device;
  header.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
  rb::RtnetlinkRequest request(RTM_GETSTATS, 0, header);
  std::optional<std::uint64_t> frames;
  const int error = netlink_->request(request, [&](const nlmsghdr& message) {
    rb::for_each_attribute(message, sizeof header, [&](const nlattr& attribute) {
      if (rb::attribute_type(attribute) != IFLA_STATS_LINK_64) return;
      if (attribute.nla_len < sizeof attribute + offsetof(rtnl_link_stats64, rx_packets) + sizeof(std::uint64_t))
        return;
      frames.emplace();
      const char* value = reinterpret_cast<const char*>(&attribute) + sizeof attribute;
      std::memcpy(&*frames, value + offsetof(rtnl_link_stats64, rx_packets), sizeof *frames);
    });
  });
  errno = error;
  if (error != 0 || !frames) die_of_errno("the counters of a device in namespace " + name_);
  return *frames;
}

}  // namespace bench
