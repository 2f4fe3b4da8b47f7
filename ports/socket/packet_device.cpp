// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/socket/packet_device.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "ports/base/interface_name.hpp"
#include "ports/base/netns.hpp"
#include "ports/base/socket_address.hpp"
#include "ports/links/interface_info.hpp"
#include "ports/socket/datagram_port.hpp"
#include "ports/socket/ingress_guard.hpp"

namespace rb {
namespace {

constexpr unsigned kGetWirelessName = 0x8B01;    // SIOCGIWNAME, linux/wireless.h
constexpr std::uint32_t kPacketHeaderSize = 10;  // octets of virtio_net_hdr with PACKET_VNET_HDR

/// virtio_net_hdr has a value for UDP segmentation since Linux 6.2. A packet socket does not tell if the kernel has it.
bool kernel_knows_uso() {
  utsname kernel{};
  int major = 0, minor = 0;
  if (::uname(&kernel) != 0 || std::sscanf(kernel.release, "%d.%d", &major, &minor) != 2) return false;
  return major > 6 || (major == 6 && minor >= 2);
}

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

/// Returns the reason why an interface cannot be a port at all.
Result<> check_bridgeable(const std::optional<InterfaceInfo>& info, const std::string& name, int socket) {
  if (!info) return fail(ErrorCode::kNoSuchInterface, fmt::format("interface {} does not exist", name), name);
  if (info->loopback) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("{} is a loopback interface, which has no stations behind it to bridge to", name), name);
  }
  if (info->kind == "bridge") {
    return fail(ErrorCode::kIsBridge,
                fmt::format("{} is a bridge of the kernel; a bridge cannot be a port of a bridge", name), name);
  }
  if (!info->ethernet) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("{} carries no Ethernet frames, so it cannot be a port of a bridge", name), name);
  }
  if (info->master != 0) {
    return fail(ErrorCode::kBusy,
                fmt::format("{} belongs to a bridge or bond of the kernel already; 'ip link set {} nomaster' takes it "
                            "out",
                            name, name),
                name);
  }
  ifreq request = request_for(name);
  if (::ioctl(socket, kGetWirelessName, &request) == 0) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("{} is a wireless interface: its access point takes frames of one address only, so it "
                            "cannot be bridged; route or NAT instead",
                            name),
                name);
  }
  return {};
}

/// Frames that a device has merged (LRO) cannot be restored.
Result<> switch_off_lro(const std::string& name, int socket) {
  ethtool_value flags{};
  flags.cmd = ETHTOOL_GFLAGS;
  ifreq request = request_for(name);
  request.ifr_data = reinterpret_cast<char*>(&flags);
  if (::ioctl(socket, SIOCETHTOOL, &request) != 0 || (flags.data & ETH_FLAG_LRO) == 0) return {};
  flags.cmd = ETHTOOL_SFLAGS;
  flags.data &= ~static_cast<std::uint32_t>(ETH_FLAG_LRO);
  if (::ioctl(socket, SIOCETHTOOL, &request) == 0) return {};
  return fail(ErrorCode::kNotSupported,
              fmt::format("{} merges frames (LRO) and cannot be told not to: {}", name, std::strerror(errno)), name);
}

Result<UniqueFd> open_socket(const std::string& name) {
  // The socket has no protocol yet, so no frame comes in before it is bound to its interface.
  UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd) return fd;
  if (errno == EPERM)
    return fail(ErrorCode::kPermission, fmt::format("taking {} over needs CAP_NET_RAW and CAP_NET_ADMIN", name), name);
  return fail(ErrorCode::kSystem, fmt::format("{}: no packet socket: {}", name, std::strerror(errno)), name);
}

Result<> set_option(int socket, int level, int option, const void* value, socklen_t size, const std::string& name) {
  if (::setsockopt(socket, level, option, value, size) == 0) return {};
  return fail(errno == EPERM ? ErrorCode::kPermission : ErrorCode::kSystem,
              fmt::format("{}: a packet socket cannot be set up: {}", name, std::strerror(errno)), name);
}

Result<> set_up(int socket, const std::string& name, int ifindex) {
  const int one = 1;
  for (const int option : {PACKET_VNET_HDR, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING}) {
    if (Result<> set = set_option(socket, SOL_PACKET, option, &one, sizeof one, name); !set) return set;
  }
  enlarge_buffers(socket);
  packet_mreq membership{};
  membership.mr_ifindex = ifindex;
  membership.mr_type = PACKET_MR_PROMISC;
  if (Result<> set = set_option(socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership, name); !set)
    return set;
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = ifindex;
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == ENETDOWN) return {};
  return fail(ErrorCode::kSystem,
              fmt::format("{}: a packet socket cannot be bound to it: {}", name, std::strerror(errno)), name);
}

}  // namespace

Result<PacketDevice> open_packet(const PacketOptions& options) {
  const std::string& name = options.name;
  if (Result<> valid = check_interface_name(name); !valid) return std::unexpected(valid.error());
  const Result<NetnsScope> visit = NetnsScope::enter(options.netns_fd);
  if (!visit) return std::unexpected(visit.error());
  Result<Rtnetlink> netlink = Rtnetlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  const Result<std::optional<InterfaceInfo>> info = look_up_interface(*netlink, name);
  if (!info) return std::unexpected(info.error());
  const UniqueFd asking(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (Result<> checked = check_bridgeable(*info, name, asking.get()); !checked) return std::unexpected(checked.error());
  Result<UniqueFd> socket = open_socket(name);
  if (!socket) return std::unexpected(socket.error());
  if (Result<> off = switch_off_lro(name, asking.get()); !off) return std::unexpected(off.error());
  if (Result<> ready = set_up(socket->get(), name, (*info)->ifindex); !ready) return std::unexpected(ready.error());
  PacketDevice device;
  Result<UniqueFd> guard = guard_ingress((*info)->name);
  if (!guard) {
    device.warning = fmt::format("{}, so this host may answer frames that {} is given", guard.error().message, name);
    guard = UniqueFd();
  }
  if (options.offload) device.accepts.bits = Offloads::kAll;
  if (options.offload && !(options.allow_uso && kernel_knows_uso()))
    device.accepts.bits = static_cast<std::uint8_t>(Offloads::kAll & ~Offloads::kUso);
  device.port = std::make_unique<DatagramPortDevice>(
      std::move(*socket), DatagramFormat{.header_size = kPacketHeaderSize, .tags_beside = true},
      std::make_shared<const UniqueFd>(std::move(*guard)));
  return device;
}

}  // namespace rb
