// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/fid_table.hpp"

namespace rb {

FidTable::FidTable(std::size_t bridge_count) : owners_(std::size_t{UINT16_MAX} + 1) {
  for (std::size_t bridge = 0; bridge < bridge_count; ++bridge) {
    const auto index = static_cast<BridgeIndex>(bridge);
    owners_[of_bridge(index)] = {index, kNoVid};
  }
  free_.reserve(owners_.size() - bridge_count - 1);
  for (std::size_t fid = owners_.size(); --fid > bridge_count;) free_.push_back(static_cast<Fid>(fid));
}

std::optional<Fid> FidTable::take(Owner owner) {
  if (free_.empty()) return std::nullopt;
  const Fid fid = free_.back();
  free_.pop_back();
  owners_[fid] = owner;
  return fid;
}

void FidTable::give_back(Fid fid) {
  owners_[fid] = {};
  free_.push_back(fid);
}

}  // namespace rb
