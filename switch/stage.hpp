// SPDX-License-Identifier: GPL-2.0-or-later
// Stage: one capability that judges the frames of the ports that use it, at ingress or at egress (docs/stages.md).
//
// How it works. PortState::stages has one bit a stage and side. Where a port has none, the relay tests one word. Where
// it has some, the relay collects the frames of the port that follow each other in the batch, and each stage judges all
// of them in one call. A verdict is final unless the frame passes: the next stage sees only frames that have passed.
//
// A stage object belongs to one worker; state that several workers write lies in StageMemory (stages.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "switch/drop_reason.hpp"
#include "switch/egress_lists.hpp"
#include "switch/forwarding_state.hpp"
#include "switch/frame.hpp"
#include "switch/punt.hpp"
#include "switch/stage_bits.hpp"

namespace rb {

class Explainer;

/// What becomes of one frame.
struct Verdict {
  enum class Kind : std::uint8_t { kPass, kDrop, kHold };
  Kind kind = Kind::kPass;
  DropReason reason{};              // of kDrop
  StageId held_by{};                // of kHold
  std::uint8_t control_copies = 0;  // bit PuntKind: the control thread gets a copy, whatever `kind` says
  PortIndex copy_to = kNoPort;      // a port that gets a copy, whatever `kind` says
  std::int64_t until_ns = 0;        // of kHold
};
static_assert(kPuntKinds.size() <= 8);

/// Frames of one port that follow each other, and the verdicts on them. Filled by the relay, judged by stages.
class StageFrames {
 public:
  [[nodiscard]] PortIndex port() const noexcept { return port_; }
  /// Settings of the port.
  [[nodiscard]] const PortState& state() const noexcept { return *state_; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// A frame that check_frame() has let pass; at egress with the tag with which it leaves.
  [[nodiscard]] const Frame& operator[](std::size_t i) const noexcept { return *frames_[i]; }
  /// True for a frame that ends at the control thread (a BPDU, a loop probe). Stages that limit let it pass: it has a
  /// limit of its own, and a port that is over its limit keeps its spanning tree.
  [[nodiscard]] bool is_for_control(std::size_t i) const noexcept { return for_control_[i]; }
  /// True while no stage has decided otherwise: only such frames are to be judged.
  [[nodiscard]] bool passes(std::size_t i) const noexcept { return verdicts_[i].kind == Verdict::Kind::kPass; }
  /// Nanoseconds of CLOCK_MONOTONIC, the same for the whole batch.
  [[nodiscard]] std::int64_t now_ns() const noexcept { return now_ns_; }
  /// Not null in a trace: the stage says what it decides, and spends nothing (no token, no counter).
  [[nodiscard]] Explainer* explainer() const noexcept { return explainer_; }

  void drop(std::size_t i, DropReason reason) noexcept {
    verdicts_[i].kind = Verdict::Kind::kDrop;
    verdicts_[i].reason = reason;
  }
  /// Keeps a copy of the frame, which goes on behind this stage at `until_ns`.
  void hold(std::size_t i, StageId stage, std::int64_t until_ns) noexcept {
    verdicts_[i].kind = Verdict::Kind::kHold;
    verdicts_[i].held_by = stage;
    verdicts_[i].until_ns = until_ns;
  }
  void copy_to_control(std::size_t i, PuntKind kind) noexcept {
    verdicts_[i].control_copies =
        static_cast<std::uint8_t>(verdicts_[i].control_copies | 1U << static_cast<unsigned>(kind));
  }
  void copy_to_port(std::size_t i, PortIndex port) noexcept { verdicts_[i].copy_to = port; }

  // The relay.

  void begin(PortIndex port, const PortState& state) noexcept {
    port_ = port;
    state_ = &state;
    count_ = 0;
  }
  void add(const Frame& frame, FrameIndex index, bool for_control) noexcept {
    for_control_[count_] = for_control;
    frames_[count_] = &frame;
    indexes_[count_] = index;
    verdicts_[count_++] = {};
  }
  [[nodiscard]] FrameIndex index(std::size_t i) const noexcept { return indexes_[i]; }
  [[nodiscard]] const Verdict& verdict(std::size_t i) const noexcept { return verdicts_[i]; }
  void set_time(std::int64_t now_ns, Explainer* explainer) noexcept {
    now_ns_ = now_ns;
    explainer_ = explainer;
  }

 private:
  PortIndex port_ = kNoPort;
  const PortState* state_ = nullptr;
  Explainer* explainer_ = nullptr;
  std::int64_t now_ns_ = 0;
  std::size_t count_ = 0;
  std::array<const Frame*, kMaxBatch> frames_;
  std::array<FrameIndex, kMaxBatch> indexes_;
  std::array<bool, kMaxBatch> for_control_;
  std::array<Verdict, kMaxBatch> verdicts_;
};

class Stage {
 public:
  Stage() = default;
  virtual ~Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /// Judges the frames that pass so far. One call a worker, port and batch in most cases.
  virtual void judge(StageFrames& frames) noexcept = 0;
};

}  // namespace rb
