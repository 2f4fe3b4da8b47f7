// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/relay.hpp"

#include <bit>
#include <cassert>
#include <cstring>

#include "switch/classify.hpp"
#include "switch/explainer.hpp"
#include "switch/loop_probe.hpp"
#include "switch/parse.hpp"
#include "switch/stages.hpp"

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
  begin(frames, state);
  parse_all(egress);
  decide(now_s, egress);
  count_refused(egress);
}

void Relay::resume(std::span<const Frame> frames, std::span<const HeldAt> at, const ForwardingState& state,
                   std::uint32_t now_s, EgressLists& egress) noexcept {
  assert(frames.size() <= kMaxBatch && frames.size() == at.size());
  begin(frames, state);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (at[i].egress) continue;
    parse_staged(i, i + 1, state.port(at[i].port).stages.ingress_after(at[i].stage), egress);
  }
  decide(now_s, egress);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (at[i].egress) resume_copy(static_cast<FrameIndex>(i), at[i], egress);
  }
  count_refused(egress);
}

/// Counts the copies for which the lists of their ports were full.
void Relay::count_refused(EgressLists& egress) noexcept {
  egress.take_refused(
      [this](PortIndex port, std::uint32_t count) { counters_[port].drop(DropReason::kEgressFull, count); });
}

void Relay::begin(std::span<const Frame> frames, const ForwardingState& state) noexcept {
  frames_ = frames;
  state_ = &state;
  run_count_ = learned_count_ = punted_count_ = punt_copy_count_ = 0;
  forms_.clear();
  if (stages_ != nullptr) stages_->begin_batch();
}

void Relay::decide(std::uint32_t now_s, EgressLists& egress) noexcept {
  admit_all();
  prefetch_all();
  learn_all(now_s);
  look_up_all();
  decide_all(egress);
}

