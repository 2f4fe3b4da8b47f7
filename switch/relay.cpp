// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/relay.hpp"

#include <cassert>
#include <cstring>

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

/// Says as what a frame to a group ends at the control thread; nullopt: the frame is ordinary traffic.
std::optional<PuntKind> punt_kind_of(const Frame& frame, MacNumber destination, const BridgeState& bridge) noexcept {
  if (destination.is_reserved_group() && destination.last_digit() == 0) {
    if (bridge.stp) return PuntKind::kBpdu;
  } else if (destination == kLoopProbeGroup && bridge.probe_sender &&
             is_loop_probe_of(*bridge.probe_sender, {frame.pieces[0].data, frame.pieces[0].size})) {
    return PuntKind::kLoopProbe;
  }
  return std::nullopt;
}

/// The addresses and the type of a frame, to be compared.
struct HeaderOctets {
  std::uint64_t first = 0, last = 0;  // eight octets each, two of which are the same

  bool operator==(const HeaderOctets&) const = default;
  /// No frame's: those two differ.
  [[nodiscard]] static HeaderOctets none() noexcept { return {.first = 0, .last = 1}; }
  /// Of a frame that check_frame() let pass.
  [[nodiscard]] static HeaderOctets of(const Frame& frame) noexcept {
    static_assert(kEthernetHeaderSize == 6 + sizeof last);
    HeaderOctets octets;
    std::memcpy(&octets.first, frame.pieces[0].data, sizeof octets.first);
    std::memcpy(&octets.last, frame.pieces[0].data + 6, sizeof octets.last);
    return octets;
  }
};

/// Whether a frame whose type is that of a frame with `tag` has that one, too.
bool has_tag(const Frame& frame, VlanTag tag) noexcept {
  if (tag == kUntagged) return true;
  return frame.pieces[0].size >= kEthernetHeaderSize + kVlanTagSize &&
         load16(frame.pieces[0].data + kEthernetHeaderSize) == (tag & 0xffff);
}

}  // namespace

static_assert(kMaxBatch <= Fdb::kMaxLookUps);

// always_inline: what has one or two callers and is called for every run or copy; as functions of their own they took a
// tenth of the instructions of a frame that is a run of its own, and a quarter of those of a flooded copy.

void Relay::process(std::span<const Frame> frames, const ForwardingState& state, std::uint32_t now_s,
                    EgressLists& egress) noexcept {
  assert(frames.size() <= kMaxBatch);
  frames_ = frames;
  state_ = &state;
  run_count_ = learned_count_ = punted_count_ = 0;
  forms_.clear();
  parse_all();
  admit_all();
  prefetch_all();
  learn_all(now_s);
  look_up_all();
  decide_all(egress);
  egress.take_refused(
      [this](PortIndex port, std::uint32_t count) { counters_[port].drop(DropReason::kEgressFull, count); });
}

void Relay::parse_all() noexcept {
  Run* run = nullptr;
  HeaderOctets last = HeaderOctets::none();  // of the run that goes on, if one does
  const PortState* port = nullptr;
  PortIndex ingress = kNoPort;
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    const Frame& frame = frames_[i];
    if (port == nullptr || frame.ingress != ingress) {
      ingress = frame.ingress;
      port = &state_->port(ingress);
      last = HeaderOctets::none();
    }
    if (const std::optional<DropReason> refused = check_frame(frame, port->trust)) {
      refuse(frame, CastKind::kUnicast, *refused);
      last = HeaderOctets::none();
      continue;
    }
    const HeaderOctets octets = HeaderOctets::of(frame);
    if (octets != last || !has_tag(frame, run->tag)) {
      last = HeaderOctets::none();
      run = begin_run(static_cast<FrameIndex>(i), *port);
      if (run == nullptr) continue;
      // Whose a loop probe is stands behind its header: each is looked at.
      if (run->destination.mac_number() != kLoopProbeGroup) last = octets;
    }
    cast_[i] = run->cast;
    run->octets += frame.size;
    ++run->count;
  }
}

