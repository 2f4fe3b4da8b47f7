// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/vlan.hpp"

#include <algorithm>

namespace rb {

std::size_t VidSet::size() const noexcept {
  std::size_t count = 0;
  for (const std::uint64_t word : words_) count += static_cast<std::size_t>(std::popcount(word));
  return count;
}

VidSet& VidSet::operator|=(const VidSet& other) noexcept {
  for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  return *this;
}

VidSet& VidSet::operator-=(const VidSet& other) noexcept {
  for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
  return *this;
}

BridgeVlans::BridgeVlans(std::uint16_t tpid, std::span<const Fid, kVidCount> fids, std::span<const Member> ports)
    : tpid_(tpid) {
  std::ranges::copy(fids, fids_.begin());
  // Counts, sums up and fills: each port's list is walked twice, and nothing is sorted.
  for (const Member& member : ports) member.vlans->egress.for_each([&](Vid vid) { ++first_[vid + std::size_t{1}]; });
  for (std::size_t vid = 0; vid < kVidCount; ++vid) first_[vid + 1] += first_[vid];
  members_.resize(first_[kVidCount]);
  std::array<std::uint32_t, kVidCount> next;
  std::copy_n(first_.begin(), kVidCount, next.begin());
  for (const Member& member : ports)
    member.vlans->egress.for_each([&](Vid vid) { members_[next[vid]++] = member.port; });
}

}  // namespace rb
