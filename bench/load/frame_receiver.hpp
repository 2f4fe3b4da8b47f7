// SPDX-License-Identifier: GPL-2.0-or-later
// Receives the frames that come out of a port, and finds the flow of each.
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

/// Threads of the trial count here, and the measuring thread reads.
struct alignas(64) PortCounts {
  std::atomic<std::uint64_t> received{0};  // received frames
  std::atomic<std::uint64_t> foreign{
      0};  // frames among them that belong to no flow; 0 if the receiver does not look into frames
};

/// The time of latency measurement: only frames stamped in this time count.
struct LatencyWindow {
  std::atomic<std::int64_t> begin_ns{INT64_MAX};
  std::atomic<std::int64_t> end_ns{INT64_MAX};
};

/// The settings that all receivers of a trial share.
struct ReceiverSetting {
  std::uint16_t trial = 0;
  std::size_t flow_count = 0;
  bool looks_into = false;                      // look into frames and find foreign ones; this costs a few ns a frame
  std::vector<std::uint16_t> bare_types;        // EtherTypes of flows whose frames have no room for a stamp
  std::vector<FlowLatency>* latency = nullptr;  // latencies of each flow, of one thread; null if nobody asked for them
  const LatencyWindow* window = nullptr;
  std::span<FlowCounts> returns;  // counters of each flow, for frames that come back to a window; stamps tell the flow
};

/// One thread uses a receiver.
class FrameReceiver {
 public:
  /// `only_flow` is the only flow with a window that comes to this port, or null. With it, stamps need not be read.
  FrameReceiver(LoadPort& port, PortCounts& counts, const ReceiverSetting& setting, FlowCounts* only_flow);

  /// Takes a burst. False if there was none.
  [[nodiscard]] bool take();
  /// Discards frames that came before the trial.
  void discard();

 private:
  void look_into(std::span<const ReceivedFrame> frames);
  void add_latency(const Stamp& stamp, const ReceivedFrame& frame, std::int64_t now_ns);
  [[nodiscard]] bool is_bare(const ReceivedFrame& frame) const;

  LoadPort& port_;
  PortCounts& counts_;
  const ReceiverSetting& setting_;
  FlowCounts* only_flow_;
  std::vector<SequenceCheck> sequences_;  // one for each flow
  std::uint64_t received_ = 0, foreign_ = 0;
};

}  // namespace bench
