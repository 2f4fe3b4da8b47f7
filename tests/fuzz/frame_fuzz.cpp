// Any octets as a virtio_net_hdr and a frame: through the relay, once by a bridge that ignores tags and once on each
// kind of port of one that knows VLANs, and what leaves through the Segmenter.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "switch/offload.hpp"
#include "switch/relay.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// Cuts a frame; every octet that a segment names is read, so that the sanitizers see what lies outside.
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

}  // namespace

// Ports by their index.
enum : rb::PortIndex { kHairpin = 3, kAccess, kTrunk, kTunnel, kPortCount };

rb::ForwardingState some_ports() {
  std::vector<rb::PortState> ports(kPortCount);
  for (rb::PortState& port : ports) {
    port.bridge = 0;
    port.gate = rb::PortGate::kForwarding;
    port.mtu = 1500;
    port.accepts.bits = rb::Offloads::kAll;
  }
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
  fids[20] = fids[30] = 20;  // two that learn together
  const auto vlans = std::make_shared<const rb::BridgeVlans>(rb::kTpidCustomer, fids, members);
  return rb::ForwardingState({{.present = true, .fid = 1}, {.present = true, .fid = 2, .vlans = vlans}}, ports);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rb::VnetHeader vnet;
  if (size < sizeof vnet + 2) return 0;
  std::memcpy(&vnet, data, sizeof vnet);
  const std::size_t cut_at = data[sizeof vnet] * 256U + data[sizeof vnet + 1];
  data += sizeof vnet + 2;
  size -= sizeof vnet + 2;
  // Two pieces of exactly their size on the heap, the first as long as the input says.
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
  static const rb::ForwardingState state = some_ports();
  for (const rb::PortIndex ingress :
       {rb::PortIndex{0}, rb::PortIndex{kAccess}, rb::PortIndex{kTrunk}, rb::PortIndex{kTunnel}}) {
    rb::VnetHeader says = vnet;  // the relay reduces it to what holds
    rb::Frame frame = came;
    frame.vnet = &says;
    frame.ingress = ingress;
    egress.clear();
    relay.process({&frame, 1}, state, 1, egress);
    for (const rb::PortIndex port : egress.ports()) {
      require(port < kPortCount && port != ingress && (port >= kAccess) == (ingress >= kAccess));
      const rb::Frame& leaves = relay.frame(egress.frames(port)[0]);
      require(leaves.size + rb::kVlanTagSize >= frame.size && leaves.size <= frame.size + rb::kVlanTagSize);
      cut(leaves);
    }
  }
  return 0;
}
