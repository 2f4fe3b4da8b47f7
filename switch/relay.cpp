#include "switch/relay.hpp"

#include <cassert>

#include "switch/classify.hpp"
#include "switch/explainer.hpp"
#include "switch/loop_probe.hpp"
#include "switch/parse.hpp"

namespace rb {
namespace {

/// Whether a port may be given a copy at all; the kernel bridge's should_deliver(). `why` is set when not.
bool may_deliver(PortIndex ingress, const PortState& from, PortIndex egress, const PortState& to, Vid vid,
                 DropReason& why) noexcept {
  if (ingress == egress && !to.hairpin) {
    why = DropReason::kSamePort;
    return false;
  }
  if (from.isolated && to.isolated && ingress != egress) {
    why = DropReason::kIsolated;
    return false;
  }
  // A port that is being deleted has no VLANs any more, while the FDB still knows stations behind it.
  if (vid != kNoVid && (to.vlans == nullptr || !to.vlans->egress.test(vid))) {
    why = DropReason::kVlanEgress;
    return false;
  }
  return true;
}

/// Whether a port takes flooded frames of a kind.
bool takes_flood(const PortState& to, CastKind cast) noexcept {
  if (to.gate != PortGate::kForwarding) return false;
  switch (cast) {
    case CastKind::kUnicast:
      return to.flood;
    case CastKind::kMulticast:
      return to.mcast_flood;
    case CastKind::kBroadcast:
      return to.bcast_flood;
  }
  return false;
}

/// Linux is_skb_forwardable(), which sees a frame without its outermost tag: one more is allowed for, and a GSO frame
/// is segmented to fit later.
bool fits_mtu(const Frame& frame, VlanTag tag, const PortState& to) noexcept {
  const std::size_t allowed = to.mtu + kEthernetHeaderSize + kVlanTagSize + (tag != kUntagged ? kVlanTagSize : 0);
  return to.mtu == 0 || frame.size <= allowed || frame.vnet->gso_type != kGsoNone;
}

bool is_bpdu(MacNumber destination) noexcept {
  return destination.is_reserved_group() && destination.last_digit() == 0;
}

/// Whether a frame to a group is the control thread's.
bool is_punted(const Frame& frame, MacNumber destination, const BridgeState& bridge) noexcept {
  if (is_bpdu(destination)) return bridge.stp;
  return destination == kLoopProbeGroup && bridge.probe_sender &&
         is_loop_probe_of(*bridge.probe_sender, {frame.pieces[0].data, frame.pieces[0].size});
}

}  // namespace

static_assert(kMaxBatch <= Fdb::kMaxLookUps);

// always_inline: admit(), send_to() and copy_to() have one or two callers and are called for every frame or copy; as
// functions of their own they took a tenth of the instructions of a frame, and a quarter of those of a flooded copy.

void Relay::process(std::span<const Frame> frames, const ForwardingState& state, std::uint32_t now_s,
                    EgressLists& egress) noexcept {
  assert(frames.size() <= kMaxBatch);
  frames_ = frames;
  state_ = &state;
  learned_count_ = punted_count_ = 0;
  forms_.clear();
  parse_all();
  admit_all();
  prefetch_all();
  learn_all(now_s);
  look_up_all();
  decide_all(egress);
}

void Relay::parse_all() noexcept {
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    const Frame& frame = frames_[i];
    const auto index = static_cast<FrameIndex>(i);
    dropped_[i] = false;
    learns_[i] = false;
    cast_[i] = CastKind::kUnicast;
    vid_[i] = kNoVid;
    tag_[i] = kUntagged;
    const PortState& port = state_->port(frame.ingress);
    if (const std::optional<DropReason> refused = check_frame(frame, port.trust)) {
      counters_[frame.ingress].rx[static_cast<std::size_t>(CastKind::kUnicast)].frames.add(1);
      counters_[frame.ingress].rx[static_cast<std::size_t>(CastKind::kUnicast)].bytes.add(frame.size);
      drop(index, *refused);
      continue;
    }
    const EthernetHeader header = parse_ethernet(frame);
    const CastKind cast = cast_[i] = cast_of(header.destination);
    PortCounters::Traffic& rx = counters_[frame.ingress].rx[static_cast<std::size_t>(cast)];
    rx.frames.add(1);
    rx.bytes.add(frame.size);
    if (explainer_ != nullptr) [[unlikely]]
      explainer_->parsed(frame, header.source.address(), header.destination.address(), cast);
    Fid fid = 0;
    if (port.bridge != kNoBridge) {
      const BridgeState& bridge = state_->bridge(port.bridge);
      if (cast == CastKind::kMulticast && is_punted(frame, header.destination, bridge)) [[unlikely]] {
        punt(index, header);
        continue;
      }
      fid = bridge.vlans == nullptr ? bridge.fid : enter_vlan(index, port, bridge);
    }
    source_[i] = FdbKey::of(header.source, fid);
    destination_[i] = FdbKey::of(header.destination, fid);
  }
}

