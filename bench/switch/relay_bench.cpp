// The relay alone, frames a second: no port, no kernel.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <vector>

#include "switch/big_endian.hpp"
#include "switch/relay.hpp"

namespace rb {
namespace {

/// A relay, and frames of 64 octets for it.
struct Load {
  explicit Load(std::size_t fdb_capacity)
      : fdb({.capacity = fdb_capacity, .hash_seed = 42}),
        counters(kMaxPorts + 1),
        egress(kMaxPorts + 1),
        relay(fdb, counters, vlan_counters),
        octets(kFrames * 64),
        pieces(kFrames) {}
  /// Gives the frame's first octet.
  std::byte* add_frame(const MacAddress& from, const MacAddress& to, PortIndex ingress) {
    std::byte* start = &octets[frames.size() * 64];
    std::memcpy(start, to.octets.data(), 6);
    std::memcpy(start + 6, from.octets.data(), 6);
    Piece& piece = pieces[frames.size()];
    piece = {start, 64};
    frames.push_back({&vnet, &piece, 64, 1, ingress});
    return start;
  }
  static PortState forwarding_port() {
    PortState port;
    port.bridge = 0;
    port.forwarding = true;
    port.mtu = 1500;
    return port;
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

/// A bridge of `port_count` ports, and frames over `station_count` stations, all known.
struct BridgeLoad : Load {
  BridgeLoad(std::size_t port_count, std::size_t station_count, bool flood)
      : Load(std::max<std::size_t>(station_count * 2, 1024)) {
    state = std::make_unique<ForwardingState>(std::vector<BridgeState>{{.present = true, .fid = 1}},
                                              std::vector<PortState>(port_count, forwarding_port()));
    for (std::size_t i = 0; i < station_count; ++i)
      fdb.learn(FdbKey::of(address(i), 1), static_cast<PortIndex>(i % port_count), 1);
    for (std::size_t i = 0; i < kFrames; ++i) {
      const std::size_t source = i * 7919 % station_count;
      const MacAddress to = flood ? MacAddress::from_number(0xffffffffffffULL) : address((source + 1) % station_count);
      add_frame(address(source), to, static_cast<PortIndex>(source % port_count));
    }
  }
};

/// What comes in by port 0 and leaves by port 1, which takes the tags off or leaves them: as many stations and frames
/// whatever the number of VLANs, so that nothing but the VLANs makes a difference.
struct VlanLoad : Load {
  VlanLoad(std::size_t vlan_count, bool untagged) : Load(2 * kStations) {
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
    std::vector<PortState> ports(2, forwarding_port());
    const std::array<BridgeVlans::Member, 2> members = {{{0, trunk.get()}, {1, other.get()}}};
    for (PortIndex port = 0; port < 2; ++port) {
      ports[port].vlans = port == 0 ? trunk : other;
      vlan_counters.make(port, trunk->egress);
    }
    const auto vlans = std::make_shared<const BridgeVlans>(kTpidCustomer, fids, members);
    state =
        std::make_unique<ForwardingState>(std::vector<BridgeState>{{.present = true, .fid = 1, .vlans = vlans}}, ports);
    for (std::size_t i = 0; i < kFrames; ++i) {
      const std::size_t station = i * 7919 % kStations;
      const auto vid = static_cast<Vid>(1 + station % vlan_count);
      const MacAddress from = address(2 * station), to = address(2 * station + 1);
      fdb.learn(FdbKey::of(from, vid), 0, 1);
      fdb.learn(FdbKey::of(to, vid), 1, 1);
      std::byte* start = add_frame(from, to, 0);
      store16(start + 12, kTpidCustomer);
      store16(start + 14, vid);
    }
  }

  static constexpr std::size_t kStations = 8192;
};

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
  BridgeLoad load(static_cast<std::size_t>(bench.range(0)), static_cast<std::size_t>(bench.range(1)), false);
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
  BridgeLoad load(static_cast<std::size_t>(bench.range(0)), 1000, true);
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
