// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/trial_thread.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include "bench/load/clock.hpp"
#include "bench/load/support.hpp"

namespace bench {
namespace {

constexpr std::int64_t kShortestSleepNs = 50'000;    // a shorter sleep costs more than it saves
constexpr std::int64_t kLongestSleepNs = 1'000'000;  // so that rings are emptied, and the end of the trial is noticed

}  // namespace

TrialThread::TrialThread(Setting setting, TrialSignals& signals, std::size_t flow_count)
    : setting_(std::move(setting)), signals_(signals), latency_(setting_.takes_latency ? flow_count : 0) {
  if (setting_.takes_latency) setting_.receivers.latency = &latency_;
  setting_.receivers.window = &signals_.latency_window;
}

void TrialThread::add_flow(const Flow& flow, LoadPort& port, FlowCounts& counts, const FlowSender::Setting& setting) {
  senders_.emplace_back(flow, port, counts, setting);
}

void TrialThread::add_port(LoadPort& port, PortCounts& counts, FlowCounts* only_flow) {
  receivers_.emplace_back(port, counts, setting_.receivers, only_flow);
}

bool TrialThread::send_all(std::int64_t now_ns) {
  bool sent = false;
  for (FlowSender& sender : senders_) sent |= sender.send(now_ns);
  return sent;
}

bool TrialThread::all_finished() const {
  return std::ranges::all_of(senders_, [](const FlowSender& sender) { return sender.finished(); });
}

void TrialThread::sleep_until_due(std::int64_t now_ns) const {
  std::int64_t next_ns = now_ns + kLongestSleepNs;
  for (const FlowSender& sender : senders_) {
    if (!sender.finished()) next_ns = std::min(next_ns, sender.next_ns());
  }
  const timespec rest{0, static_cast<long>(std::clamp(next_ns - now_ns, kShortestSleepNs, kLongestSleepNs - 1))};
  nanosleep(&rest, nullptr);
}

void TrialThread::run() {
  pin(setting_.cpu);
  if (setting_.sleeps) prctl(PR_SET_TIMERSLACK, 1UL);
  for (FrameReceiver& receiver : receivers_) receiver.discard();
  signals_.ready.count_down();
  signals_.go.wait();
  std::int64_t now = now_ns();
  const std::int64_t begin_ns = now;
  std::int64_t busy_ns = 0;
  for (FlowSender& sender : senders_) sender.start(now);
  bool sends = true;
  while (signals_.runs.load(std::memory_order_relaxed)) {
    const bool sent = sends && send_all(now);
    bool received = false;
    for (FrameReceiver& receiver : receivers_) received |= receiver.take();
    const bool worked = sent || received;
    if (setting_.sleeps && !worked) sleep_until_due(now);
    const std::int64_t before = std::exchange(now, now_ns());
    if (worked) busy_ns_.store(busy_ns += now - before, std::memory_order_relaxed);
    running_ns_.store(now - begin_ns, std::memory_order_relaxed);
    if (sends && (!signals_.sends.load(std::memory_order_relaxed) || all_finished())) {
      sends = false;
      finished_ns_ = now;
      signals_.still_sending.fetch_sub(1, std::memory_order_relaxed);
    }
    if (!sends && receivers_.empty()) return;
  }
}

}  // namespace bench
