// SPDX-License-Identifier: GPL-2.0-or-later
// Measures the speed of summing, checking and cutting frames in software.
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/switch/scenes.hpp"
#include "switch/checksum.hpp"
#include "switch/offload.hpp"
#include "switch/vnet_check.hpp"

namespace rb::bench {
namespace {

void BM_Checksum(benchmark::State& state) {
  const std::vector<std::byte> octets(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
  for (auto _ : state) benchmark::DoNotOptimize(internet_sum(octets));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Checksum)->Arg(64)->Arg(1500)->Arg(64 << 10);

/// Cuts one frame into segments, with all headers and sums. The result is in octets of the uncut frame per second.
void BM_Segmenter_Tcp(benchmark::State& state) {
  SuperFrame frame(static_cast<std::uint32_t>(state.range(0)));
  std::array<std::byte, Segmenter::kScratchSize> scratch;
  Segmenter::Segment segment;
  for (auto _ : state) {
    Segmenter segmenter(frame.view);
    if (!segmenter.valid()) state.SkipWithError("the frame was refused");
    while (segmenter.next(scratch, segment)) benchmark::DoNotOptimize(scratch);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Segmenter_Tcp)->Arg(1514)->Arg(65535);

void BM_CheckVnetHeader_NoWork(benchmark::State& state) {
  SuperFrame frame(1514);
  frame.vnet = {};
  for (auto _ : state) benchmark::DoNotOptimize(check_vnet_header(frame.vnet, frame.view, Trust::kPeer));
}
BENCHMARK(BM_CheckVnetHeader_NoWork);

void BM_CheckVnetHeader_Tso(benchmark::State& state) {
  SuperFrame frame(65535);
  for (auto _ : state) benchmark::DoNotOptimize(check_vnet_header(frame.vnet, frame.view, Trust::kPeer));
}
BENCHMARK(BM_CheckVnetHeader_Tso);

}  // namespace
}  // namespace rb::bench
