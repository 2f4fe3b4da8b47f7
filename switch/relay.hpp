// SPDX-License-Identifier: GPL-2.0-or-later
// Relay: decides for a batch of frames by which ports each leaves (IEEE 802.1Q-2022 8.6).
//
// How it works. A frame's whole path is TapPort::arm / on_completion (ports/tap/tap_port.cpp), Relay::process (here)
// and TapPort::transmit. Frames come in runs: one behind the other from one port to one station. So the batch is cut
// into runs, and what does not depend on a frame's size is decided for those, in six stages, each a plain loop:
//
//   parse_all    reads the addresses and the VLAN, and checks what each frame says of itself; only here octets are
//                read. What is the control thread's (BPDUs, loop probes) is taken out before VLANs have a say
//   admit_all    source address, reserved groups, port state, locked ports
//   prefetch_all tells the FDB which stations are going to be asked for, so that their cache misses overlap
//   learn_all    enters sources in the FDB (8.7)
//   look_up_all  looks all unicast destinations up
//   decide_all   unicast to one port or flood; one predicate, may_deliver(), for all copies; the tag they leave with
//
// Rules: nothing here allocates, locks, throws or logs. A stage marks a run it drops and later stages skip it; each
// frame ends as exactly one of forwarded, flooded or dropped (counters.hpp), all of which is counted here but for
// punted frames: whoever takes them counts them. The state and the frames are only read,
// but for a frame's VnetHeader, which parse_all reduces to what holds of the frame.
// One Relay belongs to one worker. An Explainer, used by trace_frame alone, listens in and makes it learn nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "switch/counters.hpp"
#include "switch/egress_lists.hpp"
#include "switch/fdb.hpp"
#include "switch/forwarding_state.hpp"
#include "switch/frame.hpp"
#include "switch/punt.hpp"
#include "switch/tag_forms.hpp"
#include "switch/vlan_counters.hpp"

namespace rb {

struct EthernetHeader;
class Explainer;
class Stages;
struct HeldAt;

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
  /// `stages` may be null where no port of any state has stages.
  Relay(Fdb& fdb, std::span<PortCounters> counters, VlanCounterTable& vlan_counters, Stages* stages = nullptr,
        Explainer* explainer = nullptr)
      : fdb_(fdb), counters_(counters), vlan_counters_(vlan_counters), stages_(stages), explainer_(explainer) {}

  /// Adds to `egress` where each of at most kMaxBatch frames goes, and counts. Does not clear `egress`. What the last
  /// call's frame() gave must have been written.
  void process(std::span<const Frame> frames, const ForwardingState& state, std::uint32_t now_s,
               EgressLists& egress) noexcept;

  /// The same of frames that stages have held: each goes on behind the stage that held it. `at` is of each frame.
  void resume(std::span<const Frame> frames, std::span<const HeldAt> at, const ForwardingState& state,
              std::uint32_t now_s, EgressLists& egress) noexcept;

