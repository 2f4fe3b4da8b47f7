// SPDX-License-Identifier: GPL-2.0-or-later
// The border for virtio_net_hdr: the header of a frame is checked against the frame once, here, and then trusted.
//
// How it works
//
// A VnetHeader tells every later port where to write into the frame and how to cut it, so a false one would be a way
// past the switch: a checksum "field" on top of the source address or of a VLAN tag would change them after the switch
// has checked them. A frame passes only if its header fits it, and the header is rewritten so that it contains only
// checked values: fields without meaning become 0, and hdr_len is computed. Most frames carry no work, and for them the
// check is one compare.
#pragma once

#include <cstdint>
#include <cstring>

#include "switch/frame.hpp"

namespace rb {

namespace detail {
[[nodiscard]] bool check_vnet_work(VnetHeader& vnet, const Frame& frame, Trust trust) noexcept;
}  // namespace detail

/// Checks that `vnet` fits `frame`, and reduces it to what was checked; false: drop the frame (kBadVnetHeader).
///   - gso_type is TCPV4, TCPV6 (either with ECN) or UDP_L4, and fits EtherType and protocol behind any VLAN tags;
///     gso_size > 0; NEEDS_CSUM is set, and csum_start and csum_offset are those of the TCP or UDP header;
///   - with NEEDS_CSUM the sum begins behind the layer 2 header, and its field lies in pieces[0];
///   - hdr_len becomes the end of layer 4 for GSO frames, else 0; RSC_INFO and unknown flags, num_buffers, and
///     whatever means nothing without NEEDS_CSUM or GSO are cleared, as is DATA_VALID from a peer.
/// `vnet` need not be *frame.vnet. Headers in pieces[0] must not change any more (in guest memory: a copy).
[[nodiscard]] inline bool check_vnet_header(VnetHeader& vnet, const Frame& frame, Trust trust) noexcept {
  // The fields flags, gso_type, hdr_len, gso_size, csum_start: if all are 0 there is no work, and nothing to check.
  std::uint64_t work = 0;
  std::memcpy(&work, &vnet, sizeof work);
  if (work == 0) [[likely]] {
    vnet.csum_offset = 0;
    vnet.num_buffers = 0;
    return true;
  }
  return detail::check_vnet_work(vnet, frame, trust);
}

}  // namespace rb
