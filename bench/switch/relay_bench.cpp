// The relay alone, frames a second: no port, no kernel.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <vector>

#include "switch/big_endian.hpp"
#include "switch/relay.hpp"

namespace rb {
namespace {

/// A bridge of `port_count` ports, and one batch of 64-octet frames over `station_count` stations, all known.
struct Load {
  Load(std::size_t port_count, std::size_t station_count, bool flood)
      : fdb({.capacity = std::max<std::size_t>(station_count * 2, 1024), .hash_seed = 42}),
        counters(kMaxPorts + 1),
        egress(kMaxPorts + 1),
        relay(fdb, counters, vlan_counters) {
    std::vector<PortState> ports(port_count);
    for (PortState& port : ports) {
      port.bridge = 0;
      port.forwarding = true;
      port.mtu = 1500;
    }
    state = std::make_unique<ForwardingState>(std::vector<BridgeState>{{.present = true, .fid = 1}}, ports);
    for (std::size_t i = 0; i < station_count; ++i)
      fdb.learn(FdbKey::of(address(i), 1), static_cast<PortIndex>(i % port_count), 1);
    octets.resize(kFrames * 64);
    pieces.resize(kFrames);
    for (std::size_t i = 0; i < kFrames; ++i) {
      std::byte* start = &octets[i * 64];
      const std::size_t source = i * 7919 % station_count;
      const MacAddress from = address(source);
      const MacAddress to = flood ? MacAddress::from_number(0xffffffffffffULL) : address((source + 1) % station_count);
      std::memcpy(start, to.octets.data(), 6);
      std::memcpy(start + 6, from.octets.data(), 6);
      pieces[i] = {start, 64};
      frames.push_back({&vnet, &pieces[i], 64, 1, static_cast<PortIndex>(source % port_count)});
    }
  }
  static MacAddress address(std::size_t number) { return MacAddress::from_number(0x020000000000ULL + number); }

  static constexpr std::size_t kFrames = 65536;
  Fdb fdb;
  std::vector<PortCounters> counters;
  EgressLists egress;
  VlanCounterTable vlan_counters;
  Relay relay;
  std::unique_ptr<ForwardingState> state;
  VnetHeader vnet;
  std::vector<std::byte> octets;
  std::vector<Piece> pieces;
  std::vector<Frame> frames;
};

/// What comes in by port 0 and leaves by port 1, which takes the tags off or leaves them: as many stations and frames
/// whatever the number of VLANs, so that nothing but the VLANs makes a difference.
struct VlanLoad {
  VlanLoad(std::size_t vlan_count, bool untagged)
      : fdb({.capacity = 2 * kStations, .hash_seed = 42}),
        counters(kMaxPorts + 1),
        egress(kMaxPorts + 1),
        relay(fdb, counters, vlan_counters) {
    auto trunk = std::make_shared<PortVlans>(), other = std::make_shared<PortVlans>();
    std::array<Fid, kVidCount> fids{};
    for (std::size_t vid = 1; vid <= vlan_count; ++vid) {
      for (PortVlans* port : {trunk.get(), other.get()}) {
        port->ingress.set(static_cast<Vid>(vid));
        port->egress.set(static_cast<Vid>(vid));
      }
      if (untagged) other->untagged.set(static_cast<Vid>(vid));
      fids[vid] = static_cast<Fid>(vid);
    }
    std::vector<PortState> ports(2);
    const std::array<BridgeVlans::Member, 2> members = {{{0, trunk.get()}, {1, other.get()}}};
    for (PortIndex port = 0; port < 2; ++port) {
      ports[port].bridge = 0;
      ports[port].forwarding = true;
      ports[port].mtu = 1500;
      ports[port].vlans = port == 0 ? trunk : other;
      vlan_counters.make(port, trunk->egress);
    }
    const auto vlans = std::make_shared<const BridgeVlans>(kTpidCustomer, fids, members);
    state =
        std::make_unique<ForwardingState>(std::vector<BridgeState>{{.present = true, .fid = 1, .vlans = vlans}}, ports);
    octets.resize(kFrames * 64);
    pieces.resize(kFrames);
    for (std::size_t i = 0; i < kFrames; ++i) {
      const std::size_t station = i * 7919 % kStations;
      const auto vid = static_cast<Vid>(1 + station % vlan_count);
      const MacAddress from = Load::address(2 * station), to = Load::address(2 * station + 1);
      fdb.learn(FdbKey::of(from, vid), 0, 1);
      fdb.learn(FdbKey::of(to, vid), 1, 1);
      std::byte* start = &octets[i * 64];
      std::memcpy(start, to.octets.data(), 6);
      std::memcpy(start + 6, from.octets.data(), 6);
      store16(start + 12, kTpidCustomer);
      store16(start + 14, vid);
      pieces[i] = {start, 64};
      frames.push_back({&vnet, &pieces[i], 64, 1, 0});
    }
  }

  static constexpr std::size_t kFrames = 65536, kStations = 8192;
  Fdb fdb;
  std::vector<PortCounters> counters;
  EgressLists egress;
  VlanCounterTable vlan_counters;
  Relay relay;
  std::unique_ptr<ForwardingState> state;
  VnetHeader vnet;
  std::vector<std::byte> octets;
  std::vector<Piece> pieces;
  std::vector<Frame> frames;
};

template <typename Load>
void run(benchmark::State& bench, Load& load, std::size_t batch) {
  std::size_t at = 0;
  for (auto _ : bench) {
    load.egress.clear();
    load.relay.process({&load.frames[at], batch}, *load.state, 1, load.egress);
    benchmark::DoNotOptimize(load.egress.ports().size());
    at = (at + batch) % Load::kFrames;
  }
  bench.SetItemsProcessed(static_cast<std::int64_t>(bench.iterations()) * static_cast<std::int64_t>(batch));
}

void BM_Relay_Unicast(benchmark::State& bench) {
  Load load(static_cast<std::size_t>(bench.range(0)), static_cast<std::size_t>(bench.range(1)), false);
  run(bench, load, static_cast<std::size_t>(bench.range(2)));
}
BENCHMARK(BM_Relay_Unicast)
    ->ArgNames({"ports", "stations", "batch"})
    ->Args({2, 2, 32})
    ->Args({2, 2, 256})
    ->Args({64, 10000, 32})
    ->Args({256, 1000000, 32})
    ->Args({256, 1000000, 256});

void BM_Relay_Flood(benchmark::State& bench) {
  Load load(static_cast<std::size_t>(bench.range(0)), 1000, true);
  run(bench, load, 32);
}
BENCHMARK(BM_Relay_Flood)->ArgName("ports")->Arg(2)->Arg(64);

void BM_Relay_Vlans(benchmark::State& bench) {
  VlanLoad load(static_cast<std::size_t>(bench.range(0)), bench.range(1) != 0);
  run(bench, load, 256);
}
BENCHMARK(BM_Relay_Vlans)->ArgNames({"vlans", "untagged"})->ArgsProduct({{1, 100, 4094}, {0, 1}});

}  // namespace
}  // namespace rb
