// SPDX-License-Identifier: GPL-2.0-or-later
// Sends any octets as a virtio_net_hdr and a frame through the relay: once by a bridge that ignores tags, and once on
// each kind of port of a VLAN-aware bridge. Each port is in every possible state, with and without protocols that take
// frames for themselves. Frames that leave go through the Segmenter. The counters balance after each frame.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "switch/loop_probe.hpp"
#include "switch/offload.hpp"
#include "switch/relay.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// Cuts a frame and reads every octet of its segments, so that the sanitizers notice octets outside.
void cut(const rb::Frame& frame) {
  rb::Segmenter segmenter(frame);
  std::array<std::byte, rb::Segmenter::kScratchSize> scratch;
  rb::Segmenter::Segment segment;
  std::uint32_t segments = 0, payload = 0, heads = 0;
  volatile std::uint8_t sink = 0;
  while (segmenter.next(scratch, segment)) {
    require(++segments <= rb::Segmenter::kMaxSegments && segment.head_size <= scratch.size());
    std::uint32_t own = 0;
    for (std::uint32_t i = 0; i < segment.payload_count; ++i) {
      own += segment.payload[i].size;
      for (std::uint32_t k = 0; k < segment.payload[i].size; ++k)
        sink = sink ^ std::to_integer<std::uint8_t>(segment.payload[i].data[k]);
    }
    heads = segment.head_size - static_cast<std::uint32_t>(sizeof(rb::VnetHeader));
    require(own + heads == segment.size);
    payload += own;
  }
  require(segmenter.valid() == (segments > 0));
  if (segments > 0) require(payload + heads == frame.size);
}

// The ports by their index.
enum : rb::PortIndex { kPlain, kBlocked = 2, kHairpin, kAccess, kTrunk, kTunnel, kPortCount };
constexpr std::array<rb::PortIndex, 4> kIngress = {kPlain, kAccess, kTrunk, kTunnel};

/// The settings that apply to a frame before the relay's decisions.
struct Rules {
  rb::PortGate gate = rb::PortGate::kForwarding;  // of ingress ports
  bool protocols = false;                         // true: spanning tree and loop probes are on
  bool bpdu_filter = false;
};
constexpr std::array<Rules, 7> kRules = {{{},
                                          {.gate = rb::PortGate::kLearning},
                                          {.protocols = true},
                                          {.protocols = true, .bpdu_filter = true},
                                          {.gate = rb::PortGate::kLearning, .protocols = true},
                                          {.gate = rb::PortGate::kDiscarding, .protocols = true},
                                          {.gate = rb::PortGate::kDown, .protocols = true}}};

rb::ForwardingState some_ports(const Rules& rules) {
  std::vector<rb::PortState> ports(kPortCount);
  for (rb::PortState& port : ports) {
    port.bridge = 0;
    port.gate = rb::PortGate::kForwarding;
    port.bpdu_filter = rules.bpdu_filter;
    port.mtu = 1500;
    port.accepts.bits = rb::Offloads::kAll;
  }
  for (const rb::PortIndex port : kIngress) ports[port].gate = rules.gate;
  ports[kBlocked].gate = rb::PortGate::kDiscarding;
  ports[kHairpin].hairpin = true;
  std::vector<rb::BridgeVlans::Member> members;
  for (const rb::PortIndex port : {kAccess, kTrunk, kTunnel}) {
    rb::PortVlans vlans;
    vlans.pvid = port == kTunnel ? 20 : 10;
    for (const rb::Vid vid : {rb::Vid{10}, rb::Vid{20}, rb::Vid{30}}) {
      vlans.ingress.set(vid);
      vlans.egress.set(vid);
    }
    vlans.tunnel = port == kTunnel;
    if (port != kTrunk) vlans.untagged.set(vlans.pvid);
    if (port == kTrunk) {
      auto& translation = vlans.translation.emplace_back();
      for (rb::Vid vid = 0; vid < rb::kVidCount; ++vid) translation.to_bridge[vid] = translation.to_wire[vid] = vid;
      translation.to_bridge[40] = 30;
      translation.to_wire[30] = 40;
    }
    ports[port].bridge = 1;
    ports[port].vlans = std::make_shared<const rb::PortVlans>(vlans);
    members.push_back({port, ports[port].vlans.get()});
  }
  std::array<rb::Fid, rb::kVidCount> fids{};
  fids[10] = 10;
  fids[20] = fids[30] = 20;  // two VLANs that learn together
  const auto vlans = std::make_shared<const rb::BridgeVlans>(rb::kTpidCustomer, fids, members);
  const rb::BridgeState plain{.present = true,
                              .fid = 1,
                              .stp = rules.protocols,
                              .probe_sender = rules.protocols ? std::optional<std::uint64_t>(0) : std::nullopt};
  rb::BridgeState aware = plain;
  aware.fid = 2;
  aware.vlans = vlans;
  return rb::ForwardingState({plain, aware}, ports);
}

/// The sum of the counters of all ports.
rb::PortTotals sum(const std::vector<rb::PortCounters>& counters) {
  rb::PortTotals totals;
  for (rb::PortIndex port = 0; port < kPortCount; ++port) totals.add(counters[port]);
  return totals;
}

