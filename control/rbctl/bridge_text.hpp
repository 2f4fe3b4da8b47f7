// SPDX-License-Identifier: GPL-2.0-or-later
// The output of iproute2's `bridge`: one line of text an entry, or JSON with its key names, filled from the objects of
// docs/control-protocol.md.
//
// tests/golden/iproute2-transcript.txt holds the original. A flag that only the kernel's ports have
// (fastleave, mcast_to_unicast, ...) is printed with the value that means "not in use", so that scripts find every
// key. The functions throw nlohmann::json::exception for an object that lacks a member.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "control/rbctl/json_text.hpp"

namespace rb {

struct BridgeTextOptions {
  bool statistics = false;  // -s: used and updated of FDB entries
  bool details = false;     // -d: the flags of ports
  bool compress = false;    // -compressvlans: VLANs that follow each other as a range
};

/// `bridge fdb show`: one FdbEntry.
[[nodiscard]] std::string fdb_line(const nlohmann::json& entry, const BridgeTextOptions& options);
[[nodiscard]] OrderedJson fdb_object(const nlohmann::json& entry, const BridgeTextOptions& options);

/// `bridge link show`: one Port.
[[nodiscard]] std::string link_lines(const nlohmann::json& port, const BridgeTextOptions& options);
[[nodiscard]] OrderedJson link_object(const nlohmann::json& port, const BridgeTextOptions& options);

/// `bridge monitor`: the params of one event. `banner` puts [NEIGH], [LINK] or [STP] in front, as `monitor all` does.
enum class MonitorBanner { kWithout, kWith };
[[nodiscard]] std::string event_line(const nlohmann::json& event, MonitorBanner banner);

}  // namespace rb
