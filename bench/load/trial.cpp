// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/trial.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "bench/load/clock.hpp"
#include "bench/load/support.hpp"
#include "bench/load/trial_thread.hpp"

namespace bench {
namespace {

constexpr double kStillS = 0.01;           // if no frame has come for this time, none is under way
constexpr double kLongestDrainS = 2;       // limit beyond the requested drain, if frames never end
constexpr double kLookS = 0.002;           // interval at which the drain looks
constexpr double kFinishedLookS = 0.0005;  // interval at which the end of a counted trial is checked

using Ports = std::span<const std::unique_ptr<LoadPort>>;

/// Counters at one moment, counted from the beginning of the trial.
struct Reading {
  double time_s = 0;
  std::vector<std::uint64_t> sent, refused, received;
  ProcessorTime processor_time;
  std::int64_t busy_ns = 0, running_ns = 0;
};

std::vector<std::uint64_t> difference(const std::vector<std::uint64_t>& later,
                                      const std::vector<std::uint64_t>& earlier) {
  std::vector<std::uint64_t> result(later.size());
  std::ranges::transform(later, earlier, result.begin(), std::minus<>());
  return result;
}

TrialFigures between(const Reading& first, const Reading& last) {
  const auto running = static_cast<double>(last.running_ns - first.running_ns);
  return {.seconds = last.time_s - first.time_s,
          .sent = difference(last.sent, first.sent),
          .refused = difference(last.refused, first.refused),
          .received = difference(last.received, first.received),
          .time = last.processor_time.since(first.processor_time),
          .busy = running > 0 ? static_cast<double>(last.busy_ns - first.busy_ns) / running : 0};
}

/// Returns the ports at which frames of a flow should arrive.
std::vector<std::size_t> destinations(const Flow& flow, std::size_t port_count) {
  if (!flow.to_address) return flow.to;
  std::vector<std::size_t> all;
  for (std::size_t port = 0; port < port_count; ++port) {
    if (port != flow.from) all.push_back(port);
  }
  return all;
}

/// Starts or ends looking at all these ports at once: each change takes grace periods of the kernel, which the ports
/// can share.
void look_all(const std::vector<LoadPort*>& ports, bool wanted) {
  std::vector<std::thread> threads;
  for (LoadPort* port : ports) {
    if (port->looks() != wanted) threads.emplace_back([=] { port->look(wanted); });
  }
  for (std::thread& thread : threads) thread.join();
}

/// While this object lives, the measuring thread runs on the processors of the load, away from the switch.
class PinnedScope {
 public:
  explicit PinnedScope(int cpu) {
    if (sched_getaffinity(0, sizeof before_, &before_) != 0) die_of_errno("sched_getaffinity");
    pin(cpu);
  }
  ~PinnedScope() { sched_setaffinity(0, sizeof before_, &before_); }
  PinnedScope(const PinnedScope&) = delete;
  PinnedScope& operator=(const PinnedScope&) = delete;

 private:
  cpu_set_t before_{};
};

class Trial {
 public:
  Trial(Ports ports, const FrameTrial& request);
  ~Trial();
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  std::expected<TrialResult, std::string> run();

 private:
  void plan_ports();
  void plan_threads();
  [[nodiscard]] ReceiverSetting receiver_setting() const;
  [[nodiscard]] FlowCounts* only_window_flow(std::size_t port);

  [[nodiscard]] std::uint64_t received(std::size_t port) const;
  [[nodiscard]] Reading read();
  void measure_counted(const Reading& start, TrialResult& result);
  void measure_window(TrialResult& result);
  void stop_sending();
  void drain() const;
  void join();
  void add_up(const Reading& start, TrialResult& result);

  static inline std::uint16_t last_number_ = 0;

