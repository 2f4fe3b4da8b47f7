// SPDX-License-Identifier: GPL-2.0-or-later
// A trial of TCP: streams between two network namespaces, and how many octets arrived in which time.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "bench/load/processor_time.hpp"
#include "bench/load/request.hpp"

namespace bench {

/// What happened in the window.
struct TcpResult {
  std::uint64_t octets = 0;  // that the receivers have taken in, of all streams
  double seconds = 0;
  ProcessorTime time;
};

[[nodiscard]] std::expected<TcpResult, std::string> run_tcp_trial(const TcpTrial& request);

}  // namespace bench
