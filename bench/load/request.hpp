// SPDX-License-Identifier: GPL-2.0-or-later
// The border where a line from outside becomes a request.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bench/load/flow.hpp"

namespace bench {

/// A trial with frames between ports.
struct FrameTrial {
  double seconds = 1;  // the measured window, or the longest time of a trial with counted frames
  double warm_up_s = 0.1;
  double drain_s = 0.05;
  std::vector<int> cpus;    // one thread on each; empty: one thread anywhere
  std::vector<pid_t> pids;  // the processes whose processor time is read
  bool latency = false;
  bool sleep = false;  // sleep between paced frames, instead of spinning
  std::vector<std::size_t> idle_ports;
  std::vector<Flow> flows;

  /// True if the trial ends when all frames were handed over, and not after a time.
  [[nodiscard]] bool counted() const { return !flows.empty() && flows.front().count > 0; }
};

/// A trial with TCP streams between two network namespaces.
struct TcpTrial {
  std::string from, to;  // namespaces
  std::string address;   // of the receiver, IPv4
  unsigned streams = 1;
  double seconds = 1;
  double warm_up_s = 0.3;  // time for the congestion windows to open
  std::vector<pid_t> pids;
};

using Request = std::variant<FrameTrial, TcpTrial>;

/// The error is a sentence for the author of the request. `most_octets` is the longest frame of each port, without FCS.
[[nodiscard]] std::expected<Request, std::string> parse_request(std::string_view line,
                                                                std::span<const std::size_t> most_octets);

}  // namespace bench