/// Begins a run with a frame; null when that has been dropped, or punted.
[[gnu::always_inline]] inline Relay::Run* Relay::begin_run(FrameIndex first, const PortState& port) noexcept {
  const Frame& frame = frames_[first];
  const EthernetHeader header = parse_ethernet(frame);
  const CastKind cast = cast_of(header.destination);
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->parsed(frame, header.source.address(), header.destination.address(), cast);
  Run& run = runs_[run_count_];
  run.tag = kUntagged;
  run.octets = 0;
  run.vid = kNoVid;
  run.priority = 0;
  run.ingress = frame.ingress;
  run.first = first;
  run.count = 0;
  run.cast = cast;
  run.dropped = run.learns = false;
  Fid fid = 0;
  if (port.bridge != kNoBridge) [[likely]] {
    const BridgeState& bridge = state_->bridge(port.bridge);
    if (cast == CastKind::kMulticast) [[unlikely]] {
      if (const std::optional<PuntKind> kind = punt_kind_of(frame, header.destination, bridge)) {
        punt(run, *kind, header, port, bridge);
        return nullptr;
      }
    }
    fid = bridge.fid;
    if (bridge.vlans != nullptr) {
      if (const std::optional<DropReason> refused = enter_vlan(run, port, *bridge.vlans)) {
        refuse(frame, cast, *refused);
        return nullptr;
      }
      fid = bridge.vlans->fid(run.vid);
    }
  }
  run.source = FdbKey::of(header.source, fid);
  run.destination = FdbKey::of(header.destination, fid);
  ++run_count_;
  return &run;
}

/// Finds the VLAN of a run; why it has none.
std::optional<DropReason> Relay::enter_vlan(Run& run, const PortState& port, const BridgeVlans& vlans) noexcept {
  const Classified found = classify(frames_[run.first], *port.vlans, vlans.tpid());
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->classified(found, *port.vlans, run.ingress);
  run.tag = found.tag;
  run.vid = found.vid;
  run.priority = found.priority;
  return found.refused;
}

/// Takes out a frame that ends at the control thread. Later stages only count the frame and learn its source.
[[gnu::noinline]] void Relay::punt(Run& run, PuntKind kind, const EthernetHeader& header, const PortState& port,
                                   const BridgeState& bridge) noexcept {
  run.octets = frames_[run.first].size;
  run.count = 1;
  ++run_count_;
  if (port.gate == PortGate::kDown) return drop(run, DropReason::kIngressDown);
  if (header.source.is_group() || header.source.is_zero()) return drop(run, DropReason::kInvalidSource);
  const bool bpdu = kind == PuntKind::kBpdu;
  if (bpdu && port.bpdu_filter) {
    if (explainer_ != nullptr) [[unlikely]]
      explainer_->filters_bpdus(run.ingress);
    return drop(run, DropReason::kBpduFiltered);
  }
  run.dropped = true;
  punted_[punted_count_++] = {.frame = run.first, .port = run.ingress, .kind = kind, .ends = true};
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->punted(kind);
  // As the kernel's bridge (br_handle_local_finish): a BPDU says where its sender is, in a VLAN that it may be in.
  // A probe that has come back would say that of ourselves.
  if (!bpdu || port.gate == PortGate::kDiscarding || port.locked) return;
  Fid fid = bridge.fid;
  if (bridge.vlans != nullptr) {
    const Classified found = classify(frames_[run.first], *port.vlans, bridge.vlans->tpid());
    if (found.refused) return;
    fid = bridge.vlans->fid(found.vid);
  }
  run.source = FdbKey::of(header.source, fid);
  run.learns = true;
}

VlanCounters* Relay::vlan_counters(const Run& run, PortIndex port) noexcept {
  return run.vid == kNoVid ? nullptr : vlan_counters_.find(port, run.vid);
}

void Relay::admit_all() noexcept {
  for (std::size_t i = 0; i < run_count_; ++i) {
    Run& run = runs_[i];
    PortCounters::Traffic& rx = counters_[run.ingress].rx[static_cast<std::size_t>(run.cast)];
    rx.frames.add(run.count);
    rx.bytes.add(run.octets);
    if (VlanCounters* counters = vlan_counters(run, run.ingress); counters != nullptr) {
      counters->rx_frames.add(run.count);
      counters->rx_bytes.add(run.octets);
    }
    if (!run.dropped) admit(run);
  }
}

[[gnu::always_inline]] inline void Relay::admit(Run& run) noexcept {
  const PortState& port = state_->port(run.ingress);
  if (port.bridge == kNoBridge || port.gate != PortGate::kForwarding) [[unlikely]]
    return keep_out(run, port);
  if (!is_admissible(run, port)) return;
  run.learns = true;
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->admitted(frames_[run.first]);
}

