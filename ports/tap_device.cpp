#include "ports/tap_device.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cap-ng.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "ports/netns.hpp"
#include "ports/rtnetlink.hpp"

// Missing from the headers of Linux 6.1.
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace rb {
namespace {

constexpr const char* kTunDevice = "/dev/net/tun";

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

std::string user_name(std::uint32_t uid) {
  const passwd* entry = getpwuid(uid);
  return entry != nullptr ? fmt::format("{} (uid {})", entry->pw_name, uid) : fmt::format("uid {}", uid);
}
std::string group_name(std::uint32_t gid) {
  const struct group* entry = getgrgid(gid);
  return entry != nullptr ? fmt::format("{} (gid {})", entry->gr_name, gid) : fmt::format("gid {}", gid);
}

std::string describe_kind(const LinkState& link) {
  if (link.kind == "bridge") return "a kernel bridge";
  return link.kind.empty() ? "a network device of its own" : fmt::format("a {} device", link.kind);
}

Error not_permitted(const std::string& name, const LinkState* link) {
  if (link == nullptr || !link->tun) {
    return {ErrorCode::kPermission,
            fmt::format(
                "cannot make tap {}: ringbridged lacks CAP_NET_ADMIN; run it as root, or make the tap beforehand with "
                "'ip tuntap add dev {} mode tap user {}'",
                name, name, user_name(geteuid()))};
  }
  const std::optional<std::uint32_t> owner = link->tun->owner, group = link->tun->group;
  const std::string whose = owner   ? fmt::format("belongs to user {}", user_name(*owner))
                            : group ? fmt::format("belongs to group {}", group_name(*group))
                                    : std::string("has no owner");
  return {ErrorCode::kPermission,
          fmt::format("tap {} {}, and ringbridged runs as {}: run it as that user, or with CAP_NET_ADMIN", name, whose,
                      user_name(geteuid()))};
}

Error explain_attach_failure(int error, const std::string& name, const LinkState* link) {
  switch (error) {
    case EPERM:
    case EACCES:
      return not_permitted(name, link);
    case EBUSY:
      return {ErrorCode::kBusy,
              fmt::format("tap {} is held by another process; a single-queue tap has one holder at a time", name)};
    case E2BIG:
      return {ErrorCode::kBusy, fmt::format("tap {} has no queue left for ringbridged", name)};
    case EINVAL:
      return {ErrorCode::kNotSupported,
              fmt::format("tap {} was made in another way than it is asked for (multi-queue or not)", name)};
    default:
      return {ErrorCode::kSystem, fmt::format("cannot open tap {}: {}", name, std::strerror(error))};
  }
}

/// Refuses what is no tap; `link` is what stands under the name.
Result<> check_is_tap(const LinkState& link) {
  if (link.kind == "tun" && link.tun && link.tun->tap) return {};
  if (link.kind == "tun") {
    return fail(ErrorCode::kIsTun,
                fmt::format("{} is a tun device (layer 3); a bridge needs a tap ('ip tuntap add dev NAME mode tap')",
                            link.name));
  }
  return fail(ErrorCode::kNotATap,
              fmt::format("{} is {}, not a tap; only taps can be ports", link.name, describe_kind(link)));
}

/// One queue: opens the device and attaches it to `name`. The caller is in the namespace.
Result<UniqueFd> attach_queue(const std::string& name, bool multi_queue, const LinkState* link) {
  UniqueFd fd(open(kTunDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    const int error = errno;
    const ErrorCode code = error == EACCES || error == EPERM ? ErrorCode::kPermission : ErrorCode::kNotSupported;
    return fail(
        code,
        fmt::format("cannot open {}: {}; is the tun module there ('modprobe tun'), and may user {} use the device?",
                    kTunDevice, std::strerror(error), user_name(geteuid())));
  }
  ifreq request = request_for(name);
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (multi_queue ? IFF_MULTI_QUEUE : 0));
  if (ioctl(fd.get(), TUNSETIFF, &request) < 0) return std::unexpected(explain_attach_failure(errno, name, link));
  return fd;
}

/// Header and buffering as TapPort needs them.
Result<> configure_queue(int fd, const std::string& name) {
  int header_size = sizeof(VnetHeader);
  int little_endian = 1;
  int send_buffer = INT_MAX;  // a write never waits for the reader of the netdev
  if (ioctl(fd, TUNSETVNETHDRSZ, &header_size) < 0 || ioctl(fd, TUNSETVNETLE, &little_endian) < 0 ||
      ioctl(fd, TUNSETSNDBUF, &send_buffer) < 0) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("this kernel's tun driver refuses what tap {} needs: {}", name, std::strerror(errno)));
  }
  return {};
}

