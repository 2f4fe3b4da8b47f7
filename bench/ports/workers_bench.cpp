// SPDX-License-Identifier: GPL-2.0-or-later
// workers_bench measures the gain of a second worker, with ports in memory.
//
// How it works. Two ports exist in memory only: when a worker asks a port for frames, the port makes them, and frames
// that are sent to a port are discarded. So each worker has its generator on its own processor, and nothing of the
// kernel is measured. The ports have as many queues as there are workers, so all workers read both ports, and each flow
// stays on one worker from end to end.
//
// Three engines run in turns: one worker on one processor, one worker on another, and two workers, one on each. The
// ratio of a round is the rate of the two workers over the mean of the two single rates. A round in which a worker did
// not have its processor to itself is left out.
#include <fmt/core.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/program_options.hpp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "ports/engine/engine.hpp"
#include "ports/engine/port_context.hpp"

namespace rb::bench {
namespace {

constexpr unsigned kPorts = 2, kBurst = 64;
constexpr std::uint64_t kStations = 16;   // number of stations of each port and worker
constexpr std::uint32_t kFrameSize = 64;  // octets
constexpr double kLeastShare = 0.95;      // minimum share of its processor that each worker must have in a valid round
constexpr std::uint64_t kNanoseconds = 1000000000;

using Station = std::array<std::byte, 6>;
Station station(unsigned worker, PortIndex port, std::uint64_t number) {
  return {std::byte{2},
          std::byte{0},
          static_cast<std::byte>(worker),
          static_cast<std::byte>(port),
          std::byte{0},
          static_cast<std::byte>(number % kStations)};
}

class MemoryPort final : public Port {
 public:
  MemoryPort(PortIndex index, unsigned worker, const std::atomic<bool>& running) : Port(index), running_(running) {
    for (std::uint64_t i = 0; i < kStations; ++i) {
      const Station to = station(worker, static_cast<PortIndex>(1 - index), i), from = station(worker, index, i);
      std::memcpy(heads_[i].data(), to.data(), to.size());
      std::memcpy(&heads_[i][to.size()], from.data(), from.size());
    }
  }

  void arm(PortContext& context) noexcept override {
    if (!running_.load(std::memory_order_relaxed)) return;  // until wake()
    context.arm_later(*this);
    const unsigned count = std::min(kBurst, context.batch().read_budget());
    context.batch().spend_read_budget(count);
    for (unsigned i = 0; i < count; ++i) {
      const BufferId buffer = context.pool().take();
      if (buffer == kNoBuffer) return;
      std::byte* const start = context.pool().address(buffer);
      new (start) VnetHeader{};
      std::memcpy(start + sizeof(VnetHeader), heads_[next_++ % kStations].data(), kFrameSize);
      context.batch().receive(index(), buffer, start, sizeof(VnetHeader) + kFrameSize);
    }
  }
  void complete(const Tag&, const io_uring_cqe&, PortContext&) noexcept override {}
  void transmit(std::span<const FrameIndex> indexes, const PortState&, PortContext& context) noexcept override {
    for (const FrameIndex frame : indexes) context.count_sent(index(), context.cast(frame), context.frame(frame).size);
  }
  void stop(PortContext&) noexcept override {}
  [[nodiscard]] std::size_t waiting_read_count() const noexcept override { return 0; }
  [[nodiscard]] bool stopped() const noexcept override { return true; }
  void release(PortContext&) noexcept override {}

 private:
  const std::atomic<bool>& running_;
  std::array<std::array<std::byte, kFrameSize>, kStations> heads_{};
  std::uint64_t next_ = 0;
};

class MemoryPortDevice final : public PortDevice {
 public:
  explicit MemoryPortDevice(const std::atomic<bool>& running) : running_(running) {}
  std::unique_ptr<Port> make_port(PortIndex index, PortContext& context) override {
    auto port = std::make_unique<MemoryPort>(index, context.worker_number(), running_);
    ports_[context.worker_number()] = port.get();
    return port;
  }
  [[nodiscard]] int fd() const noexcept override { return -1; }
  [[nodiscard]] MemoryPort& port_of(unsigned worker) noexcept { return *ports_[worker]; }

