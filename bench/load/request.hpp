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

/// Frames between ports.
struct FrameTrial {
  double seconds = 1;  // the measured window, or the longest that counted frames may take
  double warm_up_s = 0.1;
  double drain_s = 0.05;
  std::vector<int> cpus;    // a thread on each; empty: one thread anywhere
  std::vector<pid_t> pids;  // whose processor time is read
  bool latency = false;
  bool sleep = false;  // between paced frames, instead of spinning
  std::vector<std::size_t> idle_ports;
  std::vector<Flow> flows;

  /// Ends when all frames were handed over, and not when its time is over.
  [[nodiscard]] bool counted() const { return !flows.empty() && flows.front().count > 0; }
};

/// TCP streams between two network namespaces.
struct TcpTrial {
  std::string from, to;  // namespaces
  std::string address;   // of the receiver, IPv4
  unsigned streams = 1;
  double seconds = 1;
  double warm_up_s = 0.3;  // lets the congestion windows open
  std::vector<pid_t> pids;
};

using Request = std::variant<FrameTrial, TcpTrial>;

/// The error is a sentence for whoever wrote the request. `most_octets`: the longest frame of each port, without FCS.
[[nodiscard]] std::expected<Request, std::string> parse_request(std::string_view line,
                                                                std::span<const std::size_t> most_octets);

}  // namespace bench