  /// What the last process() learned.
  [[nodiscard]] std::span<const LearnEvent> learned() const noexcept { return {learned_.data(), learned_count_}; }
  /// Frames of the last process() for the control thread, in order. Whoever takes them counts them, as punt.hpp says.
  [[nodiscard]] std::span<const Punt> punted() const noexcept { return {punted_.data(), punted_count_}; }
  /// Makes frame(i) and cast(i) return these frames, as if a batch of them had been decided: a frame that the switch
  /// itself sends. At most kMaxBatch.
  void place(std::span<const Frame> frames, CastKind cast) noexcept {
    frames_ = frames;
    std::fill_n(cast_.begin(), frames.size(), cast);
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
  /// Frames one behind the other that have the same port, addresses, type and tag.
  struct Run {
    FdbKey source;
    FdbKey destination;
    VlanTag tag;             // the bridge's own tag, as they came
    std::uint32_t octets;    // of all frames
    Vid vid;                 // kNoVid: the bridge is not VLAN-aware, or the frames belong to no VLAN of it
    std::uint16_t priority;  // of those with a VID, as classify() says
    PortIndex ingress;
    FrameIndex first;
    std::uint16_t count;
    std::uint16_t looked_up;  // of a unicast run that is not dropped: its place in looked_up_ and hits_
    CastKind cast;
    bool dropped;
    bool learns;
  };

  void begin(std::span<const Frame> frames, const ForwardingState& state) noexcept;
  void count_refused(EgressLists& egress) noexcept;
  void decide(std::uint32_t now_s, EgressLists& egress) noexcept;
  void parse_all(EgressLists& egress) noexcept;
  [[nodiscard]] std::size_t parse_staged_port(std::size_t first, EgressLists& egress) noexcept;
  void parse_staged(std::size_t first, std::size_t end, std::uint16_t stages, EgressLists& egress) noexcept;
  [[nodiscard]] bool ends_at_stage(std::size_t place, EgressLists& egress) noexcept;
  [[nodiscard]] bool ends_copy_at_stage(std::size_t place, const HeldAt& at) noexcept;
  void make_copies(std::size_t place, EgressLists& egress) noexcept;
  void mirror(FrameIndex index, PortIndex port, EgressLists& egress) noexcept;
  void copy_staged(const Run& run, PortIndex port, const PortState& to, EgressLists& egress) noexcept;
  void resume_copy(FrameIndex index, const HeldAt& at, EgressLists& egress) noexcept;
  void deliver(FrameIndex index, PortIndex port, Vid vid, EgressLists& egress) noexcept;
  void drop_copy(PortIndex port, Vid vid, DropReason reason) noexcept;
  void admit_all() noexcept;
  void prefetch_all() noexcept;
  void learn_all(std::uint32_t now_s) noexcept;
  void look_up_all() noexcept;
  void decide_all(EgressLists& egress) noexcept;

  [[nodiscard]] Run* begin_run(FrameIndex first, const PortState& port) noexcept;
  [[nodiscard]] std::optional<DropReason> enter_vlan(Run& run, const PortState& port,
                                                     const BridgeVlans& vlans) noexcept;
  void punt(Run& run, PuntKind kind, const EthernetHeader& header, const PortState& port,
            const BridgeState& bridge) noexcept;
  void admit(Run& run) noexcept;
  void keep_out(Run& run, const PortState& port) noexcept;
  [[nodiscard]] bool is_admissible(Run& run, const PortState& port) noexcept;
  void send_to(Run& run, PortIndex port, EgressLists& egress) noexcept;
  void flood(Run& run, EgressLists& egress) noexcept;
  void copy_to(const Run& run, PortIndex port, EgressLists& egress) noexcept;
  void copy_in_vlan(const Run& run, PortIndex port, const PortState& to, EgressLists& egress) noexcept;
  void drop_copies(const Run& run, PortIndex port, DropReason reason, std::uint64_t count) noexcept;
  [[nodiscard]] VlanCounters* vlan_counters(const Run& run, PortIndex port) noexcept;
  void drop(Run& run, DropReason reason) noexcept;
  void refuse(const Frame& frame, CastKind cast, DropReason reason) noexcept;

  Fdb& fdb_;
  std::span<PortCounters> counters_;
  VlanCounterTable& vlan_counters_;
  Stages* stages_;
  Explainer* explainer_;
  TagForms forms_;

  // The batch at hand.
  std::span<const Frame> frames_;
  const ForwardingState* state_ = nullptr;
  std::array<CastKind, kMaxBatch> cast_;  // of each frame
  std::array<Run, kMaxBatch> runs_;
  std::size_t run_count_ = 0;
  /// Stations that the FDB is asked about, packed.
  struct Stations {
    std::size_t count = 0;
    std::array<FdbKey, kMaxBatch> keys;
    std::array<FdbHome, kMaxBatch> homes;
    std::array<PortIndex, kMaxBatch> ports;  // whose frames have them

    void add(FdbKey key, PortIndex port) noexcept {
      keys[count] = key;
      ports[count++] = port;
    }
    /// Whether the last one is this.
    [[nodiscard]] bool ends_with(FdbKey key, PortIndex port) const noexcept {
      return count != 0 && keys[count - 1] == key && ports[count - 1] == port;
    }
    void prefetch(const Fdb& fdb) noexcept { fdb.prefetch({keys.data(), count}, {homes.data(), count}); }
  };
  Stations learners_;   // sources
  Stations looked_up_;  // unicast destinations
  std::array<FdbHit, kMaxBatch> hits_;
  std::array<LearnEvent, kMaxBatch> learned_;
  std::size_t learned_count_ = 0;
  /// Frames that end at the control thread always find a place: copies of others take no more than kMaxPuntCopies.
  static constexpr std::size_t kMaxPuntCopies = kMaxBatch;
  std::array<Punt, kMaxBatch + kMaxPuntCopies> punted_;
  std::size_t punt_copy_count_ = 0;
  std::size_t punted_count_ = 0;
};

}  // namespace rb
