// SPDX-License-Identifier: GPL-2.0-or-later
// Explains why a tap cannot be opened: it inspects the device and makes messages with a remedy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ports/links/interface_info.hpp"
#include "switch/result.hpp"

namespace rb {

inline constexpr const char* kTunDevice = "/dev/net/tun";

/// Checks if a device can be attached to with so many queues, as far as its description tells: kNoSuchInterface,
/// kNotATap, kIsTun, kNotSupported, kBusy.
[[nodiscard]] Result<> check_attachable(const std::optional<InterfaceInfo>& info, const std::string& name,
                                        unsigned queue_count);

/// Returns kNotSupported, kPermission or kSystem, by the errno of open("/dev/net/tun").
[[nodiscard]] std::unexpected<Error> explain_tun_device_failure(int error);
/// Returns kExists, kPermission or kSystem, by the errno of creating or moving a device.
[[nodiscard]] std::unexpected<Error> explain_tap_creation_failure(const std::string& name, int error);

[[nodiscard]] std::unexpected<Error> no_such_tap(const std::string& name);
[[nodiscard]] std::unexpected<Error> tap_is_busy(const std::string& name);
/// Explains an EPERM of TUNSETIFF. If owner and group are both set, the kernel requires both to match. If neither is
/// set, any user may attach.
[[nodiscard]] std::unexpected<Error> not_the_taps_owner(const std::string& name, const TunInfo& tun);
/// Returns "NAME: WHAT failed: strerror".
[[nodiscard]] std::unexpected<Error> tap_system_error(std::string_view what, const std::string& name, int error);

}  // namespace rb
