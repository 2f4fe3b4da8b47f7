// Port specifications: how a port is written on a command line, and how it travels in the control protocol.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "ports/unique_fd.hpp"
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

/// Opens the network namespace that a label stands for: a name in /run/netns, else a path, else the id of a process.
/// Errors: kInvalidArgument (no such namespace, or no namespace at all), kPermission.
[[nodiscard]] Result<UniqueFd> open_netns(const std::string& label);

/// The number of a user or group given by name or by number; kInvalidArgument when there is none.
[[nodiscard]] Result<std::uint32_t> user_id(const std::string& name_or_number);
[[nodiscard]] Result<std::uint32_t> group_id(const std::string& name_or_number);

}  // namespace rb
