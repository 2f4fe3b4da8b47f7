// SPDX-License-Identifier: GPL-2.0-or-later
// A trial of frames: sets up its threads, measures a window inside it, and waits for the last frames.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/load/latency.hpp"
#include "bench/load/load_port.hpp"
#include "bench/load/processor_time.hpp"
#include "bench/load/request.hpp"

namespace bench {

/// The results of a period.
struct TrialFigures {
  double seconds = 0;
  std::vector<std::uint64_t> sent, refused;  // of each flow
  std::vector<std::uint64_t> received;       // of each port
  ProcessorTime time;
  double busy = 0;  // share of the generator's time in rounds that had something to do
};

struct TrialResult {
  TrialFigures window;  // with counted frames: the whole trial, and its seconds end when the last frame was handed over
  TrialFigures total;   // from the start until no more frames came
  std::vector<std::uint64_t> foreign, overrun;  // of each port
  std::vector<FlowLatency> latency;             // for each flow; empty if nobody asked for it
};

/// Uses the ports until it returns. The error is a sentence for the author of the request.
[[nodiscard]] std::expected<TrialResult, std::string> run_frame_trial(std::span<const std::unique_ptr<LoadPort>> ports,
                                                                      const FrameTrial& request);

}  // namespace bench
