// SPDX-License-Identifier: GPL-2.0-or-later
// VLANs for the relay: sets of VIDs, the rules of a port and a bridge, and a frame's tag.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "switch/frame.hpp"

namespace rb {

/// VLAN identifier (IEEE 802.1Q-2022 9.6): 1 to kMaxVid; 0 is "no VLAN", 4095 is reserved.
using Vid = std::uint16_t;
inline constexpr Vid kNoVid = 0;
inline constexpr Vid kMaxVid = 4094;
inline constexpr std::size_t kVidCount = 4096;

/// Tag protocol identifiers (IEEE 802.1Q-2022 table 9-1).
inline constexpr std::uint16_t kTpidCustomer = 0x8100;  // 802.1Q
inline constexpr std::uint16_t kTpidService = 0x88a8;   // 802.1ad

/// A set of VIDs; one bit each.
class VidSet {
 public:
  [[nodiscard]] bool test(Vid vid) const noexcept { return (words_[vid / 64] >> (vid % 64) & 1) != 0; }
  void set(Vid vid) noexcept { words_[vid / 64] |= std::uint64_t{1} << (vid % 64); }
  void reset(Vid vid) noexcept { words_[vid / 64] &= ~(std::uint64_t{1} << (vid % 64)); }
  [[nodiscard]] bool empty() const noexcept { return *this == VidSet{}; }
  [[nodiscard]] std::size_t size() const noexcept;
  VidSet& operator|=(const VidSet& other) noexcept;
  VidSet& operator-=(const VidSet& other) noexcept;
  bool operator==(const VidSet&) const = default;

  /// Calls `visit(vid)` in ascending order.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1)
        visit(static_cast<Vid>(i * 64 + static_cast<std::size_t>(std::countr_zero(word))));
    }
  }

 private:
  std::array<std::uint64_t, kVidCount / 64> words_{};
};

/// A VLAN tag as on the wire, TPID above TCI; 0: no tag.
using VlanTag = std::uint32_t;
inline constexpr VlanTag kUntagged = 0;
[[nodiscard]] constexpr VlanTag make_tag(std::uint16_t tpid, std::uint16_t tci) noexcept {
  return VlanTag{tpid} << 16 | tci;
}
[[nodiscard]] constexpr Vid vid_of(VlanTag tag) noexcept {
  return static_cast<Vid>(tag & 0xfff);
}
/// PCP and DEI at their place in a TCI.
[[nodiscard]] constexpr std::uint16_t priority_bits(VlanTag tag) noexcept {
  return static_cast<std::uint16_t>(tag & 0xf000);
}
inline constexpr unsigned kPcpShift = 13;
inline constexpr std::uint16_t kDeiBit = 0x1000;

/// The frames that a port lets in (acceptable frame types, IEEE 802.1Q-2022 6.9).
enum class AdmitFrames : std::uint8_t {
  kAll,
  kTaggedOnly,
  kUntaggedOnly
};  // kUntaggedOnly includes priority-tagged frames

/// The wire of one port has other VIDs than the bridge (VID translation, IEEE 802.1Q-2022 6.9).
struct VidTranslation {
  std::array<Vid, kVidCount> to_bridge;  // for the tag of a frame that comes in
  std::array<Vid, kVidCount> to_wire;    // for the tag of a frame that goes out
};

/// The VLAN rules of one port of a VLAN-aware bridge. Immutable once published.
struct PortVlans {
  VidSet ingress;     // frames of these VLANs are let in
  VidSet egress;      // frames of these VLANs may leave: the member set
  VidSet untagged;    // frames of these VLANs leave without the bridge's tag
  Vid pvid = kNoVid;  // for frames without a VID; kNoVid: they are dropped
  AdmitFrames admit = AdmitFrames::kAll;
  bool tunnel = false;  // every frame is a customer's frame without a tag of the bridge, whatever its first octets are
  /// Priority regeneration (IEEE 802.1Q-2022 6.9.4): the PCP inside, indexed by the PCP of the frame's tag.
  std::array<std::uint8_t, 8> regenerated{0, 1, 2, 3, 4, 5, 6, 7};
  std::uint8_t default_pcp = 0;             // for frames without a tag
  std::vector<VidTranslation> translation;  // one, or none
};

/// What all ports of a VLAN-aware bridge share; immutable once published.
class BridgeVlans {
 public:
  /// `fids` is indexed by VID; 0 where no port is a member. `ports` has each port's member set.
  struct Member {
    PortIndex port;
    const PortVlans* vlans;
  };
  BridgeVlans(std::uint16_t tpid, std::span<const Fid, kVidCount> fids, std::span<const Member> ports);

  [[nodiscard]] std::uint16_t tpid() const noexcept { return tpid_; }
  [[nodiscard]] Fid fid(Vid vid) const noexcept { return fids_[vid]; }
  /// The ports whose member set has the VID, in index order.
  [[nodiscard]] std::span<const PortIndex> members(Vid vid) const noexcept {
    return {members_.data() + first_[vid], first_[vid + std::size_t{1}] - first_[vid]};
  }

 private:
  std::uint16_t tpid_;
  std::array<Fid, kVidCount> fids_;
  std::array<std::uint32_t, kVidCount + 1> first_{};  // the index of a VID's first member
  std::vector<PortIndex> members_;
};

}  // namespace rb
