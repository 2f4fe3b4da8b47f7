// SPDX-License-Identifier: GPL-2.0-or-later
// Takes what comes out of a port, and tells whose it is.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bench/load/flow_sender.hpp"
#include "bench/load/latency.hpp"
#include "bench/load/load_port.hpp"
#include "bench/load/stamp.hpp"

namespace bench {

/// Counted by threads of the trial, read by the one that measures.
struct alignas(64) PortCounts {
  std::atomic<std::uint64_t> received{0};  // frames that were seen
  std::atomic<std::uint64_t> foreign{0};   // of these, frames of nobody's flow; 0 where nobody looks into frames
};

/// When latencies are taken: of frames that were stamped in this time.
struct LatencyWindow {
  std::atomic<std::int64_t> begin_ns{INT64_MAX};
  std::atomic<std::int64_t> end_ns{INT64_MAX};
};

/// What receivers of a trial have in common.
struct ReceiverSetting {
  std::uint16_t trial = 0;
  std::size_t flow_count = 0;
  bool looks_into = false;                      // into frames, so that foreign ones are found; costs a few ns a frame
  std::vector<std::uint16_t> bare_types;        // EtherTypes of flows whose frames have no room for a stamp
  std::vector<FlowLatency>* latency = nullptr;  // of each flow, of one thread; null when nobody wants to know
  const LatencyWindow* window = nullptr;
  std::span<FlowCounts> returns;  // of each flow: where the frames that come back to a window are counted, by stamps
};

/// Used by one thread.
class FrameReceiver {
 public:
  /// `only_flow`, or null: the only flow with a window that comes to this port, so that stamps need not be read.
  FrameReceiver(LoadPort& port, PortCounts& counts, const ReceiverSetting& setting, FlowCounts* only_flow);

  /// Takes a burst; false when there was none.
  [[nodiscard]] bool take();
  /// Throws away what came before the trial.
  void discard();

 private:
  void look_into(std::span<const ReceivedFrame> frames);
  void add_latency(const Stamp& stamp, const ReceivedFrame& frame, std::int64_t now_ns);
  [[nodiscard]] bool is_bare(const ReceivedFrame& frame) const;

  LoadPort& port_;
  PortCounts& counts_;
  const ReceiverSetting& setting_;
  FlowCounts* only_flow_;
  std::vector<SequenceCheck> sequences_;  // of each flow
  std::uint64_t received_ = 0, foreign_ = 0;
};

}  // namespace bench
