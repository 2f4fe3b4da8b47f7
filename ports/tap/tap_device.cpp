// SPDX-License-Identifier: GPL-2.0-or-later
// Facts about taps and names that need no opening; tap_open.cpp has the rest.
#include "ports/tap/tap_device.hpp"

#include <cap-ng.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "ports/base/netns.hpp"
#include "ports/links/interface_info.hpp"

namespace rb {

Result<> end_persistence(int tap_fd) {
  if (::ioctl(tap_fd, TUNSETPERSIST, 0UL) == 0) return {};
  return fail(ErrorCode::kSystem, fmt::format("cannot take the persistence of a tap away: {}", std::strerror(errno)));
}

std::optional<std::string> tap_name_now(int tap_fd) {
  ifreq answer{};
  if (::ioctl(tap_fd, TUNGETIFF, &answer) != 0) return std::nullopt;
  return answer.ifr_name;
}

UniqueFd tap_netns(int tap_fd) {
  return UniqueFd(::ioctl(tap_fd, TUNGETDEVNETNS));  // close-on-exec by itself
}

Result<> set_tap_address(int tap_fd, const MacAddress& address) {
  ifreq request{};
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(request.ifr_hwaddr.sa_data, address.octets.data(), address.octets.size());
  if (::ioctl(tap_fd, SIOCSIFHWADDR, &request) == 0) return {};
  if (errno == EBADFD) return fail(ErrorCode::kNoSuchInterface, "the tap whose address is to be set was deleted");
  if (errno == EADDRNOTAVAIL) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is a group address or zero, no interface can have it", to_string(address)));
  }
  return fail(ErrorCode::kSystem,
              fmt::format("cannot set a tap's address to {}: {}", to_string(address), std::strerror(errno)));
}

Result<> set_tap_carrier(int tap_fd, const std::string& name, bool on) {
  const int carrier = on ? 1 : 0;
  if (::ioctl(tap_fd, TUNSETCARRIER, &carrier) == 0) return {};
  if (errno == EBADFD) return fail(ErrorCode::kNoSuchInterface, fmt::format("the tap {} was deleted", name), name);
  const std::string reason = std::strerror(errno);
  return fail(errno == EINVAL || errno == ENOTTY ? ErrorCode::kNotSupported : ErrorCode::kSystem,
              fmt::format("cannot switch the carrier of {}: {}; Linux 5.0 can", name, reason), name);
}

bool may_create_taps() {
  capng_get_caps_process();
  if (capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) == 0) return false;
  // A capability counts within one's own user namespace and those below it; the network namespace may belong to one
  // above, after `unshare --user` for example. NS_GET_USERNS tells only those below.
  const UniqueFd netns(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  const UniqueFd owner(netns ? ::ioctl(netns.get(), NS_GET_USERNS) : -1);
  return static_cast<bool>(owner) || !netns;
}

}  // namespace rb
