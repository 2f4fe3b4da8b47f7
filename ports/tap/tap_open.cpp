// SPDX-License-Identifier: GPL-2.0-or-later
// Opens, creates and deletes taps: the part of tap_device.hpp that ties descriptors to devices.
//
// How it works
//
// 1. A tap queue is a descriptor of /dev/net/tun that TUNSETIFF has tied to a device by name. TUNSETIFF looks the name
//    up in the network namespace in which the thread opened /dev/net/tun, not in the thread's present namespace. So
//    only the opening happens inside a NetnsScope.
// 2. TUNSETIFF creates a missing device if the caller may. To attach without ever creating, each descriptor is first
//    told that a device that it creates shall have interface index 1 (TUNSETIFINDEX). The loopback has this index in
//    every namespace, so creating fails with EBUSY before any device appears. Attaching ignores the index. To create
//    without ever attaching, there is IFF_TUN_EXCL.
// 3. TUNSETIFF fails with EINVAL for a tun, a bridge, or a device created with another IFF_MULTI_QUEUE, and with EPERM
//    for any wrong owner. So open_tap() first reads the device's data by rtnetlink, which needs no privilege, and reads
//    them again after a failure, because the device may have changed in between.
// 4. A descriptor keeps the namespace alive in which it was opened. A tap created inside another namespace would so
//    keep that namespace alive for ever. Therefore a tap for another namespace is created here under a temporary name
//    and then moved, as `ip link set NAME netns NS` does: it then disappears with its namespace (and answers EBADFD).
//    An existing tap can only be attached from inside: the namespace then lasts until the queues are closed.
// 5. Until TUNSETPERSIST, the last step, a created device disappears with its last descriptor. This undoes every
//    failure.
#include "ports/tap/tap_device.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <span>
#include <string_view>

#include "ports/base/interface_name.hpp"
#include "ports/base/netns.hpp"
#include "ports/links/interface_info.hpp"
#include "ports/tap/tap_refusals.hpp"

// Linux 6.2 added it, and the headers of 6.1 lack it.
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace rb {
namespace {

constexpr const char* kPassingName = "rb-new%d";  // the kernel replaces %d by a number
constexpr unsigned kMaxQueues = 256;              // MAX_TAP_QUEUES, drivers/net/tun.c
constexpr unsigned kLoopbackIndex = 1;            // LOOPBACK_IFINDEX, include/net/flow.h

Result<> pass_on(const Error& error) {
  return std::unexpected(error);
}

// ---- Checks of the caller's options

Result<> check_options(const TapOptions& options) {
  if (Result<> checked = check_interface_name(options.name); !checked) return checked;
  if (Result<> checked = check_netns(options.netns_fd); !checked) return checked;
  if (options.queue_count < 1 || options.queue_count > kMaxQueues) {
    return fail(ErrorCode::kOutOfRange,
                fmt::format("{} queues for {}: a tap has 1 to {}", options.queue_count, options.name, kMaxQueues));
  }
  if (!options.create && (options.persistent || options.owner || options.group)) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("persistence, owner and group of {} are set when it is made; ask for 'create'", options.name));
  }
  if (options.owner == UINT32_MAX || options.group == UINT32_MAX) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is no user or group number for {}", UINT32_MAX, options.name));
  }
  return {};
}

// ---- Descriptors of /dev/net/tun

/// Descriptors that are not tied to a device yet, and a netlink socket in the same namespace.
struct Attachment {
  std::vector<UniqueFd> queues;
  Rtnetlink netlink;
};

Result<Attachment> open_in_netns(int netns_fd, unsigned queue_count) {
  Result<NetnsScope> scope = NetnsScope::enter(netns_fd);
  if (!scope) return std::unexpected(scope.error());
  Result<Rtnetlink> netlink = Rtnetlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  Attachment attachment{.queues = {}, .netlink = std::move(*netlink)};
  for (unsigned i = 0; i < queue_count; ++i) {
    UniqueFd queue(::open(kTunDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!queue) return explain_tun_device_failure(errno);
    attachment.queues.push_back(std::move(queue));
  }
  return attachment;
}

ifreq request_for(const std::string& name, int flags) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(flags);
  return request;
}

