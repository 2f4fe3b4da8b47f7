// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/vnet_check.hpp"

#include <algorithm>
#include <optional>

#include "switch/gso_headers.hpp"

namespace rb {
namespace {

/// True if the checksum begins after addresses and VLAN tags, and its field is where it can be written.
bool checksum_fits(const VnetHeader& vnet, const Frame& frame) noexcept {
  const std::uint16_t layer2 = layer2_size(frame);
  const std::uint32_t end = std::uint32_t{vnet.csum_start} + vnet.csum_offset + 2;
  return layer2 != 0 && vnet.csum_start >= layer2 && end <= std::min(frame.size, frame.pieces[0].size);
}

}  // namespace

bool detail::check_vnet_work(VnetHeader& vnet, const Frame& frame, Trust trust) noexcept {
  VnetHeader checked;
  if ((vnet.flags & kVnetNeedsCsum) != 0) {
    if (!checksum_fits(vnet, frame)) return false;
    checked.flags = kVnetNeedsCsum;
    checked.csum_start = vnet.csum_start;
    checked.csum_offset = vnet.csum_offset;
  } else if (trust == Trust::kKernel) {
    checked.flags = vnet.flags & kVnetDataValid;
  }
  if (vnet.gso_type != kGsoNone) {
    const std::optional<GsoHeaders> headers = find_gso_headers(vnet, frame);
    if (!headers || vnet.gso_size == 0) return false;
    checked.gso_type = vnet.gso_type;
    checked.gso_size = vnet.gso_size;
    checked.hdr_len = headers->size;
  }
  vnet = checked;
  return true;
}

}  // namespace rb
