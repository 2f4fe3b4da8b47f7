// SPDX-License-Identifier: GPL-2.0-or-later
// One thread of a trial. Round after round, it sends the flows of its ports and empties the ports that look.
#pragma once

#include <atomic>
#include <cstdint>
#include <latch>
#include <memory>
#include <vector>

#include "bench/load/flow_sender.hpp"
#include "bench/load/frame_receiver.hpp"

namespace bench {

/// Signals between the threads of a trial and the measuring thread.
struct TrialSignals {
  explicit TrialSignals(std::ptrdiff_t threads) : ready(threads), still_sending(threads) {}
  std::latch ready;
  std::latch go{1};
  std::atomic<bool> sends{true};
  std::atomic<bool> runs{true};
  std::atomic<std::ptrdiff_t> still_sending;  // threads that have not handed over all their frames
  LatencyWindow latency_window;
};

class TrialThread {
 public:
  struct Setting {
    int cpu = -1;         // -1: anywhere
    bool sleeps = false;  // sleep when no frame is due
    ReceiverSetting receivers;
    bool takes_latency = false;
  };
  TrialThread(Setting setting, TrialSignals& signals, std::size_t flow_count);
  TrialThread(const TrialThread&) = delete;  // receivers point to the setting
  TrialThread& operator=(const TrialThread&) = delete;

  void add_flow(const Flow& flow, LoadPort& port, FlowCounts& counts, const FlowSender::Setting& setting);
  void add_port(LoadPort& port, PortCounts& counts, FlowCounts* only_flow);

  /// Returns when signals.runs is false, or when there is nothing left to do.
  void run();

  /// While the thread runs: the time of rounds that had something to send or receive, and the time of all rounds.
  [[nodiscard]] std::int64_t busy_ns() const { return busy_ns_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t running_ns() const { return running_ns_.load(std::memory_order_relaxed); }
  /// After the end: the time when the last frame was handed over, and the latencies of each flow.
  [[nodiscard]] std::int64_t finished_ns() const { return finished_ns_; }
  [[nodiscard]] const std::vector<FlowLatency>& latency() const { return latency_; }

 private:
  [[nodiscard]] bool send_all(std::int64_t now_ns);
  [[nodiscard]] bool all_finished() const;
  void sleep_until_due(std::int64_t now_ns) const;

  Setting setting_;
  TrialSignals& signals_;
  std::vector<FlowLatency> latency_;
  std::vector<FlowSender> senders_;
  std::vector<FrameReceiver> receivers_;
  std::int64_t finished_ns_ = 0;
  alignas(64) std::atomic<std::int64_t> busy_ns_{0};
  std::atomic<std::int64_t> running_ns_{0};
};

}  // namespace bench
