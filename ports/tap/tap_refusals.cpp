// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/tap/tap_refusals.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ports/base/account_names.hpp"

namespace rb {

std::unexpected<Error> tap_system_error(std::string_view what, const std::string& name, int error) {
  return fail(ErrorCode::kSystem, fmt::format("{}: {} failed: {}", name, what, std::strerror(error)));
}

std::unexpected<Error> explain_tun_device_failure(int error) {
  if (error == ENOENT || error == ENODEV || error == ENXIO) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("{} is missing; load the driver with 'modprobe tun', or give the container the device",
                            kTunDevice));
  }
  if (error == EACCES || error == EPERM) {
    return fail(
        ErrorCode::kPermission,
        fmt::format("{0} may not be opened by {1}; 'chmod 0666 {0}' is safe and usual (each tap has its owner), and a "
                    "container must allow the device",
                    kTunDevice, describe_user(::geteuid())));
  }
  return fail(ErrorCode::kSystem, fmt::format("cannot open {}: {}", kTunDevice, std::strerror(error)));
}

std::unexpected<Error> no_such_tap(const std::string& name) {
  return fail(ErrorCode::kNoSuchInterface,
              fmt::format("there is no interface {0}; make it with 'ip tuntap add dev {0} mode tap', or ask for "
                          "'create'",
                          name));
}

std::unexpected<Error> tap_is_busy(const std::string& name) {
  return fail(ErrorCode::kBusy,
              fmt::format("another process holds {0}; 'fuser -v {1}' shows who has taps open. If that is a guest's, "
                          "packet:{0} makes its interface a port",
                          name, kTunDevice));
}

std::unexpected<Error> not_the_taps_owner(const std::string& name, const TunInfo& tun) {
  if (!tun.owner && !tun.group) {
    return fail(ErrorCode::kPermission, fmt::format("opening {} needs CAP_NET_ADMIN", name));
  }
  const std::string user = tun.owner ? describe_user(*tun.owner) : "";
  const std::string group = tun.group ? describe_group(*tun.group) : "";
  const bool both = tun.owner && tun.group;
  return fail(ErrorCode::kPermission, fmt::format("{} belongs to {}{}{}; run as {} or with CAP_NET_ADMIN", name, user,
                                                  both ? " and " : "", group,
                                                  both        ? "that user and group"
                                                  : tun.owner ? "that user"
                                                              : "a member of that group"));
}

Result<> check_attachable(const std::optional<InterfaceInfo>& info, const std::string& name, unsigned queue_count) {
  if (!info) return no_such_tap(name);
  if (!info->tun) {
    return fail(ErrorCode::kNotATap, fmt::format("{} {}, not a tap", name, describe_kind(*info)));
  }
  if (!info->tun->tap) {
    return fail(ErrorCode::kIsTun, fmt::format("{0} is a tun device, which carries no Ethernet frames; make a tap with "
                                               "'ip tuntap add dev {0} mode tap'",
                                               name));
  }
  if (queue_count > 1 && !info->tun->multi_queue) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("{0} has one queue and not {1}; make it anew with 'ip tuntap add dev {0} mode tap "
                            "multi_queue', or ask for one queue",
                            name, queue_count));
  }
  // The kernel would let several processes share a multi-queue tap, and would spread the frames over them.
  if (info->tun->queue_count > 0) return tap_is_busy(name);
  return {};
}

namespace {

std::unexpected<Error> tap_exists(const std::string& name) {
  return fail(
      ErrorCode::kExists,
      fmt::format("an interface {} exists already; leave 'create' out to use it, or choose another name", name));
}

}  // namespace

std::unexpected<Error> explain_tap_creation_failure(const std::string& name, int error) {
  if (error == EBUSY || error == EEXIST) return tap_exists(name);
  if (error == EPERM) {
    return fail(ErrorCode::kPermission,
                fmt::format("creating {0} needs CAP_NET_ADMIN; run as root, or have root make it for you: 'ip tuntap "
                            "add dev {0} mode tap user {1}'",
                            name, ::geteuid()));
  }
  return tap_system_error("creating the tap", name, error);
}

}  // namespace rb