/// Takes a frame out that is the control thread's; all later stages do with it is to learn its source.
[[gnu::noinline]] void Relay::punt(FrameIndex index, const EthernetHeader& header) noexcept {
  const Frame& frame = frames_[index];
  const PortState& port = state_->port(frame.ingress);
  if (port.gate == PortGate::kDown) return drop(index, DropReason::kIngressDown);
  if (header.source.is_group() || header.source.is_zero()) return drop(index, DropReason::kInvalidSource);
  const bool bpdu = is_bpdu(header.destination);
  if (bpdu && port.bpdu_filter) {
    if (explainer_ != nullptr) [[unlikely]]
      explainer_->filters_bpdus(frame.ingress);
    return drop(index, DropReason::kBpduFiltered);
  }
  dropped_[index] = true;
  punted_[punted_count_++] = index;
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->punted(bpdu);
  // As the kernel's bridge (br_handle_local_finish): a BPDU says where its sender is, in a VLAN that it may be in.
  // A probe that has come back would say that of ourselves.
  if (!bpdu || port.gate == PortGate::kDiscarding || port.locked) return;
  const BridgeState& bridge = state_->bridge(port.bridge);
  Fid fid = bridge.fid;
  if (bridge.vlans != nullptr) {
    const Classified found = classify(frame, *port.vlans, bridge.vlans->tpid());
    if (found.refused) return;
    fid = bridge.vlans->fid(found.vid);
  }
  source_[index] = FdbKey::of(header.source, fid);
  learns_[index] = true;
}

/// Finds the VLAN of a frame and counts it there, or drops it.
Fid Relay::enter_vlan(FrameIndex index, const PortState& port, const BridgeState& bridge) noexcept {
  const Frame& frame = frames_[index];
  const Classified found = classify(frame, *port.vlans, bridge.vlans->tpid());
  tag_[index] = found.tag;
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->classified(found, *port.vlans, frame.ingress);
  if (found.refused) {
    drop(index, *found.refused);
    return 0;
  }
  vid_[index] = found.vid;
  priority_[index] = found.priority;
  if (VlanCounters* counters = vlan_counters(index, frame.ingress); counters != nullptr) {
    counters->rx_frames.add(1);
    counters->rx_bytes.add(frame.size);
  }
  return bridge.vlans->fid(found.vid);
}

VlanCounters* Relay::vlan_counters(FrameIndex index, PortIndex port) noexcept {
  return vid_[index] == kNoVid ? nullptr : vlan_counters_.find(port, vid_[index]);
}

void Relay::admit_all() noexcept {
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    if (!dropped_[i]) admit(static_cast<FrameIndex>(i));
  }
}

[[gnu::always_inline]] inline void Relay::admit(FrameIndex index) noexcept {
  const Frame& frame = frames_[index];
  const PortState& port = state_->port(frame.ingress);
  if (port.bridge == kNoBridge || port.gate != PortGate::kForwarding) [[unlikely]]
    return keep_out(index);
  if (!is_admissible(index, port)) return;
  learns_[index] = true;
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->admitted(frame);
}

