// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/frame_words.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace rb {
namespace {

constexpr std::int64_t kMinFrameSize = 60;     // bytes without FCS (IEEE 802.3-2022 4.2.3.3)
constexpr std::int64_t kMaxFrameSize = 65535;  // bytes; a tap gives no larger frame
constexpr std::int64_t kMaxVid = 4094;

constexpr std::array kFields = {
    Argument{.keyword = "src", .kind = ValueKind::kMac, .meaning = "the address of the sender"},
    Argument{.keyword = "dst", .kind = ValueKind::kMac, .meaning = "the address of the receiver"},
    Argument{.keyword = "type",
             .kind = ValueKind::kNumber,
             .need = Need::kOptional,
             .meaning = "the EtherType; 0x0800 if no type is given"},
    Argument{.keyword = "vlan",
             .kind = ValueKind::kVlan,
             .need = Need::kOptional,
             .meaning = "the VID of a tag; the frame has no tag if no VID is given"},
    Argument{.keyword = "size",
             .kind = ValueKind::kNumber,
             .need = Need::kOptional,
             .placeholder = "BYTES",
             .meaning = "the size without the checksum; 60 bytes if no size is given"},
};

struct Fields {
  std::string source, destination;
  std::int64_t type = 0x0800;
  std::int64_t vid = -1;  // none
  std::int64_t size = kMinFrameSize;
};

std::int64_t ranged(WordParser& words, std::string_view what, std::int64_t least, std::int64_t most) {
  const std::int64_t value = words.integer(what);
  if (value < least || value > most) words.fail(fmt::format("{} must be {} to {}", what, least, most));
  return value;
}

/// Takes one field; false when the next word is the name of no field.
bool read_field(WordParser& words, Fields& fields) {
  if (words.accept("src")) {
    fields.source = words.mac("src");
  } else if (words.accept("dst")) {
    fields.destination = words.mac("dst");
  } else if (words.accept("type")) {
    fields.type = ranged(words, "type", 0, 0xffff);
  } else if (words.accept("vlan")) {
    fields.vid = ranged(words, "vlan", 0, kMaxVid);
  } else if (words.accept("size")) {
    fields.size = ranged(words, "size", 0, kMaxFrameSize);
  } else {
    return false;
  }
  return true;
}

std::string without_colons(std::string mac) {
  std::erase(mac, ':');
  return mac;
}

/// The headers, then zeros up to the size; a size below the headers' cuts them, as a runt would.
std::string build(const Fields& fields) {
  std::string hex = without_colons(fields.destination) + without_colons(fields.source);
  if (fields.vid >= 0) hex += fmt::format("8100{:04x}", fields.vid);
  hex += fmt::format("{:04x}", fields.type);
  hex.resize(static_cast<std::size_t>(fields.size) * 2, '0');
  return hex;
}

std::string read_hex(WordParser& words) {
  std::string hex;
  while (words.more()) hex += words.text("the frame");
  std::erase(hex, ':');
  const bool digits = std::ranges::all_of(hex, [](unsigned char c) { return std::isxdigit(c) != 0; });
  if (!digits || hex.size() % 2 != 0 || hex.size() > 2 * static_cast<std::size_t>(kMaxFrameSize)) {
    words.fail(
        "the frame must be pairs of hex digits, or fields such as 'src 02:00:00:00:00:01 dst ff:ff:ff:ff:ff:ff'");
  }
  return hex;
}

}  // namespace

std::span<const Argument> frame_fields() {
  return kFields;
}

std::string read_frame(WordParser& words) {
  Fields fields;
  bool any = false;
  while (words.more() && read_field(words, fields)) any = true;
  if (!any) {
    if (!words.more()) words.fail("the frame is missing");
    return read_hex(words);
  }
  if (fields.source.empty() || fields.destination.empty()) words.fail("a frame needs both src and dst");
  if (words.more()) words.refuse_next();
  return fields.source.empty() || fields.destination.empty() ? std::string() : build(fields);
}

}  // namespace rb
