// SPDX-License-Identifier: GPL-2.0-or-later
// TagForms: frames of one batch as they leave with another VLAN tag, or without theirs.
//
// How it works. A form is a Frame of its own: a head in memory of the TagForms (virtio_net_hdr, addresses, the new tag,
// and for a frame with offload work all its headers, which must lie in one piece), then the rest of the very octets
// that came. So a flood to tagged and untagged ports shares one payload, ports send forms as they send frames, and
// what virtio_net_hdr says of offsets is moved along once for each form, not for each copy. A form is made when its
// first copy is decided, and found again by the frame and the tag.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "switch/egress_lists.hpp"
#include "switch/frame.hpp"
#include "switch/gso_headers.hpp"
#include "switch/vlan.hpp"

namespace rb {

inline constexpr std::size_t kAddressesSize = 12;  // octets: destination and source, after which a tag comes

/// Offsets count from a frame's first octet. Moves them for a tag of `octets` that was inserted (negative: removed).
inline void move_offsets(VnetHeader& vnet, int octets) noexcept {
  if ((vnet.flags & kVnetNeedsCsum) != 0) vnet.csum_start = static_cast<std::uint16_t>(vnet.csum_start + octets);
  if (vnet.gso_type != kGsoNone) vnet.hdr_len = static_cast<std::uint16_t>(vnet.hdr_len + octets);
}

/// One worker owns and uses a TagForms. It allocates memory only in its constructor.
class TagForms {
 public:
  /// Maximum in one batch. Frames whose VLANs are translated differently on many ports need many forms.
  static constexpr std::size_t kMaxForms = 2048;

  TagForms();

  /// Begins a new batch: earlier forms are invalid, and frames that used them must have been written.
  void clear() noexcept;
  /// Returns the form of `frame` that has the tag `wanted`. `index` is the frame's index in its batch, and `came` is
  /// its bridge's tag at the beginning. Returns kNoFrame if there is no room for one more.
  [[nodiscard]] FrameIndex form_of(const Frame& frame, FrameIndex index, VlanTag came, VlanTag wanted) noexcept;
  static constexpr FrameIndex kNoFrame = 0xffff;

  /// Returns a form by the index from form_of().
  [[nodiscard]] const Frame& operator[](FrameIndex index) const noexcept { return forms_[index - kMaxBatch].frame; }
  /// Returns the frame of the batch to which a form belongs.
  [[nodiscard]] FrameIndex origin(FrameIndex index) const noexcept { return forms_[index - kMaxBatch].origin; }

 private:
  static constexpr std::size_t kMaxPieces = 8 * kMaxForms;  // guests' frames may have 19 pieces each
  static constexpr std::uint16_t kNone = 0xffff;

  struct Form {
    Frame frame;
    VlanTag tag;
    FrameIndex origin;
    std::uint16_t next;  // the next form of the same frame
    alignas(8) VnetHeader vnet;
    // It follows without a gap, so that one write can take both. It has room for the longest headers and one more tag.
    std::array<std::byte, kMaxHeadersSize + kVlanTagSize> head;
  };
  static_assert(offsetof(Form, head) == offsetof(Form, vnet) + sizeof(VnetHeader));

  static void write_head(Form& form, const Frame& frame, std::size_t kept, VlanTag came) noexcept;

  std::unique_ptr<Form[]> forms_;
  std::unique_ptr<Piece[]> pieces_;
  std::size_t form_count_ = 0, piece_count_ = 0;
  std::array<std::uint16_t, kMaxBatch> first_;  // the first form of each frame
};

}  // namespace rb