/// What a port receives that does not forward.
[[gnu::noinline]] void Relay::keep_out(FrameIndex index) noexcept {
  const PortIndex ingress = frames_[index].ingress;
  const PortState& port = state_->port(ingress);
  if (port.bridge == kNoBridge || port.gate == PortGate::kDown) return drop(index, DropReason::kIngressDown);
  if (port.gate == PortGate::kLearning) {
    if (!is_admissible(index, port)) return;
    learns_[index] = true;
  }
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->blocked(ingress, port.gate);
  drop(index, DropReason::kBlocked);
}

/// Whether a frame's addresses let it in; else it is dropped.
[[gnu::always_inline]] inline bool Relay::is_admissible(FrameIndex index, const PortState& port) noexcept {
  const MacNumber source = source_[index].mac_number();
  if (source.is_group() || source.is_zero()) {
    drop(index, DropReason::kInvalidSource);
    return false;
  }
  if (cast_[index] == CastKind::kMulticast) {
    const MacNumber destination = destination_[index].mac_number();
    if (destination.is_reserved_group()) {
      const unsigned last_digit = destination.last_digit();
      // -00 is flooded: where a spanning tree runs it does not come here. The mask never holds -01 (802.3x pause).
      const std::uint16_t mask = state_->bridge(port.bridge).group_fwd_mask | std::uint16_t{1};
      if ((mask >> last_digit & 1) == 0) {
        // As the kernel's bridge: a control frame that stays here still says where its sender is; a pause frame does
        // not.
        learns_[index] = last_digit != 1 && !port.locked;
        drop(index, DropReason::kReservedGroup);
        return false;
      }
      if (explainer_ != nullptr) [[unlikely]]
        explainer_->reserved_group_forwarded(last_digit, mask);
    }
  }
  if (port.locked) [[unlikely]] {
    FdbHit known;
    fdb_.look_up({&source_[index], 1}, {&known, 1});
    if (!known.found() || known.port != frames_[index].ingress) {
      drop(index, DropReason::kLocked);
      return false;
    }
  }
  return true;
}

void Relay::prefetch_all() noexcept {
  learners_.count = looked_up_.count = 0;
  // A burst is mostly one station's: asking the FDB once for each run of equal sources is enough.
  FdbKey last_key;
  PortIndex last_port = kNoPort;
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    if (!dropped_[i] && cast_[i] == CastKind::kUnicast) looked_up_.add(destination_[i], i);
    if (!learns_[i]) continue;
    const PortIndex ingress = frames_[i].ingress;
    if (source_[i] == last_key && ingress == last_port) continue;
    last_key = source_[i];
    last_port = ingress;
    learners_.add(source_[i], i);
  }
  learners_.prefetch(fdb_);
  looked_up_.prefetch(fdb_);
}

void Relay::learn_all(std::uint32_t now_s) noexcept {
  for (std::size_t i = 0; i < learners_.count; ++i) {
    const FdbKey source = learners_.keys[i];
    const PortIndex ingress = frames_[learners_.frames[i]].ingress;
    const PortState& port = state_->port(ingress);
    if (!port.learning || !state_->bridge(port.bridge).learning) {
      if (explainer_ != nullptr) [[unlikely]] {
        explainer_->does_not_learn(port.learning ? "the bridge's ageing time is 0" : "learning is off on the port");
      }
      continue;
    }
    if (explainer_ != nullptr) [[unlikely]] {
      FdbHit known;
      fdb_.look_up({&source, 1}, {&known, 1});
      explainer_->would_learn(source, known, ingress);
      continue;
    }
    const LearnResult result = fdb_.learn(source, learners_.homes[i], ingress, now_s);
    if (result.outcome == LearnOutcome::kAdded || result.outcome == LearnOutcome::kMoved) {
      learned_[learned_count_++] = {source, ingress, result.previous};
    }
  }
}

void Relay::look_up_all() noexcept {
  const std::size_t count = looked_up_.count;
  if (count == 0) return;
  fdb_.look_up({looked_up_.keys.data(), count}, {looked_up_.homes.data(), count}, {look_up_hits_.data(), count});
  for (std::size_t i = 0; i < count; ++i) hit_[looked_up_.frames[i]] = look_up_hits_[i];
}

