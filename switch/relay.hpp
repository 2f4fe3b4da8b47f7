// Relay: decides for a batch of frames by which ports each leaves (IEEE 802.1Q-2022 8.6).
//
// How it works. A frame's whole path is TapPort::arm / on_completion (ports/tap_port.cpp), Relay::process (here) and
// TapPort::transmit. process() takes the batch through six stages, each a plain loop over all frames or their stations:
//
//   parse_all    reads the addresses and the VLAN, and checks what the frame says of itself; only here octets are read.
//                What is the control thread's (BPDUs, loop probes) is taken out before VLANs have a say
//   admit_all    source address, reserved groups, port state, locked ports
//   prefetch_all tells the FDB which stations are going to be asked for, so that their cache misses overlap; of a run
//                of equal sources only the first
//   learn_all    enters sources in the FDB (8.7)
//   look_up_all  looks all unicast destinations up
//   decide_all   unicast to one port or flood; one predicate, may_deliver(), for every copy; the tag it leaves with
//
// Rules: nothing here allocates, locks, throws or logs. A stage marks a frame it drops and later stages skip it; each
// frame ends as exactly one of forwarded, flooded or dropped (counters.hpp), all of which is counted here but for
// punted frames: whoever takes them counts them. The state and the frames are only read,
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
#include "switch/tag_forms.hpp"
#include "switch/vlan_counters.hpp"

namespace rb {

struct EthernetHeader;
class Explainer;

/// A station that the batch made known, or that moved.
struct LearnEvent {
  FdbKey key;
  PortIndex port = kNoPort;
  PortIndex previous = kNoPort;  // kNoPort: it is new
};

class Relay {
 public:
  /// `counters` is indexed by port and written by this relay's worker alone, as is `vlan_counters`. All outlive the
  /// relay.
  Relay(Fdb& fdb, std::span<PortCounters> counters, VlanCounterTable& vlan_counters, Explainer* explainer = nullptr)
      : fdb_(fdb), counters_(counters), vlan_counters_(vlan_counters), explainer_(explainer) {}

  /// Adds to `egress` where each of at most kMaxBatch frames goes, and counts. Does not clear `egress`. What the last
  /// call's frame() gave must have been written.
  void process(std::span<const Frame> frames, const ForwardingState& state, std::uint32_t now_s,
               EgressLists& egress) noexcept;

  /// What the last process() learned.
  [[nodiscard]] std::span<const LearnEvent> learned() const noexcept { return {learned_.data(), learned_count_}; }
  /// Frames of the last process() that are the control thread's, in order; to be counted as kPunted, or under the
  /// reason why they cannot be handed over.
  [[nodiscard]] std::span<const FrameIndex> punted() const noexcept { return {punted_.data(), punted_count_}; }
  /// Has frame() and cast() give a frame of the switch's own as number 0, as if it had been decided where it leaves.
  void place(const Frame& frame, CastKind cast) noexcept {
    frames_ = {&frame, 1};
    cast_[0] = cast;
  }
  /// A frame of the last process() as it leaves, by what stands in the egress lists.
  [[nodiscard]] const Frame& frame(FrameIndex index) const noexcept {
    return index < kMaxBatch ? frames_[index] : forms_[index];
  }
  /// How it is addressed.
  [[nodiscard]] CastKind cast(FrameIndex index) const noexcept {
    return cast_[index < kMaxBatch ? index : forms_.origin(index)];
  }

 private:
  void parse_all() noexcept;
  void admit_all() noexcept;
  void prefetch_all() noexcept;
  void learn_all(std::uint32_t now_s) noexcept;
  void look_up_all() noexcept;
  void decide_all(EgressLists& egress) noexcept;

  [[nodiscard]] Fid enter_vlan(FrameIndex index, const PortState& port, const BridgeState& bridge) noexcept;
  void punt(FrameIndex index, const EthernetHeader& header) noexcept;
  void admit(FrameIndex index) noexcept;
  void keep_out(FrameIndex index) noexcept;
  [[nodiscard]] bool is_admissible(FrameIndex index, const PortState& port) noexcept;
  void send_to(FrameIndex index, PortIndex port, EgressLists& egress) noexcept;
  void flood(FrameIndex index, EgressLists& egress) noexcept;
  void copy_to(FrameIndex index, PortIndex port, EgressLists& egress) noexcept;
  [[nodiscard]] FrameIndex with_tag(FrameIndex index, PortIndex port, const PortState& to) noexcept;
  [[nodiscard]] VlanCounters* vlan_counters(FrameIndex index, PortIndex port) noexcept;
  void drop(FrameIndex index, DropReason reason) noexcept;

  Fdb& fdb_;
  std::span<PortCounters> counters_;
  VlanCounterTable& vlan_counters_;
  Explainer* explainer_;
  TagForms forms_;

  // The batch at hand.
  std::span<const Frame> frames_;
  const ForwardingState* state_ = nullptr;
  std::array<bool, kMaxBatch> dropped_;
  std::array<bool, kMaxBatch> learns_;
  std::array<CastKind, kMaxBatch> cast_;
  // kNoVid: the frame's bridge is not VLAN-aware, or the frame belongs to no VLAN of it.
  std::array<Vid, kMaxBatch> vid_;
  std::array<std::uint16_t, kMaxBatch> priority_;  // of frames with a VID, as classify() says
  std::array<VlanTag, kMaxBatch> tag_;
  std::array<FdbKey, kMaxBatch> source_;
  std::array<FdbKey, kMaxBatch> destination_;
  std::array<FdbHit, kMaxBatch> hit_;
  /// Stations that the FDB is asked about, of some frames of the batch, packed.
  struct Stations {
    std::size_t count = 0;
    std::array<FdbKey, kMaxBatch> keys;
    std::array<FdbHome, kMaxBatch> homes;
    std::array<FrameIndex, kMaxBatch> frames;

    void add(FdbKey key, std::size_t frame) noexcept {
      keys[count] = key;
      frames[count++] = static_cast<FrameIndex>(frame);
    }
    void prefetch(const Fdb& fdb) noexcept { fdb.prefetch({keys.data(), count}, {homes.data(), count}); }
  };
  Stations learners_;   // sources
  Stations looked_up_;  // unicast destinations
  std::array<FdbHit, kMaxBatch> look_up_hits_;
  std::array<LearnEvent, kMaxBatch> learned_;
  std::size_t learned_count_ = 0;
  std::array<FrameIndex, kMaxBatch> punted_;
  std::size_t punted_count_ = 0;
};

}  // namespace rb
