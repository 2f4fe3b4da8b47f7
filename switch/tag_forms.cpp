// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/tag_forms.hpp"

#include <algorithm>
#include <cstring>

#include "switch/big_endian.hpp"

namespace rb {
namespace {

/// Octets of the frame, without `tag_size`, that must be in one piece for the code that finishes its offloads.
std::size_t size_of_work(const Frame& frame, std::size_t tag_size) noexcept {
  const VnetHeader& vnet = *frame.vnet;
  std::size_t size = tag_size + kAddressesSize;
  if (vnet.gso_type != kGsoNone) size = std::max<std::size_t>(size, vnet.hdr_len);
  if ((vnet.flags & kVnetNeedsCsum) != 0) size = std::max<std::size_t>(size, vnet.csum_start + vnet.csum_offset + 2U);
  return std::min({size, kMaxHeadersSize, std::size_t{frame.pieces[0].size}}) - tag_size;
}

}  // namespace

TagForms::TagForms()
    : forms_(std::make_unique_for_overwrite<Form[]>(kMaxForms)),
      pieces_(std::make_unique_for_overwrite<Piece[]>(kMaxPieces)) {
  first_.fill(kNone);
}

void TagForms::clear() noexcept {
  if (form_count_ == 0) return;
  form_count_ = piece_count_ = 0;
  first_.fill(kNone);
}

FrameIndex TagForms::form_of(const Frame& frame, FrameIndex index, VlanTag came, VlanTag wanted) noexcept {
  for (std::uint16_t at = first_[index]; at != kNone; at = forms_[at].next) {
    if (forms_[at].tag == wanted) return static_cast<FrameIndex>(kMaxBatch + at);
  }
  if (form_count_ == kMaxForms || piece_count_ + frame.piece_count + 1U > kMaxPieces) return kNoFrame;
  const auto at = static_cast<std::uint16_t>(form_count_++);
  Form& form = forms_[at];
  form.tag = wanted;
  form.origin = index;
  form.next = first_[index];
  first_[index] = at;

  // The head keeps the frame's first octets, and then the beginning of the rest.
  const std::size_t tag_size = came == kUntagged ? 0 : kVlanTagSize;
  const std::size_t kept = size_of_work(frame, tag_size);
  write_head(form, frame, kept, came);
  const std::size_t new_tag_size = wanted == kUntagged ? 0 : kVlanTagSize;
  Piece* pieces = &pieces_[piece_count_];
  pieces[0] = {form.head.data(), static_cast<std::uint32_t>(kept + new_tag_size)};
  const auto taken = static_cast<std::uint32_t>(kept + tag_size);
  std::uint16_t count = 1;
  if (frame.pieces[0].size > taken) pieces[count++] = {frame.pieces[0].data + taken, frame.pieces[0].size - taken};
  for (std::uint16_t i = 1; i < frame.piece_count; ++i) pieces[count++] = frame.pieces[i];
  piece_count_ += count;
  const auto size = static_cast<std::uint32_t>(frame.size - tag_size + new_tag_size);
  form.frame = {&form.vnet, pieces, size, count, frame.ingress};
  return static_cast<FrameIndex>(kMaxBatch + at);
}

void TagForms::write_head(Form& form, const Frame& frame, std::size_t kept, VlanTag came) noexcept {
  const std::byte* from = frame.pieces[0].data;
  std::byte* to = form.head.data();
  std::memcpy(to, from, kAddressesSize);
  from += kAddressesSize + (came == kUntagged ? 0 : kVlanTagSize);
  to += kAddressesSize;
  if (form.tag != kUntagged) {
    store32(to, form.tag);
    to += kVlanTagSize;
  }
  std::memcpy(to, from, kept - kAddressesSize);

  form.vnet = *frame.vnet;
  constexpr int kTag = kVlanTagSize;
  move_offsets(form.vnet, (form.tag != kUntagged ? kTag : 0) - (came != kUntagged ? kTag : 0));
}

}  // namespace rb
