// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/policer.hpp"

#include <string>

#include "switch/explainer.hpp"
#include "switch/wire_size.hpp"

namespace rb {
namespace {

/// One of the two limits of a port.
class Rate {
 public:
  /// `per_second`: 0 means no limit. `most`: of one super-frame.
  Rate(std::uint64_t per_second, std::uint64_t most) noexcept
      : per_second_(per_second),
        limit_{.burst = Policer::kBurst_ns * TokenBucket::kUnitsPerNs, .most_owed = cost(most)} {}

  /// What so many frames or bits cost.
  [[nodiscard]] std::int64_t cost(std::uint64_t count) const noexcept {
    constexpr std::uint64_t kUnitsPerSecond = 1'000'000'000ULL * TokenBucket::kUnitsPerNs;
    if (per_second_ == 0) return 0;
    // In double: a thousandth of a token is no matter, and the product does not fit into 64 bits.
    return static_cast<std::int64_t>(static_cast<double>(count) * static_cast<double>(kUnitsPerSecond) /
                                     static_cast<double>(per_second_));
  }
  [[nodiscard]] bool has_tokens(const TokenBucket& bucket, std::int64_t now) const noexcept {
    return per_second_ == 0 || bucket.has_tokens(limit_, now);
  }
  [[nodiscard]] bool take(TokenBucket& bucket, std::uint64_t count, std::int64_t now) const noexcept {
    return per_second_ == 0 || bucket.take(cost(count), limit_, now);
  }
  void give_back(TokenBucket& bucket, std::uint64_t count) const noexcept {
    if (per_second_ != 0) bucket.give_back(cost(count));
  }

 private:
  std::uint64_t per_second_;
  TokenBucket::Limit limit_;
};

std::string limits_text(const PolicerLimits& limits) {
  std::string text;
  if (limits.frames_per_s != 0) text = std::to_string(limits.frames_per_s) + " frames/s";
  if (limits.bits_per_s != 0) text += (text.empty() ? "" : " and ") + std::to_string(limits.bits_per_s) + " bit/s";
  return text;
}

}  // namespace

void Policer::judge(StageFrames& frames) noexcept {
  const PolicerLimits& limits = frames.state().rate_in;
  PolicerBuckets::Port& buckets = buckets_[frames.port()];
  const std::int64_t now = frames.now_ns() * TokenBucket::kUnitsPerNs;
  const Rate frame_rate(limits.frames_per_s, Segmenter::kMaxSegments);
  const Rate bit_rate(limits.bits_per_s, std::uint64_t{kMostWireOctets} * 8);
  for (std::size_t i = 0; i < frames.count(); ++i) {
    if (!frames.passes(i) || frames.is_for_control(i)) continue;
    if (Explainer* explainer = frames.explainer(); explainer != nullptr) {
      const bool passes = frame_rate.has_tokens(buckets.frames, now) && bit_rate.has_tokens(buckets.bits, now);
      explainer->says("police", "the port may receive " + limits_text(limits) +
                                    (passes ? ": the frame is within the limit" : ": the frame is over the limit"));
      if (!passes) frames.drop(i, DropReason::kOverRateIn);
      continue;
    }
    const WireSize size = wire_size(frames[i]);
    if (!frame_rate.take(buckets.frames, size.frames, now)) {
      frames.drop(i, DropReason::kOverRateIn);
    } else if (!bit_rate.take(buckets.bits, std::uint64_t{size.octets} * 8, now)) {
      frame_rate.give_back(buckets.frames, size.frames);
      frames.drop(i, DropReason::kOverRateIn);
    }
  }
}

}  // namespace rb
