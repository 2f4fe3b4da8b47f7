// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/socket_options.hpp"

#include <fmt/core.h>
#include <linux/if.h>

#include "ports/base/interface_name.hpp"

namespace rb {
namespace {

constexpr std::uint32_t kPeerFlags = IFF_BROADCAST | IFF_MULTICAST | IFF_UP;
constexpr std::uint32_t kConnectedFlags = kPeerFlags | IFF_RUNNING | IFF_LOWER_UP;

}  // namespace

Result<> check_plain_name(const std::string& name) {
  if (is_plain_name(name)) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is no name for such a port; letters, digits, '_', '.' and '-' are possible", name),
              name);
}

SocketOwner socket_owner(const PortOptions& options) {
  return {.user = options.id("owner"), .group = options.id("group"), .mode = options.id("mode")};
}

Result<SocketAddress> path_of(const PortOptions& options, std::string_view why) {
  Result<SocketAddress> address = parse_socket_address(options.address());
  if (address && !address->is_path()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{} is no path; {}", options.address(), why),
                options.address());
  }
  return address;
}

Result<PeerAddress> peer_address(const PortOptions& options) {
  Result<SocketAddress> address = parse_socket_address(options.address());
  if (!address) return std::unexpected(address.error());
  PeerAddress peer{
      .address = std::move(*address), .connects = options.text("role") == "client", .owner = socket_owner(options)};
  const SocketOwner& owner = peer.owner;
  if ((owner.user || owner.group || owner.mode) && (peer.connects || !peer.address.is_path())) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: owner, group and mode belong to a socket's file that is made here", options.name()),
                options.name());
  }
  return peer;
}

LinkState link_of_peer(const std::string& port, bool connected) {
  return {.name = port, .flags = connected ? kConnectedFlags : kPeerFlags, .address = {}};
}

}  // namespace rb