/// Requires that one frame has added one result for itself, and one for each of its copies.
void require_balance(const rb::PortTotals& now, const rb::PortTotals& before, std::size_t punted, std::size_t sent) {
  rb::PortTotals change = now;
  change.subtract(before);
  std::uint64_t ingress = 0, egress = 0;
  for (std::size_t reason = 0; reason < rb::kDropReasonCount; ++reason)
    (rb::is_egress_reason(static_cast<rb::DropReason>(reason)) ? egress : ingress) += change.drops[reason];
  require(change.rx[0].frames + change.rx[1].frames + change.rx[2].frames == 1);
  require(change.forwarded + change.flooded + ingress + punted == 1);
  require(change.copies == egress + sent);
}

/// The addressee of a frame, from its octets alone.
struct Addressee {
  explicit Addressee(const rb::Frame& frame) {
    if (frame.pieces[0].size < rb::kEthernetHeaderSize) return;
    std::array<std::uint8_t, rb::kEthernetHeaderSize> octets;
    std::memcpy(octets.data(), frame.pieces[0].data, octets.size());
    bpdu = std::memcmp(octets.data(), "\x01\x80\xc2\0\0\0", 6) == 0;
    probe = std::memcmp(octets.data(), "\x03RBLP\0", 6) == 0 && octets[12] == 0x88 && octets[13] == 0xb5 &&
            frame.pieces[0].size >= 30 && std::memcmp(frame.pieces[0].data + 22, "\0\0\0\0\0\0\0\0", 8) == 0;
    from_station = (octets[6] & 1) == 0 && std::memcmp(&octets[6], "\0\0\0\0\0\0", 6) != 0;
  }
  bool bpdu = false, probe = false, from_station = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rb::VnetHeader vnet;
  if (size < sizeof vnet + 2) return 0;
  std::memcpy(&vnet, data, sizeof vnet);
  const std::size_t cut_at = data[sizeof vnet] * 256U + data[sizeof vnet + 1];
  data += sizeof vnet + 2;
  size -= sizeof vnet + 2;
  // The frame is in two heap blocks of exactly the right size. The input gives the size of the first.
  const std::size_t first = std::min(cut_at, size);
  std::vector<std::byte> head(first), rest(size - first);
  if (first != 0) std::memcpy(head.data(), data, first);
  if (size != first) std::memcpy(rest.data(), data + first, size - first);
  std::array<rb::Piece, 2> pieces = {
      {{head.data(), static_cast<std::uint32_t>(first)}, {rest.data(), static_cast<std::uint32_t>(size - first)}}};
  const rb::Frame came{&vnet, pieces.data(), static_cast<std::uint32_t>(size),
                       static_cast<std::uint16_t>(rest.empty() ? 1 : 2), 0};

  static rb::Fdb fdb({.capacity = 1024, .hash_seed = 1});
  static std::vector<rb::PortCounters> counters(rb::kMaxPorts + 1);
  static rb::EgressLists egress(rb::kMaxPorts + 1);
  static rb::VlanCounterTable vlan_counters;
  static rb::Relay relay(fdb, counters, vlan_counters);
  static const std::array<rb::ForwardingState, kRules.size()> states = {
      some_ports(kRules[0]), some_ports(kRules[1]), some_ports(kRules[2]), some_ports(kRules[3]),
      some_ports(kRules[4]), some_ports(kRules[5]), some_ports(kRules[6])};
  const Addressee addressee(came);
  for (std::size_t i = 0; i < kRules.size(); ++i) {
    const Rules& rules = kRules[i];
    for (const rb::PortIndex ingress : kIngress) {
      rb::VnetHeader says = vnet;  // the relay removes invalid parts of it
      rb::Frame frame = came;
      frame.vnet = &says;
      frame.ingress = ingress;
      const rb::PortTotals before = sum(counters);
      egress.clear();
      relay.process({&frame, 1}, states[i], 1, egress);
      const rb::PortTotals now = sum(counters);
      std::size_t sent = 0;
      for (const rb::PortIndex port : egress.ports()) {
        require(port < kPortCount && port != ingress && port != kBlocked && (port >= kAccess) == (ingress >= kAccess));
        const rb::Frame& leaves = relay.frame(egress.frames(port)[0]);
        require(leaves.size + rb::kVlanTagSize >= frame.size && leaves.size <= frame.size + rb::kVlanTagSize);
        cut(leaves);
        sent += egress.frames(port).size();
      }
      require_balance(now, before, relay.punted().size(), sent);
      require(sent == 0 || rules.gate == rb::PortGate::kForwarding);
      constexpr auto kBad = static_cast<std::size_t>(rb::DropReason::kBadVnetHeader);
      const bool taken = rules.protocols && rules.gate != rb::PortGate::kDown && addressee.from_station &&
                         ((addressee.bpdu && !rules.bpdu_filter) || addressee.probe) &&
                         now.drops[kBad] == before.drops[kBad];
      require(relay.punted().size() == (taken ? 1U : 0U));
      require(sent == 0 || !rules.protocols || !(addressee.bpdu || addressee.probe));
    }
  }
  return 0;
}
