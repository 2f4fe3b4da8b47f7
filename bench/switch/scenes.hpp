// SPDX-License-Identifier: GPL-2.0-or-later
// Scenes: the frames, stations and switches that the benchmarks of switch/ measure and bench/guard counts.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "ports/engine/huge_pages.hpp"
#include "switch/big_endian.hpp"
#include "switch/relay.hpp"

namespace rb::bench {

[[nodiscard]] inline MacAddress station_address(std::uint64_t number) {
  return MacAddress::from_number(0x020000000000ULL + number);
}
[[nodiscard]] inline FdbKey station_key(std::uint64_t number) {
  return FdbKey::of(station_address(number), 1);
}
/// In a scene with the FDB only, stations are spread over this many ports.
[[nodiscard]] inline PortIndex station_port(std::uint64_t number) {
  return static_cast<PortIndex>(number % 64);
}

/// The daemon's options, except for the seed.
[[nodiscard]] inline Fdb::Options fdb_options(std::size_t capacity) {
  return {.capacity = capacity, .hash_seed = 42, .prepare_memory = ask_for_huge_pages};
}

/// A full table of `size` stations.
[[nodiscard]] inline std::unique_ptr<Fdb> full_fdb(std::size_t size) {
  auto fdb = std::make_unique<Fdb>(fdb_options(size));
  for (std::uint64_t i = 0; i < size; ++i) fdb->learn(station_key(i), station_port(i), 0);
  return fdb;
}

/// Returns `count` random stations among `size` stations from number `from` on.
[[nodiscard]] inline std::vector<FdbKey> random_keys(std::size_t from, std::size_t size, std::size_t count) {
  std::mt19937_64 random(1);
  std::vector<FdbKey> keys(count);
  for (FdbKey& key : keys) key = station_key(from + random() % size);
  return keys;
}

/// A relay, with frames of 64 octets for it.
struct Load {
  explicit Load(std::size_t fdb_capacity)
      : fdb(fdb_options(fdb_capacity)),
        counters(kMaxPorts + 1),
        egress(kMaxPorts + 1),
        relay(fdb, counters, vlan_counters),
        octets(kFrames * 64),
        pieces(kFrames) {}
  /// Returns the frame's first octet.
  std::byte* add_frame(const MacAddress& from, const MacAddress& to, PortIndex ingress) {
    std::byte* start = &octets[frames.size() * 64];
    std::memcpy(start, to.octets.data(), 6);
    std::memcpy(start + 6, from.octets.data(), 6);
    Piece& piece = pieces[frames.size()];
    piece = {start, 64};
    frames.push_back({&vnet, &piece, 64, 1, ingress});
    return start;
  }
  /// Relays the next `batch` frames. Its decisions are in `egress`.
  void relay_next(std::size_t batch) noexcept {
    if (next + batch > kFrames) next = 0;
    egress.clear();
    relay.process({&frames[next], batch}, *state, 1, egress);
    next += batch;
  }
  static PortState forwarding_port() {
    PortState port;
    port.bridge = 0;
    port.gate = PortGate::kForwarding;
    port.mtu = 1500;
    return port;
  }

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
  std::size_t next = 0;
};

/// A bridge of `port_count` ports, and frames of `station_count` known stations. Runs of `run` consecutive frames come
/// from the same station.
struct BridgeLoad : Load {
  enum class To : std::uint8_t { kStations, kEverybody };

  BridgeLoad(std::size_t port_count, std::size_t station_count, To destinations, std::size_t run = 1)
      : Load(std::max<std::size_t>(station_count * 2, 1024)) {
    state = std::make_unique<ForwardingState>(std::vector<BridgeState>{{.present = true, .fid = 1}},
                                              std::vector<PortState>(port_count, forwarding_port()));
    for (std::size_t i = 0; i < station_count; ++i)
      fdb.learn(station_key(i), static_cast<PortIndex>(i % port_count), 1);
    for (std::size_t i = 0; i < kFrames; ++i) {
      const std::size_t source = i / run * 7919 % station_count;
      const MacAddress to = destinations == To::kEverybody ? MacAddress::from_number(0xffffffffffffULL)
                                                           : station_address((source + 1) % station_count);
      add_frame(station_address(source), to, static_cast<PortIndex>(source % port_count));
    }
  }
};

/// Frames come in by port 0 and leave by port 1, which removes the tags or leaves them. The stations and frames are the
/// same for any number of VLANs, so that only the VLANs make a difference.
struct VlanLoad : Load {
  enum class Leaves : std::uint8_t { kTagged, kUntagged };

  VlanLoad(std::size_t vlan_count, Leaves leaves) : Load(2 * kStations) {
    auto trunk = std::make_shared<PortVlans>(), other = std::make_shared<PortVlans>();
    std::array<Fid, kVidCount> fids{};
    for (std::size_t vid = 1; vid <= vlan_count; ++vid) {
      for (PortVlans* port : {trunk.get(), other.get()}) {
        port->ingress.set(static_cast<Vid>(vid));
        port->egress.set(static_cast<Vid>(vid));
      }
      if (leaves == Leaves::kUntagged) other->untagged.set(static_cast<Vid>(vid));
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
      const MacAddress from = station_address(2 * station), to = station_address(2 * station + 1);
      fdb.learn(FdbKey::of(from, vid), 0, 1);
      fdb.learn(FdbKey::of(to, vid), 1, 1);
      std::byte* start = add_frame(from, to, 0);
      store16(start + 12, kTpidCustomer);
      store16(start + 14, vid);
    }
  }

  static constexpr std::size_t kStations = 8192;
};

/// A TCP super-frame over IPv4 of `size` octets in one piece, as a kernel's TCP with timestamps sends it.
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
  SuperFrame(const SuperFrame&) = delete;
  SuperFrame& operator=(const SuperFrame&) = delete;

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

}  // namespace rb::bench
