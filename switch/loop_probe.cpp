// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/loop_probe.hpp"

#include <algorithm>
#include <cstring>

#include "switch/big_endian.hpp"

namespace rb {
namespace {

// After the Ethernet header come a mark and the version of the octets after it.
constexpr std::array<std::byte, 8> kLoopProbeMark = {std::byte{'r'}, std::byte{'b'}, std::byte{' '}, std::byte{'l'},
                                                     std::byte{'o'}, std::byte{'o'}, std::byte{'p'}, std::byte{1}};
constexpr std::size_t kTypeAt = 12, kMarkAt = 14, kKeyAt = 30, kPortAt = 38, kProbeEnd = 40;
static_assert(kMarkAt + kLoopProbeMark.size() == kLoopProbeSenderAt);

}  // namespace

LoopProbeFrame encode(const LoopProbe& probe, const MacAddress& source) noexcept {
  LoopProbeFrame frame{};
  const MacAddress destination = kLoopProbeGroup.address();
  std::memcpy(&frame[0], destination.octets.data(), destination.octets.size());
  std::memcpy(&frame[6], source.octets.data(), source.octets.size());
  store16(&frame[kTypeAt], kLoopProbeEtherType);
  std::ranges::copy(kLoopProbeMark, &frame[kMarkAt]);
  store64(&frame[kLoopProbeSenderAt], probe.sender);
  store64(&frame[kKeyAt], probe.key);
  store16(&frame[kPortAt], probe.port);
  return frame;
}

std::optional<LoopProbe> decode_loop_probe(std::span<const std::byte> frame) noexcept {
  if (frame.size() < kProbeEnd || MacNumber::at(frame.data()).value != kLoopProbeGroup.value ||
      load16(&frame[kTypeAt]) != kLoopProbeEtherType ||
      !std::ranges::equal(frame.subspan(kMarkAt, kLoopProbeMark.size()), kLoopProbeMark))
    return std::nullopt;
  return LoopProbe{
      .sender = load64(&frame[kLoopProbeSenderAt]), .port = load16(&frame[kPortAt]), .key = load64(&frame[kKeyAt])};
}

}  // namespace rb
