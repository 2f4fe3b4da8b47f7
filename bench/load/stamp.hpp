// SPDX-License-Identifier: GPL-2.0-or-later
// The octets that a frame of a trial carries after its EtherType, and a function that finds them in a received frame.
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
inline constexpr std::size_t kCheckSequenceSize = 4;  // the FCS, which no frame here has, but all sizes include

/// The numbers have the byte order of the machine, because both ends are on it.
struct Stamp {
  std::uint32_t magic;
  std::uint16_t trial;     // distinguishes the frames of this trial from late frames of the trial before
  std::uint16_t flow;      // index in the request
  std::uint64_t sequence;  // number of frames of the flow before this one
  std::int64_t
      time_ns;  // when the frame was due, or handed over if the flow has no rate, by now_ns(); 0 if nobody needs it
};
static_assert(sizeof(Stamp) == 24);

inline constexpr std::uint32_t kStampMagic = 0x62627262;
/// The size of a frame with a stamp, without tag and FCS.
inline constexpr std::size_t kStampedSize = kHeaderSize + sizeof(Stamp);

[[nodiscard]] inline std::uint16_t read_big_endian_16(const std::byte* octets) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(octets[0]) << 8 | std::to_integer<unsigned>(octets[1]));
}

/// Returns the stamp of a frame with or without a tag. Returns nullopt for any other frame, whatever its octets are.
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
