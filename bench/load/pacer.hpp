// SPDX-License-Identifier: GPL-2.0-or-later
// When the frames of a flow are due.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace bench {

/// Frames are due in even distances. What was late by more than `longest_ns`, since the generator was not running or
/// the port took too little, is not made up for, except for a few frames: it would come as one long burst, and nobody
/// has asked for that.
class Pacer {
 public:
  static constexpr std::int64_t kUsualLagNs = 1'000'000;
  /// Where latency is measured, from when a frame was due: as little as can be is to be left out of it.
  static constexpr std::int64_t kLongLagNs = 20'000'000;
  static constexpr double kFewFrames = 16;

  /// `rate` in frames a second; 0: frames are due at any time. `phase`, 0 to 1, is how much of the distance between two
  /// frames passes before the first.
  Pacer(double rate, double phase, std::int64_t longest_ns = kUsualLagNs)
      : rate_(rate * 1e-9), phase_(phase), longest_ns_(static_cast<double>(longest_ns)) {}

  void start(std::int64_t now_ns) {
    begin_ns_ = static_cast<double>(now_ns);
    if (rate_ > 0) begin_ns_ += phase_ / rate_;
    handed_ = 0;
  }
  /// Frames that may be handed over now.
  [[nodiscard]] std::uint64_t due(std::int64_t now_ns) {
    if (rate_ == 0) return std::numeric_limits<std::uint64_t>::max();
    const double passed = static_cast<double>(now_ns) - begin_ns_;
    if (passed < 0) return 0;
    double due = passed * rate_ - static_cast<double>(handed_) + 1;
    const double most = std::max(kFewFrames, longest_ns_ * rate_);
    if (due >= most + 1) {
      begin_ns_ += (due - most) / rate_;
      due = most;
    }
    return due >= 1 ? static_cast<std::uint64_t>(due) : 0;
  }
  void hand_over(std::uint64_t count) { handed_ += count; }
  /// Between two frames; 0 where there is no rate.
  [[nodiscard]] double distance_ns() const { return rate_ == 0 ? 0 : 1 / rate_; }
  /// When the next one is due; long ago where there is no rate.
  [[nodiscard]] std::int64_t next_ns() const {
    return rate_ == 0 ? 0 : static_cast<std::int64_t>(begin_ns_ + static_cast<double>(handed_) / rate_);
  }

 private:
  double rate_;  // frames a nanosecond
  double phase_;
  double longest_ns_;
  double begin_ns_ = 0;
  std::uint64_t handed_ = 0;
};

}  // namespace bench
