// SPDX-License-Identifier: GPL-2.0-or-later
// A trial of TCP: streams between two network namespaces, and the number of octets that arrived in a time.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "bench/load/processor_time.hpp"
#include "bench/load/request.hpp"

namespace bench {

/// The result of the window.
struct TcpResult {
  std::uint64_t octets = 0;  // octets that the receivers of all streams have taken in
  double seconds = 0;
  ProcessorTime time;
};

[[nodiscard]] std::expected<TcpResult, std::string> run_tcp_trial(const TcpTrial& request);

}  // namespace bench
