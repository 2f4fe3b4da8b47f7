// SPDX-License-Identifier: GPL-2.0-or-later
// Why a tap cannot be had: what looking at a device tells, and what is said to people, with a remedy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ports/links/interface_info.hpp"
#include "switch/result.hpp"

namespace rb {

inline constexpr const char* kTunDevice = "/dev/net/tun";

/// Whether a device can be attached to with so many queues, as far as looking can tell: kNoSuchInterface, kNotATap,
/// kIsTun, kNotSupported, kBusy.
[[nodiscard]] Result<> check_attachable(const std::optional<InterfaceInfo>& info, const std::string& name,
                                        unsigned queue_count);

/// kNotSupported, kPermission or kSystem, by the errno of open("/dev/net/tun").
[[nodiscard]] std::unexpected<Error> explain_tun_device_failure(int error);
/// kExists, kPermission or kSystem, by the errno of making or moving a device.
[[nodiscard]] std::unexpected<Error> explain_tap_creation_failure(const std::string& name, int error);

[[nodiscard]] std::unexpected<Error> no_such_tap(const std::string& name);
[[nodiscard]] std::unexpected<Error> tap_is_busy(const std::string& name);
/// Why TUNSETIFF said EPERM. Where owner and group are both set, the kernel wants both to fit; with neither, anybody
/// may attach.
[[nodiscard]] std::unexpected<Error> not_the_taps_owner(const std::string& name, const TunInfo& tun);
/// "NAME: WHAT failed: strerror".
[[nodiscard]] std::unexpected<Error> tap_system_error(std::string_view what, const std::string& name, int error);

}  // namespace rb
