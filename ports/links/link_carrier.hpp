// SPDX-License-Identifier: GPL-2.0-or-later
// The carrier of an interface, as IFLA_CARRIER sets it.
#pragma once

#include <string>

#include "switch/result.hpp"

namespace rb {

/// Turns the carrier of an interface on or off. The driver of the interface must support this (taps and dummies do;
/// network cards and veth do not). Needs CAP_NET_ADMIN in the interface's namespace. `netns_fd` is borrowed; -1 stands
/// for the own namespace. Errors: kNotSupported, kNoSuchInterface, kPermission, kSystem.
[[nodiscard]] Result<> set_link_carrier(const std::string& name, int netns_fd, bool on);

}  // namespace rb
