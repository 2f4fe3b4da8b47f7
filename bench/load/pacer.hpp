// SPDX-License-Identifier: GPL-2.0-or-later
// A pacer tells when the frames of a flow are due.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace bench {

/// Frames are due at even distances. If the generator was not running or the port took too little for more than
/// `longest_ns`, the pacer drops the frames that were due, except for a few. Otherwise they would be sent as one long
/// burst.
class Pacer {
 public:
  static constexpr std::int64_t kUsualLagNs = 1'000'000;
  /// For latency tests, which measure from the time when a frame was due: as few frames as possible are dropped.
  static constexpr std::int64_t kLongLagNs = 20'000'000;
  static constexpr double kFewFrames = 16;

  /// `rate` is in frames a second; 0: frames are always due. `phase`, 0 to 1, is the part of the distance between two
  /// frames that passes before the first frame.
  Pacer(double rate, double phase, std::int64_t longest_ns = kUsualLagNs)
      : rate_(rate * 1e-9), phase_(phase), longest_ns_(static_cast<double>(longest_ns)) {}

  void start(std::int64_t now_ns) {
    begin_ns_ = static_cast<double>(now_ns);
    if (rate_ > 0) begin_ns_ += phase_ / rate_;
    handed_ = 0;
  }
  /// The number of frames that may be handed over now.
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
  /// The distance between two frames; 0 without a rate.
  [[nodiscard]] double distance_ns() const { return rate_ == 0 ? 0 : 1 / rate_; }
  /// The time when the next frame is due; long ago without a rate.
  [[nodiscard]] std::int64_t next_ns() const {
    return rate_ == 0 ? 0 : static_cast<std::int64_t>(begin_ns_ + static_cast<double>(handed_) / rate_);
  }

 private:
  double rate_;  // in frames a nanosecond
  double phase_;
  double longest_ns_;
  double begin_ns_ = 0;
  std::uint64_t handed_ = 0;
};

}  // namespace bench
