// SPDX-License-Identifier: GPL-2.0-or-later
// StageId, StageBits: which stages a port uses, as one word.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rb {

/// The stages in the order in which they judge a frame at ingress; at egress the order is the reverse. A new stage is
/// put where it belongs: capture, carrier, guard, ACL, policer, impairment.
enum class StageId : std::uint8_t {
  kPolicer,
};
/// Numbers up to here fit into StageBits; those behind the last StageId are free (tests put their stages there).
inline constexpr std::size_t kMaxStages = 16;

/// One bit a stage.
struct StageBits {
  std::uint16_t ingress = 0;
  std::uint16_t egress = 0;

  bool operator==(const StageBits&) const = default;
  [[nodiscard]] static constexpr std::uint16_t bit(StageId stage) noexcept {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(stage));
  }
  /// The stages of a side that come after one of them.
  [[nodiscard]] constexpr std::uint16_t ingress_after(StageId stage) const noexcept {
    return static_cast<std::uint16_t>(ingress & ~(2U * bit(stage) - 1));
  }
  [[nodiscard]] constexpr std::uint16_t egress_after(StageId stage) const noexcept {
    return static_cast<std::uint16_t>(egress & (bit(stage) - 1U));
  }
};

}  // namespace rb
