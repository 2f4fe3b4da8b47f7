// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/latency.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace bench {
namespace {

constexpr unsigned kPrecisionBits = 7;
constexpr std::uint64_t kLinear = 1U << kPrecisionBits;  // buckets of a power of two
constexpr unsigned kMostBits = 40;                       // 2^40 ns is a quarter of an hour
constexpr std::uint64_t kMost = (std::uint64_t{1} << kMostBits) - 1;
constexpr std::size_t kBuckets = (kMostBits - kPrecisionBits + 1) * kLinear;

std::size_t bucket_of(std::uint64_t value) {
  value = std::min(value, kMost);
  const auto width = static_cast<unsigned>(std::bit_width(value));
  if (width <= kPrecisionBits) return value;
  const unsigned shift = width - kPrecisionBits - 1;  // the top 8 bits remain, and the highest of them is set
  return (shift + 1) * kLinear + ((value >> shift) - kLinear);
}

/// Returns the middle of a bucket.
std::int64_t value_of(std::size_t bucket) {
  if (bucket < kLinear) return static_cast<std::int64_t>(bucket);
  const auto shift = static_cast<unsigned>(bucket / kLinear - 1);
  const std::uint64_t low = (bucket % kLinear + kLinear) << shift;
  return static_cast<std::int64_t>(low + (std::uint64_t{1} << shift) / 2);
}

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(kBuckets) {}

void LatencyHistogram::add(std::int64_t ns) {
  ns = std::max<std::int64_t>(ns, 0);  // the clocks of two processors may differ by some nanoseconds
  ++buckets_[bucket_of(static_cast<std::uint64_t>(ns))];
  ++samples_;
  sum_ns_ += static_cast<double>(ns);
  max_ns_ = std::max(max_ns_, ns);
}

void LatencyHistogram::add(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  samples_ += other.samples_;
  sum_ns_ += other.sum_ns_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

std::int64_t LatencyHistogram::percentile_ns(double share) const {
  if (samples_ == 0) return 0;
  const auto rank = std::clamp<std::uint64_t>(
      static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(samples_))), 1, samples_);
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) return std::min(value_of(bucket), max_ns_);
  }
  return max_ns_;
}

}  // namespace bench