/// Asks for as much as the kernel gives; older ones lack USO (before 6.2).
Offloads negotiate_offloads(int fd, const TapOptions& options) {
  struct Step {
    unsigned flags;
    std::uint8_t offloads;
  };
  constexpr unsigned kTcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  constexpr std::uint8_t kTcpOffloads = Offloads::kCsum | Offloads::kTso4 | Offloads::kTso6;
  constexpr std::array<Step, 4> kSteps = {{
      {kTcp | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6, Offloads::kAll},
      {kTcp | TUN_F_TSO_ECN, kTcpOffloads | Offloads::kEcn},
      {kTcp, kTcpOffloads},
      {TUN_F_CSUM, Offloads::kCsum},
  }};
  if (options.offload) {
    for (std::size_t i = options.allow_uso ? 0 : 1; i < kSteps.size(); ++i) {
      if (ioctl(fd, TUNSETOFFLOAD, kSteps[i].flags) == 0) return {kSteps[i].offloads};
    }
  }
  (void)ioctl(fd, TUNSETOFFLOAD, 0);
  return {};
}

Result<> apply_creation(int fd, const TapOptions& options) {
  const auto refused = [&](const char* what) {
    return fail(errno == EPERM ? ErrorCode::kPermission : ErrorCode::kSystem,
                fmt::format("cannot set the {} of tap {}: {}", what, options.name, std::strerror(errno)));
  };
  if (options.owner && ioctl(fd, TUNSETOWNER, static_cast<unsigned long>(*options.owner)) < 0) return refused("owner");
  if (options.group && ioctl(fd, TUNSETGROUP, static_cast<unsigned long>(*options.group)) < 0) return refused("group");
  if (options.persistent && ioctl(fd, TUNSETPERSIST, 1UL) < 0) return refused("persistence");
  return {};
}

Error no_such_interface(const std::string& name) {
  return {ErrorCode::kNoSuchInterface,
          fmt::format("interface {} does not exist; 'addif BRIDGE tap:{},create' makes it", name, name)};
}

/// What stands under the name in the namespace the thread is in; nullopt when nothing does.
Result<std::optional<LinkState>> look(const std::string& name) {
  Result<Rtnetlink> rtnetlink = Rtnetlink::open(-1);
  if (!rtnetlink) return std::unexpected(rtnetlink.error());
  Result<LinkState> link = rtnetlink->get(name);
  if (link) return std::optional<LinkState>(std::move(*link));
  if (link.error().code == ErrorCode::kNoSuchInterface) return std::optional<LinkState>();
  return std::unexpected(link.error());
}

/// Whether the tap that was attached is the one that was looked at: TUNSETIFF makes a device where none is (any more).
bool is_same_device(const std::string& name, int ifindex) {
  const Result<std::optional<LinkState>> now = look(name);
  return now && *now && (*now)->ifindex == ifindex;
}

}  // namespace

Result<> check_interface_name(const std::string& name) {
  if (name.empty()) return fail(ErrorCode::kInvalidArgument, "an interface name cannot be empty");
  if (name.size() > kMaxInterfaceName) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("interface name '{}' has {} characters; at most {} are possible", name, name.size(),
                            kMaxInterfaceName));
  }
  // Linux net/core/dev.c dev_valid_name(), and no control characters, which would garble every listing.
  bool valid = name != "." && name != "..";
  for (const char c : name) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '/' || c == ':' || octet <= ' ' || octet == 0x7f) valid = false;
  }
  if (!valid)
    return fail(ErrorCode::kInvalidArgument,
                "interface names have no '/', ':', white space or control characters, and are not '.' or '..'");
  return {};
}