  Ports ports_;
  const FrameTrial& request_;
  std::uint16_t number_ = ++last_number_;  // distinguishes this trial from late frames of earlier trials
  std::vector<int> cpus_;
  TrialSignals signals_;
  std::vector<FlowCounts> flow_counts_;
  std::vector<PortCounts> port_counts_;
  std::vector<bool> polled_;                            // ports whose frames the threads take
  std::vector<bool> counted_by_thread_;                 // ports without a counter that other threads may read
  std::vector<LoadPort*> looking_;                      // ports that look for this trial only
  std::vector<std::vector<std::size_t>> window_flows_;  // flows with a window, for each port
  bool stamps_wanted_ = false;  // stamps are needed to find the window of a frame that comes back
  std::vector<std::unique_ptr<TrialThread>> workers_;
  std::vector<std::thread> threads_;
  std::vector<std::uint64_t> received_before_, overrun_before_;
  std::string error_;
};

Trial::Trial(Ports ports, const FrameTrial& request)
    : ports_(ports),
      request_(request),
      cpus_(request.cpus.empty() ? std::vector<int>{-1} : request.cpus),
      signals_(static_cast<std::ptrdiff_t>(cpus_.size())),
      flow_counts_(request.flows.size()),
      port_counts_(ports.size()),
      polled_(ports.size()),
      counted_by_thread_(ports.size()),
      window_flows_(ports.size()) {
  plan_ports();
  plan_threads();
}

Trial::~Trial() {
  join();
  look_all(looking_, false);
}

/// Decides which ports look: those that always look, and destinations if the trial needs data of each frame.
void Trial::plan_ports() {
  for (std::size_t i = 0; i < ports_.size(); ++i) counted_by_thread_[i] = polled_[i] = ports_[i]->looks();
  for (std::size_t i = 0; i < request_.flows.size(); ++i) {
    const Flow& flow = request_.flows[i];
    if (!request_.latency && flow.window == 0) continue;
    for (const std::size_t port : destinations(flow, ports_.size())) {
      polled_[port] = true;
      if (flow.window > 0) window_flows_[port].push_back(i);
    }
  }
  for (const std::size_t port : request_.idle_ports) polled_[port] = false;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    if (polled_[i] && !counted_by_thread_[i]) looking_.push_back(ports_[i].get());
    stamps_wanted_ |= window_flows_[i].size() > 1;
  }
  look_all(looking_, true);
}

FlowCounts* Trial::only_window_flow(std::size_t port) {
  return window_flows_[port].size() == 1 ? &flow_counts_[window_flows_[port].front()] : nullptr;
}

ReceiverSetting Trial::receiver_setting() const {
  ReceiverSetting setting;
  setting.trial = number_;
  setting.flow_count = request_.flows.size();
  // At full load, looking into frames would slow the measurement.
  setting.looks_into = request_.latency || stamps_wanted_ || std::ranges::all_of(request_.flows, [](const Flow& flow) {
                         return flow.rate > 0 || flow.count > 0;
                       });
  for (const Flow& flow : request_.flows) {
    if (is_super(flow)) {
      setting.bare_types.push_back(0x0800);
    } else if (std::ranges::min(flow.sizes) < smallest_stamped_size(flow)) {
      setting.bare_types.push_back(flow.ethertype);
    }
  }
  return setting;
}

void Trial::plan_threads() {
  const std::size_t flow_count = request_.flows.size();
  TrialThread::Setting setting;
  setting.receivers = receiver_setting();
  if (stamps_wanted_) setting.receivers.returns = flow_counts_;
  setting.takes_latency = request_.latency;
  setting.sleeps = request_.sleep && std::ranges::none_of(counted_by_thread_, std::identity());
  for (const int cpu : cpus_) {
    setting.cpu = cpu;
    workers_.push_back(std::make_unique<TrialThread>(setting, signals_, flow_count));
  }
  std::map<std::size_t, TrialThread*> thread_of;  // the thread of each port
  for (std::size_t i = 0; i < flow_count; ++i) {
    const Flow& flow = request_.flows[i];
    TrialThread* thread = workers_[thread_of.size() % workers_.size()].get();
    thread = thread_of.try_emplace(flow.from, thread).first->second;
    thread->add_flow(flow, *ports_[flow.from], flow_counts_[i],
                     {.index = static_cast<std::uint16_t>(i),
                      .trial = number_,
                      .stamps = request_.latency,
                      .phase = static_cast<double>(i) / static_cast<double>(flow_count)});
  }
  for (std::size_t port = 0; port < ports_.size(); ++port) {
    if (!polled_[port]) continue;
    const auto found = thread_of.find(port);
    TrialThread* thread = found == thread_of.end() ? workers_.front().get() : found->second;
    thread->add_port(*ports_[port], port_counts_[port], only_window_flow(port));
  }
}

std::uint64_t Trial::received(std::size_t port) const {
  if (counted_by_thread_[port]) return port_counts_[port].received.load(std::memory_order_relaxed);
  return ports_[port]->received() - received_before_[port];
}

Reading Trial::read() {
  Reading reading;
  reading.time_s = now_s();
  for (const FlowCounts& counts : flow_counts_) {
    reading.sent.push_back(counts.sent.load(std::memory_order_relaxed));
    reading.refused.push_back(counts.refused.load(std::memory_order_relaxed));
  }
  for (std::size_t port = 0; port < ports_.size(); ++port) reading.received.push_back(received(port));
  for (const auto& worker : workers_) {
    reading.busy_ns += worker->busy_ns();
    reading.running_ns += worker->running_ns();
  }
  if (const auto time = ProcessorTime::now(request_.pids)) {
    reading.processor_time = *time;
  } else {
    error_ = time.error();
  }
  return reading;
}

void Trial::stop_sending() {
  signals_.sends.store(false, std::memory_order_relaxed);
  while (signals_.still_sending.load(std::memory_order_relaxed) > 0) sleep_s(kFinishedLookS / 10);
}

void Trial::drain() const {
  const double begin_s = now_s();
  double changed_s = begin_s;
  std::uint64_t before = 0;
  for (double now = begin_s;; now = now_s()) {
    std::uint64_t sum = 0;
    for (std::size_t port = 0; port < ports_.size(); ++port) sum += received(port);
    if (std::exchange(before, sum) != sum) changed_s = now;
    const double passed_s = now - begin_s;
    if (passed_s >= request_.drain_s && (now - changed_s >= kStillS || passed_s >= request_.drain_s + kLongestDrainS))
      return;
    sleep_s(kLookS);
  }
}

void Trial::join() {
  signals_.sends.store(false, std::memory_order_relaxed);
  signals_.runs.store(false, std::memory_order_relaxed);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Trial::measure_counted(const Reading& start, TrialResult& result) {
  signals_.latency_window.begin_ns.store(0, std::memory_order_relaxed);
  signals_.go.count_down();
  const std::int64_t begin_ns = now_ns();
  while (signals_.still_sending.load(std::memory_order_relaxed) > 0 && now_s() - start.time_s < request_.seconds) {
    sleep_s(kFinishedLookS);
  }
  stop_sending();
  const Reading sent = read();
  drain();
  result.window = between(start, sent);
  join();
  std::int64_t finished_ns = begin_ns;
  for (const auto& worker : workers_) finished_ns = std::max(finished_ns, worker->finished_ns());
  result.window.seconds = static_cast<double>(finished_ns - begin_ns) * 1e-9;
}

void Trial::measure_window(TrialResult& result) {
  signals_.go.count_down();
  sleep_s(request_.warm_up_s);
  signals_.latency_window.begin_ns.store(now_ns(), std::memory_order_relaxed);
  const Reading first = read();
  sleep_s(request_.seconds);
  signals_.latency_window.end_ns.store(now_ns(), std::memory_order_relaxed);
  const Reading last = read();
  stop_sending();
  drain();
  result.window = between(first, last);
  join();
}

void Trial::add_up(const Reading& start, TrialResult& result) {
  const Reading end = read();
  result.total = between(start, end);
  for (std::size_t port = 0; port < ports_.size(); ++port) {
    const std::uint64_t overrun = ports_[port]->overrun() - overrun_before_[port];
    const std::uint64_t seen = port_counts_[port].received.load(std::memory_order_relaxed) + overrun;
    std::uint64_t foreign = port_counts_[port].foreign.load(std::memory_order_relaxed);
    // Frames that were counted but not seen were filtered out, because they were not ours.
    if (polled_[port] && end.received[port] > seen) foreign += end.received[port] - seen;
    result.foreign.push_back(foreign);
    result.overrun.push_back(overrun);
  }
  if (!request_.latency) return;
  result.latency.resize(request_.flows.size());
  for (const auto& worker : workers_) {
    for (std::size_t i = 0; i < result.latency.size(); ++i) {
      result.latency[i].histogram.add(worker->latency()[i].histogram);
      result.latency[i].reordered += worker->latency()[i].reordered;
    }
  }
}

std::expected<TrialResult, std::string> Trial::run() {
  TrialResult result;
  for (auto& worker : workers_) threads_.emplace_back([thread = worker.get()] { thread->run(); });
  const PinnedScope pinned(cpus_.front());
  signals_.ready.wait();
  for (const auto& port : ports_) {
    received_before_.push_back(port->received());
    overrun_before_.push_back(port->overrun());
  }
  const Reading start = read();
  if (request_.counted()) {
    measure_counted(start, result);
  } else {
    measure_window(result);
  }
  add_up(start, result);
  if (request_.counted()) {
    // All arrived frames belong to the counted frames, including those that came after the last one was handed over.
    const double seconds = result.window.seconds;
    const double busy = result.window.busy;
    result.window = result.total;
    result.window.seconds = seconds;
    result.window.busy = busy;
  }
  if (!error_.empty()) return std::unexpected(error_);
  return result;
}

/// Checks the parts of a request that depend on this machine.
std::expected<void, std::string> check(const FrameTrial& request) {
  for (const int cpu : request.cpus) {
    if (cpu >= sysconf(_SC_NPROCESSORS_CONF)) return std::unexpected(fmt::format("there is no processor {}", cpu));
  }
  if (const auto time = ProcessorTime::now(request.pids); !time) return std::unexpected(time.error());
  return {};
}

}  // namespace

std::expected<TrialResult, std::string> run_frame_trial(Ports ports, const FrameTrial& request) {
  if (const auto checked = check(request); !checked) return std::unexpected(checked.error());
  return Trial(ports, request).run();
}

}  // namespace bench