/// What a port receives that does not forward.
[[gnu::noinline]] void Relay::keep_out(Run& run, const PortState& port) noexcept {
  if (port.bridge == kNoBridge || port.gate == PortGate::kDown) return drop(run, DropReason::kIngressDown);
  if (port.gate == PortGate::kLearning) {
    if (!is_admissible(run, port)) return;
    run.learns = true;
  }
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->blocked(run.ingress, port.gate);
  drop(run, DropReason::kBlocked);
}

/// Whether the frames' addresses let them in; else they are dropped.
[[gnu::always_inline]] inline bool Relay::is_admissible(Run& run, const PortState& port) noexcept {
  const MacNumber source = run.source.mac_number();
  if (source.is_group() || source.is_zero()) {
    drop(run, DropReason::kInvalidSource);
    return false;
  }
  if (run.cast == CastKind::kMulticast) {
    const MacNumber destination = run.destination.mac_number();
    if (destination.is_reserved_group()) {
      const unsigned last_digit = destination.last_digit();
      // -00 is flooded: where a spanning tree runs it does not come here. The mask never holds -01 (802.3x pause).
      const std::uint16_t mask = state_->bridge(port.bridge).group_fwd_mask | std::uint16_t{1};
      if ((mask >> last_digit & 1) == 0) {
        // As the kernel's bridge: a control frame that stays here still says where its sender is; a pause frame does
        // not.
        run.learns = last_digit != 1 && !port.locked;
        drop(run, DropReason::kReservedGroup);
        return false;
      }
      if (explainer_ != nullptr) [[unlikely]]
        explainer_->reserved_group_forwarded(last_digit, mask);
    }
  }
  if (port.locked) [[unlikely]] {
    FdbHit known;
    fdb_.look_up({&run.source, 1}, {&known, 1});
    if (!known.found() || known.port != run.ingress) {
      drop(run, DropReason::kLocked);
      return false;
    }
  }
  return true;
}

void Relay::prefetch_all() noexcept {
  learners_.count = looked_up_.count = 0;
  for (std::size_t i = 0; i < run_count_; ++i) {
    Run& run = runs_[i];
    if (!run.dropped && run.cast == CastKind::kUnicast) {
      run.looked_up = static_cast<std::uint16_t>(looked_up_.count);
      looked_up_.add(run.destination, run.ingress);
    }
    if (run.learns && !learners_.ends_with(run.source, run.ingress)) learners_.add(run.source, run.ingress);
  }
  learners_.prefetch(fdb_);
  looked_up_.prefetch(fdb_);
}