int tun_flags(bool multi_queue) {
  return IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (multi_queue ? IFF_MULTI_QUEUE : 0);
}

/// TUNSETIFF on an existing device; returns 0 or an errno. See "How it works", 2.
int attach_queue(int fd, const std::string& name, bool multi_queue) {
  unsigned index = kLoopbackIndex;
  ifreq request = request_for(name, tun_flags(multi_queue));
  return ::ioctl(fd, TUNSETIFINDEX, &index) == 0 && ::ioctl(fd, TUNSETIFF, &request) == 0 ? 0 : errno;
}

int attach_queues(std::span<const UniqueFd> queues, const std::string& name, bool multi_queue) {
  for (const UniqueFd& queue : queues) {
    if (const int error = attach_queue(queue.get(), name, multi_queue); error != 0) return error;
  }
  return 0;
}

std::optional<int> flags_now(int tap_fd) {
  ifreq answer{};
  if (::ioctl(tap_fd, TUNGETIFF, &answer) != 0) return std::nullopt;
  return answer.ifr_flags;
}

// ---- Attaching

/// Looks again at a device for which TUNSETIFF has just failed with `error`.
std::unexpected<Error> explain_attach_failure(Rtnetlink& netlink, const std::string& name, unsigned queue_count,
                                              int error) {
  const Result<std::optional<InterfaceInfo>> info = look_up_interface(netlink, name);
  if (!info) return std::unexpected(info.error());
  const bool wrong_owner = error == EPERM && *info && (*info)->tun;
  if (wrong_owner) return not_the_taps_owner(name, *(*info)->tun);
  if (error != E2BIG) {
    if (Result<> checked = check_attachable(*info, name, queue_count); !checked) {
      return std::unexpected(checked.error());
    }
  }
  if (error == EBUSY || error == E2BIG) return tap_is_busy(name);
  if (error == EINVAL) {
    return fail(ErrorCode::kBusy, fmt::format("{} was made anew while it was being opened; try again", name));
  }
  return tap_system_error("TUNSETIFF", name, error);
}

/// If other queues are open already, TUNSETIFF keeps the device's header format, and the kernel spreads frames over all
/// queues.
Result<> check_alone(Attachment& attachment, const std::string& name) {
  const Result<std::optional<InterfaceInfo>> info = look_up_interface(attachment.netlink, name);
  if (!info) return pass_on(info.error());
  if (!*info || !(*info)->tun) return no_such_tap(name);
  const TunInfo& tun = *(*info)->tun;
  if (tun.multi_queue && tun.queue_count > attachment.queues.size()) return tap_is_busy(name);
  return {};
}

Result<InterfaceInfo> attach(Attachment& attachment, const std::string& name) {
  const auto queue_count = static_cast<unsigned>(attachment.queues.size());
  Result<std::optional<InterfaceInfo>> info = look_up_interface(attachment.netlink, name);
  if (!info) return std::unexpected(info.error());
  if (Result<> checked = check_attachable(*info, name, queue_count); !checked) return std::unexpected(checked.error());
  if (const int error = attach_queues(attachment.queues, name, (*info)->tun->multi_queue); error != 0) {
    return explain_attach_failure(attachment.netlink, name, queue_count, error);
  }
  if (Result<> alone = check_alone(attachment, name); !alone) return std::unexpected(alone.error());
  return std::move(**info);
}

// ---- Settings of every queue, and of the device

