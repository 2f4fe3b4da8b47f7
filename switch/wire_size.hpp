// SPDX-License-Identifier: GPL-2.0-or-later
// WireSize: what a frame is on the wire; a super-frame counts as the frames that it becomes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "switch/frame.hpp"
#include "switch/offload.hpp"

namespace rb {

struct WireSize {
  std::uint32_t frames = 1;
  std::uint32_t octets = 0;  // of all frames, each with its headers, without FCS
};

/// Of a frame that check_frame() has let pass: hdr_len is the end of its layer 4 header. A super-frame counts as
/// Segmenter::kMaxSegments frames at most, since one of more is never sent.
[[nodiscard]] inline WireSize wire_size(const Frame& frame) noexcept {
  const VnetHeader& vnet = *frame.vnet;
  if (vnet.gso_type == kGsoNone || vnet.gso_size == 0 || frame.size <= vnet.hdr_len) return {1, frame.size};
  const std::uint32_t payload = frame.size - vnet.hdr_len;
  const std::uint32_t frames =
      std::min((payload + vnet.gso_size - 1) / vnet.gso_size, std::uint32_t{Segmenter::kMaxSegments});
  return {frames, frame.size + (frames - 1) * vnet.hdr_len};
}
/// Octets of the largest WireSize.
inline constexpr std::uint32_t kMostWireOctets = 65'550 + Segmenter::kMaxSegments * std::uint32_t{kMaxHeadersSize};

}  // namespace rb
