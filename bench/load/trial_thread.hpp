// SPDX-License-Identifier: GPL-2.0-or-later
// One thread of a trial: sends the flows of its ports and empties those that look, round after round.
#pragma once

#include <atomic>
#include <cstdint>
#include <latch>
#include <memory>
#include <vector>

#include "bench/load/flow_sender.hpp"
#include "bench/load/frame_receiver.hpp"

namespace bench {

/// What the threads of a trial and the one that measures tell each other.
struct TrialSignals {
  explicit TrialSignals(std::ptrdiff_t threads) : ready(threads), still_sending(threads) {}
  std::latch ready;
  std::latch go{1};
  std::atomic<bool> sends{true};
  std::atomic<bool> runs{true};
  std::atomic<std::ptrdiff_t> still_sending;  // threads that have not handed over all
  LatencyWindow latency_window;
};

class TrialThread {
 public:
  struct Setting {
    int cpu = -1;         // -1: anywhere
    bool sleeps = false;  // when no frame is due
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

  /// While it runs: time in which rounds had something to send or receive, and time of all rounds.
  [[nodiscard]] std::int64_t busy_ns() const { return busy_ns_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t running_ns() const { return running_ns_.load(std::memory_order_relaxed); }
  /// Afterwards: when the last frame was handed over, and latencies of each flow.
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
