// SPDX-License-Identifier: GPL-2.0-or-later
// What a frame of a trial carries behind its EtherType, and how it is found in a frame that arrived.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace bench {

inline constexpr std::uint16_t kLoadEtherType = 0x88b5;  // IEEE 802-2014 9.2.4: local experimental
inline constexpr std::uint16_t kCustomerTagType = 0x8100;
inline constexpr std::uint16_t kServiceTagType = 0x88a8;
inline constexpr std::size_t kHeaderSize = 14;  // octets: two addresses and an EtherType
inline constexpr std::size_t kTagSize = 4;
inline constexpr std::size_t kCheckSequenceSize = 4;  // the FCS, which no frame here has, but all sizes count

/// In the byte order of the machine, since both ends are on it.
struct Stamp {
  std::uint32_t magic;
  std::uint16_t trial;     // tells the frames of one trial from what is left of the one before
  std::uint16_t flow;      // index in the request
  std::uint64_t sequence;  // frames of the flow before this one
  std::int64_t
      time_ns;  // when it was due, or handed over where it has no rate, by now_ns(); 0 where nobody wants to know
};
static_assert(sizeof(Stamp) == 24);

inline constexpr std::uint32_t kStampMagic = 0x62627262;
/// What a frame needs to hold a stamp, without tag and FCS.
inline constexpr std::size_t kStampedSize = kHeaderSize + sizeof(Stamp);

[[nodiscard]] inline std::uint16_t read_big_endian_16(const std::byte* octets) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(octets[0]) << 8 | std::to_integer<unsigned>(octets[1]));
}

/// The stamp of a frame without a tag or with one; nullopt for frames that are none of ours, whatever they look like.
[[nodiscard]] inline std::optional<Stamp> find_stamp(std::span<const std::byte> frame) {
  std::size_t at = kHeaderSize;
  if (frame.size() < kStampedSize) return std::nullopt;
  const std::uint16_t type = read_big_endian_16(frame.data() + at - 2);
  if (type == kCustomerTagType || type == kServiceTagType) at += kTagSize;
  if (frame.size() < at + sizeof(Stamp)) return std::nullopt;
  Stamp stamp;
  std::memcpy(&stamp, frame.data() + at, sizeof stamp);
  if (stamp.magic != kStampMagic) return std::nullopt;
  return stamp;
}

}  // namespace bench
