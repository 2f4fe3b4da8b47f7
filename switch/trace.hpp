// SPDX-License-Identifier: GPL-2.0-or-later
// trace_frame tells what the relay would do with a frame and why. It uses the relay's own code and changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "switch/drop_reason.hpp"
#include "switch/fdb.hpp"
#include "switch/forwarding_state.hpp"

namespace rb {

/// One decision, in order. `stage` is the relay's word: parse, vlan, admit, learn, look_up, decide, tag, egress.
struct TraceStep {
  std::string stage;
  std::string text;
};

struct Trace {
  std::vector<TraceStep> steps;
  std::vector<PortIndex> egress;   // ports that would get the frame
  std::optional<DropReason> drop;  // the reason why the frame would be dropped
};

/// Returns the name of a port for the text.
using PortNamer = std::function<std::string(PortIndex)>;

struct StageMemory;

/// What the stages that a trace asks go by. Without memory, they have seen no frame yet.
struct TraceStages {
  StageMemory* memory = nullptr;  // of the workers; only read
  std::int64_t now_ns = 0;        // CLOCK_MONOTONIC
};

/// `frame` is an Ethernet frame without FCS. Control thread; FDB and state are only read: the relay learns nothing
/// here.
[[nodiscard]] Trace trace_frame(std::span<const std::byte> frame, const VnetHeader& vnet, PortIndex ingress,
                                const ForwardingState& state, Fdb& fdb, std::uint32_t now_s, const PortNamer& name_of,
                                TraceStages stages = {});

}  // namespace rb
