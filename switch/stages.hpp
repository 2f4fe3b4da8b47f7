// SPDX-License-Identifier: GPL-2.0-or-later
// Stages: the stages of one worker, the frames that they hold, and the clock that they go by.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "switch/held_frames.hpp"
#include "switch/policer.hpp"
#include "switch/stage.hpp"

namespace rb {

/// What the stages of all workers share. Written by all of them, without a lock.
struct StageMemory {
  PolicerBuckets policer;
};

class Stages {
 public:
  /// Gives nanoseconds of CLOCK_MONOTONIC. Asked once a batch, and only when the batch has frames for a stage.
  using Clock = std::function<std::int64_t()>;

  /// With the stages that StageId names. `memory` outlives them.
  Stages(StageMemory& memory, Clock clock);
  /// Adds a stage, or puts it in the place of the stage that has this id.
  void set(StageId id, std::unique_ptr<Stage> stage);

  [[nodiscard]] HeldFrames& held() noexcept { return held_; }
  [[nodiscard]] const HeldFrames& held() const noexcept { return held_; }

  // The relay.

  /// Begins a batch: the clock is asked again.
  void begin_batch() noexcept { now_ns_ = kNotAsked; }
  /// The frames to be judged; there is one list, used for one port after another.
  [[nodiscard]] StageFrames& frames() noexcept { return frames_; }
  /// Lets the stages of a side judge frames(): at ingress from the first StageId on, at egress from the last.
  void judge_ingress(std::uint16_t bits, Explainer* explainer) noexcept;
  void judge_egress(std::uint16_t bits, Explainer* explainer) noexcept;

 private:
  static constexpr std::int64_t kNotAsked = INT64_MIN;
  void judge(unsigned number) noexcept;
  void set_time(Explainer* explainer) noexcept;

  std::array<std::unique_ptr<Stage>, kMaxStages> stages_;
  Clock clock_;
  std::int64_t now_ns_ = kNotAsked;
  StageFrames frames_;
  HeldFrames held_;
};

}  // namespace rb