void Relay::learn_all(std::uint32_t now_s) noexcept {
  for (std::size_t i = 0; i < learners_.count; ++i) {
    const FdbKey source = learners_.keys[i];
    const PortIndex ingress = learners_.ports[i];
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
  fdb_.look_up({looked_up_.keys.data(), count}, {looked_up_.homes.data(), count}, {hits_.data(), count});
}

void Relay::decide_all(EgressLists& egress) noexcept {
  for (std::size_t i = 0; i < run_count_; ++i) {
    Run& run = runs_[i];
    if (run.dropped) continue;
    if (run.cast == CastKind::kUnicast) {
      const FdbHit& hit = hits_[run.looked_up];
      if (explainer_ != nullptr) [[unlikely]]
        explainer_->looked_up(run.destination, hit);
      if (hit.found()) {
        send_to(run, hit.port, egress);
        continue;
      }
    }
    flood(run, egress);
  }
}

[[gnu::always_inline]] inline void Relay::send_to(Run& run, PortIndex port, EgressLists& egress) noexcept {
  DropReason why{};
  if (!may_deliver(run.ingress, state_->port(run.ingress), port, state_->port(port), run.vid, why))
    return drop(run, why);
  counters_[run.ingress].forwarded.add(run.count);
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->sends(port, port == run.ingress);
  copy_to(run, port, egress);
}

void Relay::flood(Run& run, EgressLists& egress) noexcept {
  const PortState& from = state_->port(run.ingress);
  const Vid vid = run.vid;
  const std::span<const PortIndex> ports = vid != kNoVid ? state_->bridge(from.bridge).vlans->members(vid)
                                           : run.cast == CastKind::kUnicast   ? state_->unicast_flood(from.bridge)
                                           : run.cast == CastKind::kMulticast ? state_->multicast_flood(from.bridge)
                                                                              : state_->broadcast_flood(from.bridge);
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->floods(run.cast, vid, ports.size());
  bool anybody = false;
  for (const PortIndex port : ports) {
    const PortState& to = state_->port(port);
    if (vid != kNoVid && !takes_flood(to, run.cast)) continue;
    DropReason why{};
    if (!may_deliver(run.ingress, from, port, to, vid, why)) {
      if (explainer_ != nullptr) [[unlikely]]
        explainer_->skips(port, why);
      continue;
    }
    anybody = true;
    copy_to(run, port, egress);
  }
  if (!anybody) return drop(run, DropReason::kNoEgress);
  counters_[run.ingress].flooded.add(run.count);
}

[[gnu::always_inline]] inline void Relay::copy_to(const Run& run, PortIndex port, EgressLists& egress) noexcept {
  const PortState& to = state_->port(port);
  counters_[port].copies.add(run.count);
  if (to.gate != PortGate::kForwarding) [[unlikely]]
    return drop_copies(run, port, to.gate == PortGate::kDown ? DropReason::kEgressDown : DropReason::kEgressBlocked,
                       run.count);
  if (run.vid != kNoVid) return copy_in_vlan(run, port, to, egress);
  const std::size_t end = run.first + run.count;
  for (std::size_t i = run.first; i < end; ++i) {
    if (fits_mtu(frames_[i], kUntagged, to)) [[likely]] {
      egress.add(port, static_cast<FrameIndex>(i));
    } else {
      drop_copies(run, port, DropReason::kOverMtu, 1);
    }
  }
}

/// The same of a VLAN-aware bridge, whose ports send frames with a tag of their own or without one.
void Relay::copy_in_vlan(const Run& run, PortIndex port, const PortState& to, EgressLists& egress) noexcept {
  const VlanTag wanted = egress_tag(run.vid, run.priority, *to.vlans, state_->bridge(to.bridge).vlans->tpid());
  VlanCounters* vlan = vlan_counters(run, port);
  const std::size_t end = run.first + run.count;
  for (std::size_t i = run.first; i < end; ++i) {
    const auto index = static_cast<FrameIndex>(i);
    if (!fits_mtu(frames_[i], run.tag, to)) {
      drop_copies(run, port, DropReason::kOverMtu, 1);
      continue;
    }
    if (explainer_ != nullptr) [[unlikely]]
      explainer_->leaves(port, run.tag, wanted);
    if (egress.is_full(port)) [[unlikely]] {
      drop_copies(run, port, DropReason::kEgressFull, 1);
      continue;
    }
    const FrameIndex leaving = wanted == run.tag ? index : forms_.form_of(frames_[i], index, run.tag, wanted);
    if (leaving == TagForms::kNoFrame) {
      drop_copies(run, port, DropReason::kFormsFull, 1);
      continue;
    }
    egress.add(port, leaving);
    if (vlan == nullptr) continue;
    vlan->tx_frames.add(1);
    vlan->tx_bytes.add(frame(leaving).size);
  }
}

[[gnu::noinline]] void Relay::drop_copies(const Run& run, PortIndex port, DropReason reason,
                                          std::uint64_t count) noexcept {
  counters_[port].drop(reason, count);
  if (VlanCounters* vlan = vlan_counters(run, port); vlan != nullptr) vlan->drops.add(count);
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->copy_dropped(port, reason);
}

void Relay::drop(Run& run, DropReason reason) noexcept {
  run.dropped = true;
  counters_[run.ingress].drop(reason, run.count);
  if (VlanCounters* counters = vlan_counters(run, run.ingress); counters != nullptr) [[unlikely]]
    counters->drops.add(run.count);
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->dropped(reason);
}

/// Counts a frame that becomes part of no run.
void Relay::refuse(const Frame& frame, CastKind cast, DropReason reason) noexcept {
  PortCounters& counters = counters_[frame.ingress];
  counters.rx[static_cast<std::size_t>(cast)].frames.add(1);
  counters.rx[static_cast<std::size_t>(cast)].bytes.add(frame.size);
  counters.drop(reason);
  if (explainer_ != nullptr) [[unlikely]]
    explainer_->dropped(reason);
}

}  // namespace rb
