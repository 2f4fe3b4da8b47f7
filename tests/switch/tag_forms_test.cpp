// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/tag_forms.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "switch/offload.hpp"
#include "tests/switch/offload_frames.hpp"
#include "tests/switch/tagged_frame.hpp"

namespace rb {
namespace {

using testing::octets_of;
using testing::TaggedFrame;
using testing::tags_of;

constexpr VlanTag kTen = make_tag(kTpidCustomer, 10), kEleven = make_tag(kTpidCustomer, 0xb00b);

TEST(TagForms, PushesPopsAndChangesTheOutermostTag) {
  TagForms forms;
  const TaggedFrame plain({}), tagged({kTen}), twice({kTen, kEleven});
  EXPECT_EQ(tags_of(forms[forms.form_of(plain.view, 0, kUntagged, kEleven)]), "8100b00b 88b5");
  EXPECT_EQ(tags_of(forms[forms.form_of(tagged.view, 1, kTen, kUntagged)]), "88b5");
  EXPECT_EQ(tags_of(forms[forms.form_of(tagged.view, 1, kTen, kEleven)]), "8100b00b 88b5");
  EXPECT_EQ(tags_of(forms[forms.form_of(twice.view, 2, kTen, kUntagged)]), "8100b00b 88b5");
  EXPECT_EQ(tags_of(forms[forms.form_of(tagged.view, 1, kUntagged, make_tag(kTpidService, 5))]),
            "88a80005 8100000a 88b5");
}

TEST(TagForms, KeepEveryOtherOctetAndAddUp) {
  TagForms forms;
  const TaggedFrame plain({});
  const Frame& form = forms[forms.form_of(plain.view, 0, kUntagged, kTen)];
  std::vector<std::uint8_t> expected = octets_of(plain.view);
  expected.insert(expected.begin() + 12, {0x81, 0x00, 0x00, 0x0a});
  EXPECT_EQ(octets_of(form), expected);
  EXPECT_EQ(form.size, expected.size());
  EXPECT_EQ(form.ingress, plain.view.ingress);
  EXPECT_EQ(reinterpret_cast<const std::byte*>(form.vnet + 1), form.pieces[0].data)
      << "header and frame are contiguous and need one write";
}

TEST(TagForms, AreMadeOnceForEachFrameAndTag) {
  TagForms forms;
  const TaggedFrame one({}), other({});
  const FrameIndex first = forms.form_of(one.view, 0, kUntagged, kTen);
  EXPECT_EQ(forms.form_of(one.view, 0, kUntagged, kTen), first);
  EXPECT_NE(forms.form_of(one.view, 0, kUntagged, kEleven), first);
  const FrameIndex of_other = forms.form_of(other.view, 7, kUntagged, kTen);
  EXPECT_NE(of_other, first);
  EXPECT_EQ(forms.origin(first), 0);
  EXPECT_EQ(forms.origin(of_other), 7);
  EXPECT_EQ(forms.form_of(one.view, 0, kUntagged, kTen), first);
  forms.clear();
  EXPECT_EQ(forms.form_of(other.view, 7, kUntagged, kTen), kMaxBatch);
}

TEST(TagForms, SaySoWhenThereIsNoRoom) {
  TagForms forms;
  const TaggedFrame frame({});
  for (std::size_t i = 0; i < TagForms::kMaxForms; ++i) {
    const VlanTag tag = make_tag(kTpidCustomer, static_cast<std::uint16_t>(i + 1));
    ASSERT_NE(forms.form_of(frame.view, 0, kUntagged, tag), TagForms::kNoFrame);
  }
  EXPECT_EQ(forms.form_of(frame.view, 0, kUntagged, make_tag(kTpidCustomer, 4000)), TagForms::kNoFrame);
  EXPECT_NE(forms.form_of(frame.view, 0, kUntagged, make_tag(kTpidCustomer, 1)), TagForms::kNoFrame)
      << "this form exists already";
}

/// A frame with offload work keeps the work when a tag is pushed or popped. Cutting it afterwards gives the same
/// segments as cutting it without that, except for the tag of each segment.
struct NamedShape {
  const char* name;
  testing::Shape shape;
};
void PrintTo(const NamedShape& named, std::ostream* out) {
  *out << named.name;
}
class TagFormsOffload : public ::testing::TestWithParam<NamedShape> {};

std::vector<testing::Octets> cut(const Frame& frame) {
  Segmenter segmenter(frame);
  EXPECT_TRUE(segmenter.valid());
  std::array<std::byte, Segmenter::kScratchSize> scratch;
  Segmenter::Segment segment;
  std::vector<testing::Octets> segments;
  while (segmenter.next(scratch, segment)) {
    const auto* head = reinterpret_cast<const std::uint8_t*>(scratch.data()) + sizeof(VnetHeader);
    testing::Octets octets(head, head + (segment.head_size - sizeof(VnetHeader)));
    for (std::uint32_t i = 0; i < segment.payload_count; ++i) {
      const auto* data = reinterpret_cast<const std::uint8_t*>(segment.payload[i].data);
      octets.insert(octets.end(), data, data + segment.payload[i].size);
    }
    segments.push_back(std::move(octets));
  }
  return segments;
}

TEST_P(TagFormsOffload, StaysTrueThroughPushAndPop) {
  for (const bool finished_by_port : {false, true}) {
    testing::Shape plain = GetParam().shape, tagged = plain;
    plain.payload = tagged.payload = testing::random_octets(5000);
    tagged.vlan_tags = 1;  // VLAN 10, priority 1
    testing::Sample without(plain), with(tagged);
    const VlanTag tag = make_tag(kTpidCustomer, 0x200a);
    TagForms forms;
    without.vnet.hdr_len = static_cast<std::uint16_t>(without.offsets.payload);
    with.vnet.hdr_len = static_cast<std::uint16_t>(with.offsets.payload);
    const Frame& pushed = forms[forms.form_of(without.frame(), 0, kUntagged, tag)];
    const Frame& popped = forms[forms.form_of(with.frame(), 1, tag, kUntagged)];
    EXPECT_EQ(octets_of(pushed), with.octets);
    EXPECT_EQ(octets_of(popped), without.octets);
    EXPECT_EQ(std::memcmp(pushed.vnet, &with.vnet, sizeof(VnetHeader)), 0);
    EXPECT_EQ(std::memcmp(popped.vnet, &without.vnet, sizeof(VnetHeader)), 0);
    if (!finished_by_port) continue;
    EXPECT_EQ(cut(pushed), with.expected());
    EXPECT_EQ(cut(popped), without.expected());
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, TagFormsOffload,
                         ::testing::Values(NamedShape{"Tcp4", {}}, NamedShape{"Tcp6", {.ipv6 = true}},
                                           NamedShape{"Udp4", {.udp = true}},
                                           NamedShape{"Udp6", {.ipv6 = true, .udp = true}},
                                           NamedShape{"Tcp4Options", {.options = 40, .tcp_options = 40}},
                                           NamedShape{"Tcp6Options", {.ipv6 = true, .options = 64, .routing = true}}),
                         [](const auto& shape) { return shape.param.name; });

}  // namespace
}  // namespace rb