 private:
  const std::atomic<bool>& running_;
  std::array<MemoryPort*, 2> ports_{};
};

std::uint64_t nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kNanoseconds + static_cast<std::uint64_t>(now.tv_nsec);
}

void check(const Result<>& result) {
  if (result) return;
  std::cerr << result.error().message << '\n';
  std::exit(1);
}

/// An engine with one worker on each of the given processors, and its ports.
class Bench {
 public:
  explicit Bench(const std::vector<unsigned>& processors) {
    Result<std::unique_ptr<Engine>> started =
        Engine::start({.worker_count = static_cast<unsigned>(processors.size()), .fdb_capacity = 4096});
    if (!started) check(std::unexpected(started.error()));
    engine_ = std::move(*started);
    for (unsigned number = 0; number < processors.size(); ++number) {
      engine_->on_worker(number, [&](PortContext&) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(processors[number], &one);
        pthread_setaffinity_np(pthread_self(), sizeof one, &one);
        pthread_getcpuclockid(pthread_self(), &clocks_.emplace_back());
      });
    }
    std::vector<PortState> ports(kPorts);
    for (PortIndex index = 0; index < kPorts; ++index) {
      auto device = std::make_unique<MemoryPortDevice>(running_);
      devices_[index] = device.get();
      check(engine_->attach(index, std::move(device)));
      ports[index].bridge = 0;
      ports[index].gate = PortGate::kForwarding;
      ports[index].mtu = 1500;
    }
    engine_->publish(std::make_unique<ForwardingState>(std::vector<BridgeState>{{.present = true, .fid = 1}}, ports));
    (void)run(20'000'000);  // teaches the engine the stations
  }

  /// The result of one measurement.
  struct Sample {
    double rate = 0;   // frames a second
    double share = 0;  // the smallest share of its processor that a worker had
  };
  [[nodiscard]] Sample run(std::uint64_t for_ns) {
    running_.store(true);
    for (unsigned number = 0; number < clocks_.size(); ++number) {
      engine_->on_worker(number, [&](PortContext& context) {
        for (MemoryPortDevice* device : devices_) context.arm_later(device->port_of(number));
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const std::uint64_t began = nanoseconds(CLOCK_MONOTONIC), frames = sent();
    std::vector<std::uint64_t> used;
    for (const clockid_t clock : clocks_) used.push_back(nanoseconds(clock));
    std::this_thread::sleep_for(std::chrono::nanoseconds(for_ns));
    const auto lasted = static_cast<double>(nanoseconds(CLOCK_MONOTONIC) - began);
    Sample sample{.rate = static_cast<double>(sent() - frames) / lasted * static_cast<double>(kNanoseconds),
                  .share = 1};
    for (std::size_t i = 0; i < clocks_.size(); ++i)
      sample.share = std::min(sample.share, static_cast<double>(nanoseconds(clocks_[i]) - used[i]) / lasted);
    running_.store(false);
    // No worker makes more frames after every worker has begun another round.
    for (unsigned number = 0; number < clocks_.size(); ++number) engine_->on_worker(number, [](PortContext&) {});
    return sample;
  }

 private:
  [[nodiscard]] std::uint64_t sent() const {
    std::uint64_t frames = 0;
    for (PortIndex index = 0; index < kPorts; ++index)
      frames += engine_->counters(index).tx[static_cast<std::size_t>(CastKind::kUnicast)].frames;
    return frames;
  }

  std::atomic<bool> running_{false};
  std::array<MemoryPortDevice*, kPorts> devices_{};
  std::vector<clockid_t> clocks_;   // processor time of each worker
  std::unique_ptr<Engine> engine_;  // the last member, because it must end first
};

/// Two processors that share no core, or the reason why there are none.
struct Processors {
  std::vector<unsigned> pair;
  std::string why_not;
};
Processors two_processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2)
    return {{}, "there is only one processor"};
  std::set<std::string> cores;
  std::vector<unsigned> first_of_core;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::ifstream file(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
    std::string siblings;
    if (!std::getline(file, siblings)) siblings = std::to_string(cpu);
    if (cores.insert(siblings).second) first_of_core.push_back(cpu);
  }
  if (first_of_core.size() < 2) return {{}, "all processors are threads of one core"};
  return {{first_of_core.front(), first_of_core.back()}, {}};
}

double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const double above = values[std::min(below + 1, values.size() - 1)];
  return values[below] + (above - values[below]) * (at - static_cast<double>(below));
}

struct Options {
  unsigned rounds = 9;
  double seconds = 0.2;
  bool json = false;
  bool quick = false;
};

