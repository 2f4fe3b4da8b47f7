#include "ports/rtnetlink.hpp"

#include <fmt/core.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "ports/netns.hpp"

namespace rb {
namespace {

constexpr std::uint32_t kLowerUp = 1U << 16;  // IFF_LOWER_UP, which net/if.h lacks
constexpr std::uint8_t kTunTypeTap = 2;       // IFF_TAP, of IFLA_TUN_TYPE

// linux/if_link.h IFLA_TUN_*; named here since they are read by number from an array.
constexpr std::size_t kAttributeCount = 256;
using Attributes = std::array<const nlattr*, kAttributeCount>;

int collect(const nlattr* attribute, void* into) {
  auto& attributes = *static_cast<Attributes*>(into);
  if (const unsigned type = mnl_attr_get_type(attribute); type < kAttributeCount) attributes[type] = attribute;
  return MNL_CB_OK;
}

std::optional<std::uint32_t> get_u32(const nlattr* attribute) {
  if (attribute == nullptr || mnl_attr_validate(attribute, MNL_TYPE_U32) < 0) return std::nullopt;
  return mnl_attr_get_u32(attribute);
}
bool get_flag(const nlattr* attribute) {
  return attribute != nullptr && mnl_attr_validate(attribute, MNL_TYPE_U8) >= 0 && mnl_attr_get_u8(attribute) != 0;
}
std::string get_text(const nlattr* attribute) {
  if (attribute == nullptr || mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0) return {};
  return mnl_attr_get_str(attribute);
}

LinkState::Tun parse_tun(const nlattr* data) {
  Attributes attributes{};
  mnl_attr_parse_nested(data, collect, &attributes);
  LinkState::Tun tun;
  const nlattr* type = attributes[IFLA_TUN_TYPE];
  tun.tap = type != nullptr && mnl_attr_validate(type, MNL_TYPE_U8) >= 0 && mnl_attr_get_u8(type) == kTunTypeTap;
  tun.multi_queue = get_flag(attributes[IFLA_TUN_MULTI_QUEUE]);
  tun.persistent = get_flag(attributes[IFLA_TUN_PERSIST]);
  tun.owner = get_u32(attributes[IFLA_TUN_OWNER]);
  tun.group = get_u32(attributes[IFLA_TUN_GROUP]);
  tun.queue_count = get_u32(attributes[IFLA_TUN_NUM_QUEUES]).value_or(0);
  return tun;
}

Result<UniqueFd> open_socket() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return fail(ErrorCode::kSystem, fmt::format("cannot open an rtnetlink socket: {}", std::strerror(errno)));
  return fd;
}

}  // namespace

bool LinkState::admin_up() const noexcept {
  return (flags & IFF_UP) != 0;
}
bool LinkState::running() const noexcept {
  return admin_up() && (flags & kLowerUp) != 0;
}
bool LinkState::promiscuous() const noexcept {
  return (flags & IFF_PROMISC) != 0;
}

std::optional<LinkState> parse_link(const nlmsghdr* message) {
  if (mnl_nlmsg_get_payload_len(message) < sizeof(ifinfomsg)) return std::nullopt;
  const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  Attributes attributes{};
  mnl_attr_parse(message, sizeof *info, collect, &attributes);
  LinkState link;
  link.ifindex = info->ifi_index;
  link.flags = info->ifi_flags;
  link.name = get_text(attributes[IFLA_IFNAME]);
  link.mtu = get_u32(attributes[IFLA_MTU]).value_or(0);
  if (const nlattr* address = attributes[IFLA_ADDRESS]; address != nullptr && mnl_attr_get_payload_len(address) == 6) {
    link.address = MacAddress::from_bytes(mnl_attr_get_payload(address));
  }
  if (attributes[IFLA_LINKINFO] != nullptr) {
    Attributes nested{};
    mnl_attr_parse_nested(attributes[IFLA_LINKINFO], collect, &nested);
    link.kind = get_text(nested[IFLA_INFO_KIND]);
    if (link.kind == "tun" && nested[IFLA_INFO_DATA] != nullptr) link.tun = parse_tun(nested[IFLA_INFO_DATA]);
  }
  return link;
}

