// SPDX-License-Identifier: GPL-2.0-or-later
// Latencies: a histogram with a bounded relative error, and the evaluation of a flow's stamps at the receiving port.
#pragma once

#include <cstdint>
#include <vector>

namespace bench {

/// How it works. The width of a bucket is 1/128 of its power of two, so the error of a value is below 0.4 %. Each of
/// the first 128 values has a bucket of its own. Mean and maximum are exact.
class LatencyHistogram {
 public:
  LatencyHistogram();
  void add(std::int64_t ns);
  void add(const LatencyHistogram& other);

  [[nodiscard]] std::uint64_t samples() const { return samples_; }
  [[nodiscard]] double mean_ns() const { return samples_ == 0 ? 0 : sum_ns_ / static_cast<double>(samples_); }
  [[nodiscard]] std::int64_t max_ns() const { return max_ns_; }
  /// Returns the value that `share` (0 to 1) of all samples do not exceed; 0 without samples.
  [[nodiscard]] std::int64_t percentile_ns(double share) const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t samples_ = 0;
  double sum_ns_ = 0;
  std::int64_t max_ns_ = 0;
};

/// The latencies of one flow.
struct FlowLatency {
  LatencyHistogram histogram;
  std::uint64_t reordered = 0;  // frames that came at a port after a later frame, or for the second time
};

/// Finds frames of one flow at one port that come out of order.
class SequenceCheck {
 public:
  /// False if an earlier frame had this number or a higher one. Gaps come from frames that were lost or went elsewhere.
  [[nodiscard]] bool in_order(std::uint64_t sequence) {
    if (sequence < next_) return false;
    next_ = sequence + 1;
    return true;
  }

 private:
  std::uint64_t next_ = 0;
};

}  // namespace bench
