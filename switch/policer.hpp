// SPDX-License-Identifier: GPL-2.0-or-later
// Policer: limits what a port receives, in frames and in bits a second (`rate_in`); more is dropped (kOverRateIn).
//
// How it works. Each port has two token buckets, one of frames and one of bits, which all workers share: a tap with
// several queues is read by several workers, and a limit divided by workers would be too low for a port with one queue.
// A frame passes when neither bucket is empty. A bucket holds what the limit allows in kBurst_ns. A super-frame counts
// as the frames that it becomes (wire_size.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "switch/stage.hpp"
#include "switch/token_bucket.hpp"

namespace rb {

/// The buckets of all ports.
class PolicerBuckets {
 public:
  struct alignas(64) Port {
    TokenBucket frames, bits;
  };
  [[nodiscard]] Port& operator[](PortIndex port) noexcept { return ports_[port]; }

 private:
  std::unique_ptr<Port[]> ports_ = std::make_unique<Port[]>(kMaxPorts + 1);
};

class Policer final : public Stage {
 public:
  static constexpr std::int64_t kBurst_ns = 50'000'000;
  /// The highest limits that can be kept; the control side refuses higher ones.
  static constexpr std::uint64_t kMaxFramesPerSecond = 1'000'000'000, kMaxBitsPerSecond = 1'000'000'000'000;

  /// `buckets` outlive the policer.
  explicit Policer(PolicerBuckets& buckets) noexcept : buckets_(buckets) {}
  void judge(StageFrames& frames) noexcept override;

 private:
  PolicerBuckets& buckets_;
};

}  // namespace rb
