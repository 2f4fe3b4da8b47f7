// SPDX-License-Identifier: GPL-2.0-or-later
// Frames with VLAN tags for tests. This code writes and reads them and shares nothing with switch/.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "switch/frame.hpp"

namespace rb::testing {

/// Each tag is TPID and TCI, e.g. 0x8100'000a.
using Tags = std::vector<std::uint32_t>;

/// A broadcast frame (or to 02:00:00:00:00:<to>) from 02:00:00:00:00:<from> with these tags, the outermost first.
class TaggedFrame {
 public:
  explicit TaggedFrame(const Tags& tags, PortIndex ingress = 0, std::uint8_t from = 1, int to = -1,
                       std::size_t payload_size = 46) {
    octets_.assign(12, to < 0 ? 0xff : 0);
    if (to >= 0) {
      octets_[0] = 2;
      octets_[5] = static_cast<std::uint8_t>(to);
    }
    std::fill(octets_.begin() + 6, octets_.end(), std::uint8_t{0});
    octets_[6] = 2;
    octets_[11] = from;
    for (const std::uint32_t tag : tags) {
      for (const unsigned shift : {24U, 16U, 8U, 0U}) octets_.push_back(static_cast<std::uint8_t>(tag >> shift));
    }
    octets_.push_back(0x88);
    octets_.push_back(0xb5);
    for (std::size_t i = 0; i < payload_size; ++i) octets_.push_back(static_cast<std::uint8_t>(i));
    piece_ = {reinterpret_cast<std::byte*>(octets_.data()), static_cast<std::uint32_t>(octets_.size())};
    view = {&vnet, &piece_, piece_.size, 1, ingress};
  }
  TaggedFrame(const TaggedFrame&) = delete;
  TaggedFrame& operator=(const TaggedFrame&) = delete;

  VnetHeader vnet;
  Frame view;

 private:
  std::vector<std::uint8_t> octets_;
  Piece piece_;
};

/// Returns all octets of a frame, with its pieces put together.
inline std::vector<std::uint8_t> octets_of(const Frame& frame) {
  std::vector<std::uint8_t> octets;
  for (std::uint16_t i = 0; i < frame.piece_count; ++i) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(frame.pieces[i].data);
    octets.insert(octets.end(), data, data + frame.pieces[i].size);
  }
  return octets;
}

/// Returns the tags of a frame, then its EtherType, as hexadecimal: "8100000a 88b5".
inline std::string tags_of(const Frame& frame) {
  const std::vector<std::uint8_t> octets = octets_of(frame);
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  const auto print = [&](std::size_t at, std::size_t count) {
    for (std::size_t i = at; i < at + count && i < octets.size(); ++i) {
      text += kHex[octets[i] >> 4];
      text += kHex[octets[i] & 15];
    }
  };
  std::size_t at = 12;
  for (; at + 4 <= octets.size(); at += 4) {
    const unsigned type = octets[at] * 256U + octets[at + 1];
    if (type != 0x8100 && type != 0x88a8) break;
    print(at, 4);
    text += ' ';
  }
  print(at, 2);
  return text;
}

}  // namespace rb::testing
