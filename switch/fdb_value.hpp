// SPDX-License-Identifier: GPL-2.0-or-later
// FdbValue: the 64 bits that an FDB slot holds beside its key, with their meanings.
#pragma once

#include <cstdint>

#include "switch/fdb.hpp"

namespace rb {

/// How the bits are laid out, from the lowest:
///   port        12  kNoPort marks a slot that holds nothing
///   kind         2  FdbKind
///   bucket       1  a bit of the whole bucket: slot 0 the try-lock, slots 1 to 3 how far its stations may stand away
///   version      9  changes with every write of the key, so that a reader sees that a slot was used again
///   generation  20  the flush count when the station was learned
///   seen        20  second in which it was last heard, modulo 2^20 (12 days; a sweep comes far sooner)
struct FdbValue {
  std::uint64_t bits = 0;

  static constexpr std::uint32_t kVersionMask = (1U << 9) - 1;
  static constexpr std::uint32_t kGenerationMask = (1U << 20) - 1;
  static constexpr std::uint32_t kSeenMask = (1U << 20) - 1;
  static constexpr std::uint64_t kBucketBit = std::uint64_t{1} << 14;

  [[nodiscard]] static constexpr FdbValue empty() noexcept { return {kNoPort}; }

  [[nodiscard]] constexpr PortIndex port() const noexcept { return static_cast<PortIndex>(bits & 0xfff); }
  [[nodiscard]] constexpr bool is_empty() const noexcept { return port() == kNoPort; }
  [[nodiscard]] constexpr FdbKind kind() const noexcept { return static_cast<FdbKind>(bits >> 12 & 3); }
  [[nodiscard]] constexpr bool bucket_bit() const noexcept { return (bits & kBucketBit) != 0; }
  [[nodiscard]] constexpr std::uint32_t version() const noexcept {
    return static_cast<std::uint32_t>(bits >> 15) & kVersionMask;
  }
  [[nodiscard]] constexpr std::uint32_t generation() const noexcept {
    return static_cast<std::uint32_t>(bits >> 24) & kGenerationMask;
  }
  [[nodiscard]] constexpr std::uint32_t seen() const noexcept {
    return static_cast<std::uint32_t>(bits >> 44) & kSeenMask;
  }

  [[nodiscard]] constexpr FdbValue with_port(PortIndex port) const noexcept {
    return {(bits & ~std::uint64_t{0xfff}) | port};
  }
  [[nodiscard]] constexpr FdbValue with_kind(FdbKind kind) const noexcept {
    return {(bits & ~(std::uint64_t{3} << 12)) | std::uint64_t{static_cast<std::uint8_t>(kind)} << 12};
  }
  [[nodiscard]] constexpr FdbValue with_bucket_bit(bool on) const noexcept {
    return {on ? bits | kBucketBit : bits & ~kBucketBit};
  }
  [[nodiscard]] constexpr FdbValue with_version(std::uint32_t version) const noexcept {
    return {(bits & ~(std::uint64_t{kVersionMask} << 15)) | std::uint64_t{version & kVersionMask} << 15};
  }
  [[nodiscard]] constexpr FdbValue with_version_of(FdbValue other) const noexcept {
    return with_version(other.version());
  }
  [[nodiscard]] constexpr FdbValue with_next_version_of(FdbValue other) const noexcept {
    return with_version(other.version() + 1);
  }
  [[nodiscard]] constexpr FdbValue with_generation(std::uint32_t generation) const noexcept {
    return {(bits & ~(std::uint64_t{kGenerationMask} << 24)) | std::uint64_t{generation & kGenerationMask} << 24};
  }
  [[nodiscard]] constexpr FdbValue with_seen(std::uint32_t second) const noexcept {
    return {(bits & ~(std::uint64_t{kSeenMask} << 44)) | std::uint64_t{second & kSeenMask} << 44};
  }
  /// Seconds since the station was last heard.
  [[nodiscard]] constexpr std::uint32_t age_s(std::uint32_t now_s) const noexcept {
    return (now_s - seen()) & kSeenMask;
  }
};
static_assert(12 + 2 + 1 + 9 + 20 + 20 == 64);

}  // namespace rb