/// Asks for all offloads that this kernel supports, in steps. The kernel accepts ECN only together with TSO.
Offloads set_offloads(int tap_fd, const TapOptions& options) {
  struct Step {
    unsigned long flags;
    std::uint8_t bits;
  };
  constexpr unsigned long kTso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  constexpr std::uint8_t kTsoBits = Offloads::kCsum | Offloads::kTso4 | Offloads::kTso6;
  constexpr std::array<Step, 4> kSteps = {{
      {kTso | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6, Offloads::kAll},
      {kTso | TUN_F_TSO_ECN, kTsoBits | Offloads::kEcn},
      {kTso, kTsoBits},
      {TUN_F_CSUM, Offloads::kCsum},
  }};
  for (const Step& step : kSteps) {
    const bool wanted = options.offload && (options.allow_uso || (step.bits & Offloads::kUso) == 0);
    if (wanted && ::ioctl(tap_fd, TUNSETOFFLOAD, step.flags) == 0) return Offloads{step.bits};
  }
  ::ioctl(tap_fd, TUNSETOFFLOAD, 0UL);  // every kernel accepts 0; a deleted device is noticed at the next step
  return Offloads{};
}

Result<> set_header_format(int tap_fd, const std::string& name) {
  const std::optional<int> flags = flags_now(tap_fd);
  if (!flags) return no_such_tap(name);
  if ((*flags & IFF_VNET_HDR) == 0 || (*flags & IFF_NO_PI) == 0) return tap_is_busy(name);
  int header_size = sizeof(VnetHeader);
  int little_endian = 1;
  if (::ioctl(tap_fd, TUNSETVNETHDRSZ, &header_size) != 0 || ::ioctl(tap_fd, TUNSETVNETLE, &little_endian) != 0) {
    if (errno != EINVAL && errno != ENOTTY) return tap_system_error("TUNSETVNETHDRSZ", name, errno);
    return fail(ErrorCode::kNotSupported,
                fmt::format("{}: this kernel's tap driver lacks virtio_net_hdr of 12 octets, little-endian", name));
  }
  // A write must not wait for octets that the stack has not freed yet: with EAGAIN the frame would be lost.
  int send_buffer = INT_MAX;
  if (::ioctl(tap_fd, TUNSETSNDBUF, &send_buffer) != 0) return tap_system_error("TUNSETSNDBUF", name, errno);
  return {};
}

/// A persistent device keeps the settings of its former holder, such as a filter over addresses and a program that
/// selects queues. Kernels without them answer EINVAL, and there is nothing to undo.
void forget_former_holder(int tap_fd) {
  tun_filter no_filter{};
  ::ioctl(tap_fd, TUNSETTXFILTER, &no_filter);
  int no_program = -1;
  ::ioctl(tap_fd, TUNSETSTEERINGEBPF, &no_program);
}

/// Makes an open tap of attached queues. No other process has queues of the device.
Result<TapDevice> set_up_device(std::vector<UniqueFd> queues, const TapOptions& options) {
  const int tap_fd = queues.front().get();
  if (Result<> set = set_header_format(tap_fd, options.name); !set) return std::unexpected(set.error());
  forget_former_holder(tap_fd);
  const Offloads offloads = set_offloads(tap_fd, options);
  const std::optional<int> flags = flags_now(tap_fd);
  if (!flags) return no_such_tap(options.name);
  return TapDevice{.queues = std::move(queues),
                   .offloads = offloads,
                   .multi_queue = (*flags & IFF_MULTI_QUEUE) != 0,
                   .persistent = (*flags & IFF_PERSIST) != 0};
}

Result<TapDevice> attach_tap(const TapOptions& options) {
  Result<Attachment> attachment = open_in_netns(options.netns_fd, options.queue_count);
  if (!attachment) return std::unexpected(attachment.error());
  if (Result<InterfaceInfo> info = attach(*attachment, options.name); !info) return std::unexpected(info.error());
  return set_up_device(std::move(attachment->queues), options);
}

// ---- Creating

/// Creates the device with the first descriptor and attaches the others. Returns the device's name.
Result<std::string> make_device(const Attachment& attachment, const std::string& name, const TapOptions& options) {
  const bool multi_queue = options.multi_queue || options.queue_count > 1;
  const int first = attachment.queues.front().get();
  ifreq request = request_for(name, tun_flags(multi_queue) | IFF_TUN_EXCL);
  if (::ioctl(first, TUNSETIFF, &request) != 0) return explain_tap_creation_failure(options.name, errno);
  std::string made = request.ifr_name;
  const std::span<const UniqueFd> others = std::span(attachment.queues).subspan(1);
  if (const int error = attach_queues(others, made, multi_queue); error != 0) {
    return tap_system_error("opening a further queue", options.name, error);
  }
  return made;
}

