// How fast frames are summed, checked and cut in software.
#include <benchmark/benchmark.h>

#include <vector>

#include "switch/big_endian.hpp"
#include "switch/checksum.hpp"
#include "switch/offload.hpp"
#include "switch/vnet_check.hpp"

namespace rb {
namespace {

void BM_Checksum(benchmark::State& state) {
  const std::vector<std::byte> octets(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
  for (auto _ : state) benchmark::DoNotOptimize(internet_sum(octets));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Checksum)->Arg(64)->Arg(1500)->Arg(64 << 10);

/// A TCP super-frame over IPv4 of `size` octets, as a kernel's TCP with timestamps sends it, in one piece.
struct SuperFrame {
  explicit SuperFrame(std::uint32_t size) : octets(size), piece{octets.data(), size}, view{&vnet, &piece, size, 1, 0} {
    std::byte* const ip = &octets[kEthernetHeaderSize];
    std::byte* const tcp = ip + 20;
    store16(&octets[12], 0x0800);
    store16(ip, 0x4500);
    store16(ip + 2, size - static_cast<std::uint32_t>(kEthernetHeaderSize));
    ip[9] = std::byte{6};
    tcp[12] = std::byte{0x80};
  }

  std::vector<std::byte> octets;
  VnetHeader vnet{.flags = kVnetNeedsCsum,
                  .gso_type = kGsoTcpV4,
                  .hdr_len = 66,
                  .gso_size = 1448,
                  .csum_start = 34,
                  .csum_offset = 16};
  Piece piece;
  Frame view;
};

/// One frame into segments, heads written and all sums made; octets of the uncut frame per second.
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
}  // namespace rb