void Relay::decide_all(EgressLists& egress) noexcept {
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    if (dropped_[i]) continue;
    const auto index = static_cast<FrameIndex>(i);
    if (cast_[i] == CastKind::kUnicast) {
      if (explainer_ != nullptr) [[unlikely]]
        explainer_->looked_up(destination_[i], hit_[i]);
      if (hit_[i].found()) {
        send_to(index, hit_[i].port, egress);
        continue;
      }
    }
    flood(index, egress);
  }
}

[[gnu::always_inline]] inline void Relay::send_to(FrameIndex index, PortIndex port, EgressLists& egress) noexcept {
  const PortIndex ingress = frames_[index].ingress;
  DropReason why{};
  if (!may_deliver(ingress, state_->port(ingress), port, state_->port(port), vid_[index], why)) return drop(index, why);
  counters_[ingress].forwarded.add(1);
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->sends(port, port == ingress);
  copy_to(index, port, egress);
}

void Relay::flood(FrameIndex index, EgressLists& egress) noexcept {
  const PortIndex ingress = frames_[index].ingress;
  const PortState& from = state_->port(ingress);
  const CastKind cast = cast_[index];
  const Vid vid = vid_[index];
  const std::span<const PortIndex> ports = vid != kNoVid ? state_->bridge(from.bridge).vlans->members(vid)
                                           : cast == CastKind::kUnicast   ? state_->unicast_flood(from.bridge)
                                           : cast == CastKind::kMulticast ? state_->multicast_flood(from.bridge)
                                                                          : state_->broadcast_flood(from.bridge);
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->floods(cast, vid, ports.size());
  bool anybody = false;
  for (const PortIndex port : ports) {
    const PortState& to = state_->port(port);
    if (vid != kNoVid && !takes_flood(to, cast)) continue;
    DropReason why{};
    if (!may_deliver(ingress, from, port, to, vid, why)) {
      if (explainer_ != nullptr) [[unlikely]]
        explainer_->skips(port, why);
      continue;
    }
    anybody = true;
    copy_to(index, port, egress);
  }
  if (!anybody) return drop(index, DropReason::kNoEgress);
  counters_[ingress].flooded.add(1);
}

[[gnu::always_inline]] inline void Relay::copy_to(FrameIndex index, PortIndex port, EgressLists& egress) noexcept {
  const PortState& to = state_->port(port);
  counters_[port].copies.add(1);
  VlanCounters* vlan = vlan_counters(index, port);
  DropReason why = DropReason::kEgressBlocked;
  if (to.gate == PortGate::kForwarding) [[likely]] {
    why = DropReason::kOverMtu;
    if (fits_mtu(frames_[index], tag_[index], to)) {
      const FrameIndex leaving = vid_[index] == kNoVid ? index : with_tag(index, port, to);
      if (leaving != TagForms::kNoFrame) {
        egress.add(port, leaving);
        if (vlan != nullptr) {
          vlan->tx_frames.add(1);
          vlan->tx_bytes.add(frame(leaving).size);
        }
        return;
      }
      why = DropReason::kFormsFull;
    }
  } else if (to.gate == PortGate::kDown) {
    why = DropReason::kEgressDown;
  }
  counters_[port].drop(why);
  if (vlan != nullptr) vlan->drops.add(1);
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->copy_dropped(port, why);
}

/// The frame as a port of a VLAN-aware bridge sends it.
FrameIndex Relay::with_tag(FrameIndex index, PortIndex port, const PortState& to) noexcept {
  const Frame& frame = frames_[index];
  const std::uint16_t tpid = state_->bridge(to.bridge).vlans->tpid();
  const VlanTag wanted = egress_tag(vid_[index], priority_[index], *to.vlans, tpid);
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->leaves(port, tag_[index], wanted);
  return wanted == tag_[index] ? index : forms_.form_of(frame, index, tag_[index], wanted);
}

void Relay::drop(FrameIndex index, DropReason reason) noexcept {
  dropped_[index] = true;
  counters_[frames_[index].ingress].drop(reason);
  if (VlanCounters* counters = vlan_counters(index, frames_[index].ingress); counters != nullptr) [[unlikely]]
    counters->drops.add(1);
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->dropped(reason);
}

}  // namespace rb