/// Moves a device to its namespace, where it gets its final name. See "How it works", 4.
Result<> move_device(Rtnetlink& netlink, const std::string& passing_name, const TapOptions& options) {
  const Result<std::optional<InterfaceInfo>> info = look_up_interface(netlink, passing_name);
  if (!info) return pass_on(info.error());
  if (!*info) return no_such_tap(passing_name);
  ifinfomsg header{};
  header.ifi_index = (*info)->ifindex;
  RtnetlinkRequest request(RTM_NEWLINK, 0, header);
  request.add(IFLA_NET_NS_FD, static_cast<std::uint32_t>(options.netns_fd));
  request.add(IFLA_IFNAME, options.name);
  const int error = netlink.request(request);
  if (error == 0) return {};
  if (error == EPERM) {
    return fail(
        ErrorCode::kPermission,
        fmt::format("moving {} into that network namespace needs CAP_NET_ADMIN over it; run as root", options.name));
  }
  return explain_tap_creation_failure(options.name, error);
}

Result<> set_owner(int tap_fd, const TapOptions& options) {
  if (options.owner && ::ioctl(tap_fd, TUNSETOWNER, static_cast<unsigned long>(*options.owner)) != 0) {
    return tap_system_error("TUNSETOWNER", options.name, errno);
  }
  if (options.group && ::ioctl(tap_fd, TUNSETGROUP, static_cast<unsigned long>(*options.group)) != 0) {
    return tap_system_error("TUNSETGROUP", options.name, errno);
  }
  return {};
}

Result<TapDevice> create_tap(const TapOptions& options) {
  const bool elsewhere = options.netns_fd >= 0 && netns_id(options.netns_fd) != netns_id(-1);
  Result<Attachment> attachment = open_in_netns(-1, options.queue_count);
  if (!attachment) return std::unexpected(attachment.error());
  Result<std::string> made = make_device(*attachment, elsewhere ? kPassingName : options.name, options);
  if (!made) return std::unexpected(made.error());
  const int tap_fd = attachment->queues.front().get();
  if (Result<> set = set_owner(tap_fd, options); !set) return std::unexpected(set.error());
  if (elsewhere) {
    if (Result<> moved = move_device(attachment->netlink, *made, options); !moved) {
      return std::unexpected(moved.error());
    }
  }
  Result<TapDevice> device = set_up_device(std::move(attachment->queues), options);
  if (!device) return device;
  device->created = true;
  if (options.persistent && ::ioctl(tap_fd, TUNSETPERSIST, 1UL) != 0) {
    return tap_system_error("TUNSETPERSIST", options.name, errno);
  }
  device->persistent = options.persistent;
  return device;
}

}  // namespace

Result<TapDevice> open_tap(const TapOptions& options) {
  if (Result<> checked = check_options(options); !checked) return std::unexpected(checked.error());
  return options.create ? create_tap(options) : attach_tap(options);
}

Result<> add_persistent_tap(const TapOptions& options) {
  TapOptions persistent = options;
  persistent.create = true;
  persistent.persistent = true;
  persistent.multi_queue = options.multi_queue || options.queue_count > 1;
  persistent.queue_count = 1;
  if (Result<TapDevice> device = open_tap(persistent); !device) return pass_on(device.error());
  return {};
}

Result<> delete_tap(const std::string& name, int netns_fd) {
  if (Result<> checked = check_interface_name(name); !checked) return checked;
  Result<Attachment> attachment = open_in_netns(netns_fd, 1);
  if (!attachment) return pass_on(attachment.error());
  if (Result<InterfaceInfo> info = attach(*attachment, name); !info) return pass_on(info.error());
  if (::ioctl(attachment->queues.front().get(), TUNSETPERSIST, 0UL) != 0) {
    return tap_system_error("TUNSETPERSIST", name, errno);
  }
  return {};
}

}  // namespace rb
