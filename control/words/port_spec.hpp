// SPDX-License-Identifier: GPL-2.0-or-later
// Port specifications: how a port is written on a command line, and how it travels in the control protocol.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "switch/result.hpp"

namespace rb {

/// Reads a device into a PortSpec of docs/control-protocol.md. The text is a plain NAME, or a kind with its subject and
/// its options, as port_kind_usage() shows them for each row of port_kinds(). USER and GROUP may be names or numbers.
/// The namespace stays a label: whoever acts on the specification opens the namespace by open_netns(), with rights of
/// their own. kInvalidArgument names what is wrong and how the kind is written.
[[nodiscard]] Result<nlohmann::json> parse_port_spec(std::string_view text);

}  // namespace rb