std::optional<Options> parse(int argc, char** argv) {
  namespace po = boost::program_options;
  Options options;
  po::options_description described("workers_bench: what a second worker brings, with ports in memory");
  auto add = described.add_options();
  add("rounds", po::value(&options.rounds), "how often each is measured (default 9)");
  add("seconds", po::value(&options.seconds), "length of one measurement (default 0.2)");
  add("json", po::bool_switch(&options.json), "print JSON");
  add("quick", po::bool_switch(&options.quick), "one very short round: shows only that everything works");
  add("help", "print this");
  po::variables_map given;
  try {
    const auto parsed = po::command_line_parser(argc, argv).options(described).allow_unregistered().run();
    po::store(parsed, given);
    po::notify(given);
    if (options.rounds == 0) throw po::error("--rounds is 1 or more");
    // ./check runs every *_bench with options of Google Benchmark, which have the same meaning here.
    for (const std::string& word : po::collect_unrecognized(parsed.options, po::include_positional)) {
      if (!word.starts_with("--benchmark_")) throw po::error("it has no option " + word);
      options.quick = true;
    }
  } catch (const po::error& error) {
    std::cerr << "workers_bench: " << error.what() << '\n';
    std::exit(2);
  }
  if (given.contains("help")) {
    std::cout << described;
    return std::nullopt;
  }
  if (options.quick) {
    options.rounds = 1;
    options.seconds = 0.02;
  }
  return options;
}

struct Figures {
  std::vector<double> one, two, ratios;  // frames a second, and their ratio, of the valid rounds
};

Figures measure(const Options& options, const std::vector<unsigned>& pair) {
  std::array<Bench, 3> benches{Bench({pair[0]}), Bench({pair[1]}), Bench(pair)};
  Figures figures;
  const auto length = static_cast<std::uint64_t>(options.seconds * static_cast<double>(kNanoseconds));
  for (unsigned round = 0; round < options.rounds; ++round) {
    std::array<Bench::Sample, 3> samples;
    // The order goes forth and back, so that drift affects all engines alike.
    for (std::size_t i = 0; i < 3; ++i) {
      const std::size_t which = round % 2 == 0 ? i : 2 - i;
      samples[which] = benches[which].run(length);
    }
    if (std::ranges::any_of(samples, [](const Bench::Sample& sample) { return sample.share < kLeastShare; })) continue;
    const double one = (samples[0].rate + samples[1].rate) / 2;
    figures.one.push_back(one);
    figures.two.push_back(samples[2].rate);
    figures.ratios.push_back(samples[2].rate / one);
  }
  return figures;
}

int main(int argc, char** argv) {
  const std::optional<Options> options = parse(argc, argv);
  if (!options) return 0;
  Processors processors = two_processors();
  Figures figures;
  if (processors.why_not.empty()) {
    figures = measure(*options, processors.pair);
    if (2 * figures.ratios.size() < options->rounds || figures.ratios.empty())
      processors.why_not = fmt::format("the processors had other work in {} of {} rounds",
                                       options->rounds - figures.ratios.size(), options->rounds);
  }
  nlohmann::json document{{"measured", processors.why_not.empty()}};
  if (!processors.why_not.empty()) {
    document["why_not"] = processors.why_not;
  } else {
    document["processors"] = processors.pair;
    document["rounds"] = options->rounds;
    document["rounds_used"] = figures.ratios.size();
    document["one_worker"] = quantile(figures.one, 0.5);
    document["two_workers"] = quantile(figures.two, 0.5);
    document["ratio"] = {{"median", quantile(figures.ratios, 0.5)},
                         {"low", quantile(figures.ratios, 0.25)},
                         {"high", quantile(figures.ratios, 0.75)}};
  }
  if (options->json) {
    fmt::print("{}\n", document.dump());
  } else if (!processors.why_not.empty()) {
    fmt::print("two workers cannot be measured here: {}\n", processors.why_not);
  } else {
    fmt::print(
        "one worker {:.1f} M frames/s, two {:.1f} M frames/s: {:.2f} times [{:.2f} to {:.2f}], medians [quartiles] of "
        "{} "
        "rounds\n",
        quantile(figures.one, 0.5) / 1e6, quantile(figures.two, 0.5) / 1e6, quantile(figures.ratios, 0.5),
        quantile(figures.ratios, 0.25), quantile(figures.ratios, 0.75), figures.ratios.size());
  }
  return 0;
}

}  // namespace
}  // namespace rb::bench

int main(int argc, char** argv) {
  return rb::bench::main(argc, argv);
}