void Relay::parse_all(EgressLists& egress) noexcept {
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
      if (port->stages.ingress != 0) [[unlikely]] {
        i = parse_staged_port(i, egress) - 1;
        port = nullptr;
        continue;
      }
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

/// Parses the frames that follow each other from `first` on and come from the same port, which has stages; returns
/// their end. Not inline: the loop of parse_all() needs the registers.
[[gnu::noinline, gnu::cold]] std::size_t Relay::parse_staged_port(std::size_t first, EgressLists& egress) noexcept {
  assert(stages_ != nullptr);
  const PortIndex ingress = frames_[first].ingress;
  std::size_t end = first + 1;
  while (end < frames_.size() && frames_[end].ingress == ingress) ++end;
  parse_staged(first, end, state_->port(ingress).stages.ingress, egress);
  return end;
}

/// parse_all() for frames of one port that stages judge first. A frame that ends at a stage also ends its run.
[[gnu::noinline]] void Relay::parse_staged(std::size_t first, std::size_t end, std::uint16_t stages,
                                           EgressLists& egress) noexcept {
  const PortState& port = state_->port(frames_[first].ingress);
  StageFrames* const judged = &stages_->frames();
  judged->begin(frames_[first].ingress, port);
  for (std::size_t i = first; i < end; ++i) {
    const Frame& frame = frames_[i];
    if (const std::optional<DropReason> refused = check_frame(frame, port.trust)) {
      refuse(frame, CastKind::kUnicast, *refused);
      continue;
    }
    const EthernetHeader header = parse_ethernet(frame);
    cast_[i] = cast_of(header.destination);
    if (explainer_ != nullptr) [[unlikely]]
      explainer_->parsed(frame, header.source.address(), header.destination.address(), cast_[i]);
    const bool for_control = cast_[i] == CastKind::kMulticast && port.bridge != kNoBridge &&
                             punt_kind_of(frame, header.destination, state_->bridge(port.bridge));
    judged->add(frame, static_cast<FrameIndex>(i), for_control);
  }
  stages_->judge_ingress(stages, explainer_);
  Run* run = nullptr;
  HeaderOctets last = HeaderOctets::none();
  for (std::size_t place = 0; place < judged->count(); ++place) {
    const FrameIndex i = judged->index(place);
    const Frame& frame = frames_[i];
    if (ends_at_stage(place, egress)) {
      last = HeaderOctets::none();
      continue;
    }
    const HeaderOctets octets = HeaderOctets::of(frame);
    // Frames of a run follow each other.
    if (octets != last || run->first + run->count != i || !has_tag(frame, run->tag)) {
      last = HeaderOctets::none();
      run = begin_run(i, port);
      if (run == nullptr) continue;
      if (run->destination.mac_number() != kLoopProbeGroup) last = octets;
    }
    run->octets += frame.size;
    ++run->count;
  }
}

/// Carries out the verdict on a frame at ingress; returns true when the frame does not go on.
bool Relay::ends_at_stage(std::size_t place, EgressLists& egress) noexcept {
  const StageFrames& judged = stages_->frames();
  const Verdict& verdict = judged.verdict(place);
  const FrameIndex i = judged.index(place);
  make_copies(place, egress);
  if (verdict.kind == Verdict::Kind::kDrop) {
    refuse(frames_[i], cast_[i], verdict.reason);
    return true;
  }
  if (verdict.kind == Verdict::Kind::kPass) return false;
  if (explainer_ != nullptr) {
    explainer_->held(judged.port(), verdict.until_ns - judged.now_ns());
    return false;
  }
  // A held frame is counted as received when it goes on.
  if (!stages_->held().hold(frames_[i], {.port = judged.port(), .stage = verdict.held_by, .cast = cast_[i]},
                            verdict.until_ns))
    refuse(frames_[i], cast_[i], DropReason::kHoldFull);
  return true;
}

/// Gives the control thread and a port the copies that a verdict asks for.
void Relay::make_copies(std::size_t place, EgressLists& egress) noexcept {
  const StageFrames& judged = stages_->frames();
  const Verdict& verdict = judged.verdict(place);
  if (explainer_ != nullptr) return;
  for (unsigned copies = verdict.control_copies; copies != 0; copies &= copies - 1) {
    if (punt_copy_count_ == kMaxPuntCopies) {
      counters_[judged.port()].punt_copies_lost.add(1);
      continue;
    }
    ++punt_copy_count_;
    punted_[punted_count_++] = {.frame = judged.index(place),
                                .port = judged.port(),
                                .kind = static_cast<PuntKind>(std::countr_zero(copies)),
                                .ends = false};
  }
  if (verdict.copy_to != kNoPort) mirror(judged.index(place), verdict.copy_to, egress);
}

/// Gives a port a copy of a frame as it is. The copy passes no stage.
void Relay::mirror(FrameIndex index, PortIndex port, EgressLists& egress) noexcept {
  const PortState& to = state_->port(port);
  counters_[port].copies.add(1);
  if (to.gate == PortGate::kDown) return counters_[port].drop(DropReason::kEgressDown);
  if (!fits_mtu(frame(index), kUntagged, to)) return counters_[port].drop(DropReason::kOverMtu);
  egress.add(port, index);
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
  if (!to.plain_egress) [[unlikely]]
    return copy_staged(run, port, to, egress);
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

/// The same of a port that does not forward, or has stages at egress.
[[gnu::noinline]] void Relay::copy_staged(const Run& run, PortIndex port, const PortState& to,
                                          EgressLists& egress) noexcept {
  if (to.gate != PortGate::kForwarding)
    return drop_copies(run, port, to.gate == PortGate::kDown ? DropReason::kEgressDown : DropReason::kEgressBlocked,
                       run.count);
  const VlanTag wanted = run.vid == kNoVid
                             ? run.tag
                             : egress_tag(run.vid, run.priority, *to.vlans, state_->bridge(to.bridge).vlans->tpid());
  StageFrames& judged = stages_->frames();
  judged.begin(port, to);
  const std::size_t end = run.first + run.count;
  for (std::size_t i = run.first; i < end; ++i) {
    const auto index = static_cast<FrameIndex>(i);
    if (!fits_mtu(frames_[i], run.tag, to)) {
      drop_copy(port, run.vid, DropReason::kOverMtu);
      continue;
    }
    if (explainer_ != nullptr && run.vid != kNoVid) explainer_->leaves(port, run.tag, wanted);
    const FrameIndex leaving = wanted == run.tag ? index : forms_.form_of(frames_[i], index, run.tag, wanted);
    if (leaving == TagForms::kNoFrame) {
      drop_copy(port, run.vid, DropReason::kFormsFull);
    } else {
      judged.add(frame(leaving), leaving, false);
    }
  }
  stages_->judge_egress(to.stages.egress, explainer_);
  for (std::size_t place = 0; place < judged.count(); ++place) {
    make_copies(place, egress);
    const HeldAt at{.port = port, .egress = true, .cast = run.cast, .vid = run.vid};
    if (!ends_copy_at_stage(place, at)) deliver(judged.index(place), port, run.vid, egress);
  }
}

/// Carries out the verdict on a copy; returns true when the copy does not leave now.
bool Relay::ends_copy_at_stage(std::size_t place, const HeldAt& at) noexcept {
  const StageFrames& judged = stages_->frames();
  const Verdict& verdict = judged.verdict(place);
  if (verdict.kind == Verdict::Kind::kPass) return false;
  if (verdict.kind == Verdict::Kind::kDrop) {
    drop_copy(at.port, at.vid, verdict.reason);
    return true;
  }
  if (explainer_ != nullptr) {
    explainer_->held(at.port, verdict.until_ns - judged.now_ns());
    return false;
  }
  HeldAt held = at;
  held.stage = verdict.held_by;
  if (stages_->held().hold(judged[place], held, verdict.until_ns)) {
    counters_[at.port].copies.subtract(1);  // counted again when it goes on
  } else {
    drop_copy(at.port, at.vid, DropReason::kEgressHoldFull);
  }
  return true;
}

/// A copy that a stage at egress has held goes on.
void Relay::resume_copy(FrameIndex index, const HeldAt& at, EgressLists& egress) noexcept {
  const PortState& to = state_->port(at.port);
  cast_[index] = at.cast;
  counters_[at.port].copies.add(1);
  if (to.gate != PortGate::kForwarding)
    return drop_copy(at.port, at.vid,
                     to.gate == PortGate::kDown ? DropReason::kEgressDown : DropReason::kEgressBlocked);
  StageFrames& judged = stages_->frames();
  judged.begin(at.port, to);
  judged.add(frames_[index], index, false);
  stages_->judge_egress(to.stages.egress_after(at.stage), explainer_);
  make_copies(0, egress);
  if (!ends_copy_at_stage(0, at)) deliver(index, at.port, at.vid, egress);
}

/// Adds a copy to the list of a port, and counts the copy in its VLAN.
void Relay::deliver(FrameIndex index, PortIndex port, Vid vid, EgressLists& egress) noexcept {
  if (egress.is_full(port)) return drop_copy(port, vid, DropReason::kEgressFull);
  egress.add(port, index);
  VlanCounters* const vlan = vid == kNoVid ? nullptr : vlan_counters_.find(port, vid);
  if (vlan == nullptr) return;
  vlan->tx_frames.add(1);
  vlan->tx_bytes.add(frame(index).size);
}

void Relay::drop_copy(PortIndex port, Vid vid, DropReason reason) noexcept {
  counters_[port].drop(reason);
  if (VlanCounters* vlan = vid == kNoVid ? nullptr : vlan_counters_.find(port, vid); vlan != nullptr)
    vlan->drops.add(1);
  if (explainer_ != nullptr) explainer_->copy_dropped(port, reason);
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