Result<TapDevice> open_tap(const TapOptions& options) {
  if (Result<> valid = check_interface_name(options.name); !valid) return std::unexpected(valid.error());
  if (options.queue_count < 1 || options.queue_count > 256) {
    return fail(ErrorCode::kOutOfRange,
                fmt::format("queues={} is not possible; a tap has 1 to 256", options.queue_count));
  }
  const Result<NetnsVisit> visit = NetnsVisit::enter(options.netns_fd);
  if (!visit) return std::unexpected(visit.error());
  Result<std::optional<LinkState>> looked = look(options.name);
  if (!looked) return std::unexpected(looked.error());
  const LinkState* link = *looked ? &**looked : nullptr;

  TapDevice device;
  const bool make = options.create && !(options.may_exist && link != nullptr);
  if (make) {
    if (link != nullptr)
      return fail(ErrorCode::kExists,
                  fmt::format("interface {} exists already; leave 'create' out to attach to it", options.name));
    device.multi_queue = options.multi_queue || options.queue_count > 1;
    device.created = true;
    device.persistent = options.persistent;
  } else {
    if (link == nullptr) return std::unexpected(no_such_interface(options.name));
    if (Result<> tap = check_is_tap(*link); !tap) return std::unexpected(tap.error());
    device.multi_queue = link->tun->multi_queue;
    device.persistent = link->tun->persistent;
    if (options.queue_count > 1 && !device.multi_queue) {
      return fail(ErrorCode::kNotSupported,
                  fmt::format("tap {} was made with a single queue, so queues={} is not possible; make it with "
                              "'ip tuntap add dev {} mode tap multi_queue'",
                              options.name, options.queue_count, options.name));
    }
  }
  for (unsigned queue = 0; queue < options.queue_count; ++queue) {
    Result<UniqueFd> fd = attach_queue(options.name, device.multi_queue, link);
    if (!fd) return std::unexpected(fd.error());
    device.queues.push_back(std::move(*fd));
    if (Result<> configured = configure_queue(device.queues.back().get(), options.name); !configured)
      return std::unexpected(configured.error());
  }
  if (link != nullptr && !is_same_device(options.name, link->ifindex))
    return std::unexpected(no_such_interface(options.name));
  device.offloads = negotiate_offloads(device.queues.front().get(), options);
  if (make) {
    // What was made goes with its last descriptor should this fail: persistence is set last.
    if (Result<> applied = apply_creation(device.queues.front().get(), options); !applied)
      return std::unexpected(applied.error());
  }
  return device;
}

Result<> add_persistent_tap(const TapOptions& options) {
  TapOptions with = options;
  with.create = with.persistent = true;
  const Result<TapDevice> device = open_tap(with);
  if (!device) return std::unexpected(device.error());
  return {};
}

Result<> end_persistence(int tap_fd) {
  if (ioctl(tap_fd, TUNSETPERSIST, 0UL) == 0) return {};
  return fail(ErrorCode::kSystem, fmt::format("cannot delete the tap: {}", std::strerror(errno)));
}

Result<> delete_tap(const std::string& name, int netns_fd) {
  TapOptions options;
  options.name = name;
  options.netns_fd = netns_fd;
  const Result<TapDevice> device = open_tap(options);
  if (!device) return std::unexpected(device.error());
  return end_persistence(device->queues.front().get());
}

std::optional<std::string> tap_name_now(int tap_fd) {
  ifreq request{};
  if (ioctl(tap_fd, TUNGETIFF, &request) < 0) return std::nullopt;
  return std::string(request.ifr_name, strnlen(request.ifr_name, IFNAMSIZ));
}

UniqueFd tap_netns(int tap_fd) {
#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif
  return UniqueFd(ioctl(tap_fd, TUNGETDEVNETNS, 0));
}

Result<> set_tap_address(int tap_fd, const MacAddress& address) {
  ifreq request{};
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(request.ifr_hwaddr.sa_data, address.octets.data(), address.octets.size());
  if (ioctl(tap_fd, SIOCSIFHWADDR, &request) < 0) {
    return fail(ErrorCode::kSystem,
                fmt::format("cannot set the address {}: {}", to_string(address), std::strerror(errno)));
  }
  return {};
}

bool may_create_taps() {
  return capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) != 0;
}

}  // namespace rb