Result<Rtnetlink> Rtnetlink::open(int netns_fd) {
  const Result<NetnsVisit> visit = NetnsVisit::enter(netns_fd);
  if (!visit) return std::unexpected(visit.error());
  Result<UniqueFd> socket = open_socket();
  if (!socket) return std::unexpected(socket.error());
  return Rtnetlink(std::move(*socket));
}

Result<> Rtnetlink::transact(nlmsghdr* request, const std::function<void(const nlmsghdr*)>& answer) {
  request->nlmsg_seq = ++sequence_;
  if (send(socket_.get(), request, request->nlmsg_len, 0) < 0) {
    return fail(ErrorCode::kSystem, fmt::format("rtnetlink: {}", std::strerror(errno)));
  }
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  for (;;) {
    const ssize_t size = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0) {
      if (errno == EINTR) continue;
      return fail(ErrorCode::kSystem, fmt::format("rtnetlink: {}", std::strerror(errno)));
    }
    int left = static_cast<int>(size);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_seq != sequence_) continue;
      if (message->nlmsg_type == NLMSG_DONE) return {};
      if (message->nlmsg_type == NLMSG_ERROR) {
        const int error = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error;
        if (error == 0) return {};
        const ErrorCode code = error == ENODEV  ? ErrorCode::kNoSuchInterface
                               : error == EPERM ? ErrorCode::kPermission
                                                : ErrorCode::kSystem;
        return fail(code, std::strerror(error));
      }
      answer(message);
    }
  }
}

Result<LinkState> Rtnetlink::get(int ifindex, const std::string& name) {
  alignas(nlmsghdr) std::array<char, 512> buffer{};
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETLINK;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  auto* info = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg)));
  info->ifi_index = ifindex;
  if (ifindex == 0) mnl_attr_put_strz(request, IFLA_IFNAME, name.c_str());
  std::optional<LinkState> found;
  if (Result<> done = transact(request, [&](const nlmsghdr* message) { found = parse_link(message); }); !done) {
    if (done.error().code == ErrorCode::kNoSuchInterface)
      done.error().message = fmt::format("interface {} does not exist", name);
    return std::unexpected(done.error());
  }
  if (!found) return fail(ErrorCode::kSystem, "rtnetlink: an answer without the interface");
  return *found;
}

Result<LinkState> Rtnetlink::get(const std::string& name) {
  return get(0, name);
}
Result<LinkState> Rtnetlink::get(int ifindex) {
  return get(ifindex, fmt::format("number {}", ifindex));
}

Result<> Rtnetlink::for_each(const std::function<void(const LinkState&)>& visit) {
  alignas(nlmsghdr) std::array<char, 512> buffer{};
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETLINK;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg));
  return transact(request, [&](const nlmsghdr* message) {
    if (const std::optional<LinkState> link = parse_link(message)) visit(*link);
  });
}

Result<> Rtnetlink::set_admin(int ifindex, Admin admin) {
  alignas(nlmsghdr) std::array<char, 512> buffer{};
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_NEWLINK;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  auto* info = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg)));
  info->ifi_index = ifindex;
  info->ifi_change = IFF_UP;
  info->ifi_flags = admin == Admin::kUp ? IFF_UP : 0;
  return transact(request, [](const nlmsghdr*) {});
}

Result<UniqueFd> open_link_events() {
  Result<UniqueFd> fd = open_socket();
  if (!fd) return fd;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (bind(fd->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return fail(ErrorCode::kSystem, fmt::format("cannot listen to rtnetlink: {}", std::strerror(errno)));
  }
  return fd;
}

}  // namespace rb
