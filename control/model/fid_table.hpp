// SPDX-License-Identifier: GPL-2.0-or-later
// FidTable: which filtering identifier stands for which VLAN of which bridge.
#pragma once

#include <optional>
#include <vector>

#include "switch/forwarding_state.hpp"
#include "switch/vlan.hpp"

namespace rb {

/// Each bridge has one FID for good, for what belongs to no VLAN; VLANs get theirs when a port becomes a member.
class FidTable {
 public:
  struct Owner {
    BridgeIndex bridge = kNoBridge;
    Vid vid = kNoVid;
  };

  /// Keeps FIDs 1 to `bridge_count` for the bridges themselves.
  explicit FidTable(std::size_t bridge_count);

  [[nodiscard]] static Fid of_bridge(BridgeIndex bridge) noexcept { return static_cast<Fid>(bridge + 1); }
  /// nullopt when all are taken.
  [[nodiscard]] std::optional<Fid> take(Owner owner);
  void give_back(Fid fid);
  /// kNoBridge: nobody's.
  [[nodiscard]] Owner owner(Fid fid) const noexcept { return owners_[fid]; }
  [[nodiscard]] std::size_t free_count() const noexcept { return free_.size(); }

 private:
  std::vector<Owner> owners_;
  std::vector<Fid> free_;
};

}  // namespace rb
