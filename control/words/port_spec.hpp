// SPDX-License-Identifier: GPL-2.0-or-later
// Port specifications: how a port is written on a command line, and how it travels in the control protocol.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "switch/result.hpp"

namespace rb {

/// A device as a PortSpec of docs/control-protocol.md; one of
///   NAME
///   tap:NAME[,create][,persistent][,owner=USER][,group=GROUP][,queues=N][,offload=on|off][,netns=NS]
///   packet:NAME[,offload=on|off][,netns=NS]
///   vhost-user:PATH[,name=NAME][,server|client][,offload=on|off][,owner=USER][,group=GROUP][,mode=OCTAL]
///   stream:ADDRESS[,name=NAME][,server|client][,framing=len32|len16][,owner=USER][,group=GROUP][,mode=OCTAL]
///   dgram:ADDRESS,peer=ADDRESS[,name=NAME][,owner=USER][,group=GROUP][,mode=OCTAL]
///   listen:PATH[,name=NAME][,framing=len32|len16][,max=N][,owner=USER][,group=GROUP][,mode=OCTAL]
/// USER and GROUP may be names or numbers. The namespace stays a label: whoever acts on the specification opens it by
/// open_netns() with its own rights.
[[nodiscard]] Result<nlohmann::json> parse_port_spec(std::string_view text);

}  // namespace rb
