// SPDX-License-Identifier: GPL-2.0-or-later
// Measures the relay alone in frames a second: no port, no kernel.
#include <benchmark/benchmark.h>

#include "bench/switch/scenes.hpp"

namespace rb::bench {
namespace {

void run(benchmark::State& bench, Load& load, std::size_t batch) {
  for (auto _ : bench) {
    load.relay_next(batch);
    benchmark::DoNotOptimize(load.egress.ports().size());
  }
  bench.SetItemsProcessed(static_cast<std::int64_t>(bench.iterations()) * static_cast<std::int64_t>(batch));
}

void BM_Relay_Unicast(benchmark::State& bench) {
  BridgeLoad load(static_cast<std::size_t>(bench.range(0)), static_cast<std::size_t>(bench.range(1)),
                  BridgeLoad::To::kStations, static_cast<std::size_t>(bench.range(3)));
  run(bench, load, static_cast<std::size_t>(bench.range(2)));
}
BENCHMARK(BM_Relay_Unicast)
    ->ArgNames({"ports", "stations", "batch", "run"})
    ->Args({2, 2, 32, 1})
    ->Args({2, 2, 32, 32})
    ->Args({2, 2, 256, 1})
    ->Args({2, 2, 256, 32})
    ->Args({64, 10000, 32, 1})
    ->Args({64, 10000, 256, 4})
    ->Args({256, 1000000, 32, 1})
    ->Args({256, 1000000, 256, 1})
    ->Args({256, 1000000, 256, 32});

void BM_Relay_Flood(benchmark::State& bench) {
  BridgeLoad load(static_cast<std::size_t>(bench.range(0)), 1000, BridgeLoad::To::kEverybody);
  run(bench, load, 32);
}
BENCHMARK(BM_Relay_Flood)->ArgName("ports")->Arg(2)->Arg(64);

/// Makes about 250 copies a batch: of frames that go to 63 ports each, or of as many frames that go to one port each.
/// The result is the time of a copy.
void BM_Relay_Copies(benchmark::State& bench) {
  constexpr std::size_t kPorts = 64, kFlooded = 4, kCopies = kFlooded * (kPorts - 1);
  const bool flooded = bench.range(0) != 0;
  BridgeLoad load(kPorts, 1000, flooded ? BridgeLoad::To::kEverybody : BridgeLoad::To::kStations);
  for (auto _ : bench) {
    load.relay_next(flooded ? kFlooded : kCopies);
    benchmark::DoNotOptimize(load.egress.ports().size());
  }
  bench.SetItemsProcessed(static_cast<std::int64_t>(bench.iterations()) * static_cast<std::int64_t>(kCopies));
}
BENCHMARK(BM_Relay_Copies)->ArgName("flooded")->Arg(0)->Arg(1);

void BM_Relay_Vlans(benchmark::State& bench) {
  VlanLoad load(static_cast<std::size_t>(bench.range(0)),
                bench.range(1) != 0 ? VlanLoad::Leaves::kUntagged : VlanLoad::Leaves::kTagged);
  run(bench, load, 256);
}
BENCHMARK(BM_Relay_Vlans)->ArgNames({"vlans", "untagged"})->ArgsProduct({{1, 100, 4094}, {0, 1}});

}  // namespace
}  // namespace rb::bench
