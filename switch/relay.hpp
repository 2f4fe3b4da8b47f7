// Relay: decides for a batch of frames by which ports each leaves (IEEE 802.1Q-2022 8.6, without VLAN awareness).
//
// How it works. A frame's whole path is TapPort::arm / on_completion (ports/tap_port.cpp), Relay::process (here) and
// TapPort::transmit. process() takes the batch through five stages, each a plain loop over all frames:
//
//   parse_all    reads the addresses and checks what the frame claims about itself; the only place that reads octets
//   admit_all    source address, reserved groups, port state, locked ports
//   learn_all    enters sources in the FDB (8.7); repeats within the batch are skipped
//   look_up_all  looks all unicast destinations up at once, so that their cache misses overlap
//   decide_all   unicast to one port or flood; one predicate, may_deliver(), for every copy
//
// Rules: nothing here allocates, locks, throws or logs. A stage marks a frame it drops and later stages skip it; each
// frame ends as exactly one of forwarded, flooded or dropped (counters.hpp). The state and the frames are only read,
// but for a frame's VnetHeader, which parse_all reduces to what holds of the frame.
// One Relay belongs to one worker. An Explainer, used by trace_frame alone, listens in and makes it learn nothing.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "switch/counters.hpp"
#include "switch/egress_lists.hpp"
#include "switch/fdb.hpp"
#include "switch/forwarding_state.hpp"
#include "switch/frame.hpp"

namespace rb {

class Explainer;

/// A station that the batch made known, or that moved.
struct LearnEvent {
  FdbKey key;
  PortIndex port = kNoPort;
  PortIndex previous = kNoPort;  // kNoPort: it is new
};

class Relay {
 public:
  /// `counters` is indexed by port and written by this relay's worker alone. Both outlive the relay.
  Relay(Fdb& fdb, std::span<PortCounters> counters, Explainer* explainer = nullptr) noexcept
      : fdb_(fdb), counters_(counters), explainer_(explainer) {}

  /// Adds to `egress` where each of at most kMaxBatch frames goes, and counts. Does not clear `egress`.
  void process(std::span<const Frame> frames, const ForwardingState& state, std::uint32_t now_s,
               EgressLists& egress) noexcept;

  /// What the last process() learned.
  [[nodiscard]] std::span<const LearnEvent> learned() const noexcept { return {learned_.data(), learned_count_}; }
  /// How the frames of the last process() are addressed, by their place in the batch.
  [[nodiscard]] CastKind cast(FrameIndex index) const noexcept { return cast_[index]; }

 private:
  void parse_all() noexcept;
  void admit_all() noexcept;
  void learn_all(std::uint32_t now_s) noexcept;
  void look_up_all() noexcept;
  void decide_all(EgressLists& egress) noexcept;

  void admit(FrameIndex index) noexcept;
  void send_to(FrameIndex index, PortIndex port, EgressLists& egress) noexcept;
  void flood(FrameIndex index, EgressLists& egress) noexcept;
  void copy_to(FrameIndex index, PortIndex port, EgressLists& egress) noexcept;
  void drop(FrameIndex index, DropReason reason) noexcept;

  Fdb& fdb_;
  std::span<PortCounters> counters_;
  Explainer* explainer_;

  // The batch at hand.
  std::span<const Frame> frames_;
  const ForwardingState* state_ = nullptr;
  std::array<bool, kMaxBatch> dropped_;
  std::array<bool, kMaxBatch> learns_;
  std::array<CastKind, kMaxBatch> cast_;
  std::array<FdbKey, kMaxBatch> source_;
  std::array<FdbKey, kMaxBatch> destination_;
  std::array<FdbHit, kMaxBatch> hit_;
  // Unicast destinations, packed for the FDB.
  std::array<FdbKey, kMaxBatch> look_up_keys_;
  std::array<FdbHit, kMaxBatch> look_up_hits_;
  std::array<FrameIndex, kMaxBatch> look_up_frames_;
  std::array<LearnEvent, kMaxBatch> learned_;
  std::size_t learned_count_ = 0;
};

}  // namespace rb
