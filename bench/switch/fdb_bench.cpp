// SPDX-License-Identifier: GPL-2.0-or-later
// FDB look-up and learning: 64 k and 1 M entries, hit and miss, in batches.
#include <benchmark/benchmark.h>

#include <map>
#include <memory>
#include <vector>

#include "bench/switch/scenes.hpp"

namespace rb::bench {
namespace {

/// Returns a full table of `size` stations, which is made once for each size.
Fdb& table_of(std::size_t size) {
  static std::map<std::size_t, std::unique_ptr<Fdb>> tables;
  std::unique_ptr<Fdb>& table = tables[size];
  if (!table) table = full_fdb(size);
  return *table;
}

constexpr std::size_t kKeys = 1U << 20;

void look_up(benchmark::State& bench, std::size_t from) {
  const auto size = static_cast<std::size_t>(bench.range(0));
  const auto batch = static_cast<std::size_t>(bench.range(1));
  const Fdb& fdb = table_of(size);
  const std::vector<FdbKey> keys = random_keys(from, size, kKeys);
  std::vector<FdbHit> hits(batch);
  std::size_t at = 0;
  for (auto _ : bench) {
    fdb.look_up({&keys[at], batch}, hits);
    benchmark::DoNotOptimize(hits.data());
    at = (at + batch) & (keys.size() - 1);
  }
  bench.SetItemsProcessed(static_cast<std::int64_t>(bench.iterations()) * static_cast<std::int64_t>(batch));
}

void BM_Fdb_LookupHit(benchmark::State& bench) {
  look_up(bench, 0);
}
void BM_Fdb_LookupMiss(benchmark::State& bench) {
  look_up(bench, 1ULL << 30);
}
BENCHMARK(BM_Fdb_LookupHit)->ArgsProduct({{65536, 1048576}, {1, 32, 256}});
BENCHMARK(BM_Fdb_LookupMiss)->ArgsProduct({{65536, 1048576}, {1, 32, 256}});

void BM_Fdb_LearnKnown(benchmark::State& bench) {
  const auto size = static_cast<std::size_t>(bench.range(0));
  constexpr std::size_t kBatch = 32;
  std::array<FdbHome, kBatch> homes;
  Fdb& fdb = table_of(size);
  std::vector<FdbKey> keys = random_keys(0, size, kKeys);
  std::size_t at = 0;
  for (auto _ : bench) {
    fdb.prefetch({&keys[at], kBatch}, homes);
    for (std::size_t i = 0; i < kBatch; ++i) {
      benchmark::DoNotOptimize(fdb.learn(keys[at + i], homes[i], station_port(keys[at + i].packed >> 16), 0));
    }
    at = (at + kBatch) & (keys.size() - 1);
  }
  bench.SetItemsProcessed(static_cast<std::int64_t>(bench.iterations()) * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(BM_Fdb_LearnKnown)->Arg(65536)->Arg(1048576);

void BM_Fdb_LearnNew(benchmark::State& bench) {
  const auto size = static_cast<std::size_t>(bench.range(0));
  constexpr std::size_t kBatch = 32;
  std::array<FdbHome, kBatch> homes;
  auto fdb = std::make_unique<Fdb>(fdb_options(size));
  std::uint64_t next = 0;
  for (auto _ : bench) {
    if (next + kBatch > size) {
      bench.PauseTiming();
      fdb = std::make_unique<Fdb>(fdb_options(size));
      next = 0;
      bench.ResumeTiming();
    }
    FdbKey keys[kBatch];
    for (FdbKey& key : keys) key = station_key(next++);
    fdb->prefetch(keys, homes);
    for (std::size_t i = 0; i < kBatch; ++i) benchmark::DoNotOptimize(fdb->learn(keys[i], homes[i], 1, 0));
  }
  bench.SetItemsProcessed(static_cast<std::int64_t>(bench.iterations()) * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(BM_Fdb_LearnNew)->Arg(65536)->Arg(1048576);

}  // namespace
}  // namespace rb::bench
