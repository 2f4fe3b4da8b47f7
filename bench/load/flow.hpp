// SPDX-License-Identifier: GPL-2.0-or-later
// A flow: the frames that one port sends, where to, how many and how fast.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "switch/mac_address.hpp"

namespace bench {

/// As a request describes it.
struct Flow {
  std::size_t from = 0;  // index of the port that sends
  /// Indices of ports, in turn; empty where to_address says it.
  // NOLINTNEXTLINE(readability-redundant-member-init): GCC wants it.
  std::vector<std::size_t> to = {};
  std::optional<rb::MacAddress> to_address = std::nullopt;  // broadcast, or an address of no station
  double rate = 0;                                          // frames a second; 0: as many as the port takes
  std::uint64_t count = 0;                                  // frames; 0: until the trial ends
  std::vector<std::uint32_t> sizes{64};                     // octets, tag and FCS included, in turn
  std::optional<std::uint16_t> vlan = std::nullopt;         // VID of a tag
  std::uint32_t stations = 1;                               // of the port that sends, in turn
  std::uint32_t first_station = 0;
  std::uint32_t to_stations = 1;  // of each port in `to`, in turn
  std::uint32_t to_first_station = 0;
  bool retry = false;                                   // what the port refuses is sent again
  std::uint32_t window = 0;                             // frames under way at most; 0: any number
  std::optional<rb::MacAddress> source = std::nullopt;  // instead of a station's
  std::uint16_t ethertype = 0x88b5;
};

inline constexpr std::uint32_t kMostStations = 1U << 24;
inline constexpr std::size_t kMostPorts = 1U << 16;

/// 02:PP:PP:SS:SS:SS, port and station big endian.
[[nodiscard]] rb::MacAddress station_address(std::size_t port, std::uint32_t station);
/// The smallest size of a flow's frames: addresses, tag, EtherType and FCS; and the smallest that holds a stamp.
[[nodiscard]] std::uint32_t smallest_size(const Flow& flow);
[[nodiscard]] std::uint32_t smallest_stamped_size(const Flow& flow);

/// Frames longer than a wire takes: IPv4/TCP, for somebody else to cut (super_frame.hpp). The EtherType is then IPv4's.
[[nodiscard]] bool is_super(const Flow& flow);

/// Writes the frames of a flow, one after the other.
///
/// How it works. All that stays the same is in a template of 64 octets, which is copied to each frame as a whole, also
/// where the frame is shorter: buffers have room. What changes from frame to frame (addresses, stamp) is written over
/// it afterwards. What lies behind the template is left as it is. There are no divisions from frame to frame: the
/// position counts each cycle by itself.
class FrameWriter {
 public:
  /// `stamps`: every frame gets its sequence number and time; all sizes must have room for a stamp.
  FrameWriter(const Flow& flow, std::uint16_t index, std::uint16_t trial, bool stamps);

  /// The times that frames written together bear.
  struct Stamps {
    std::int64_t first_ns = 0;
    double distance_ns = 0;
  };
  /// Writes the frames that come next into `slots`, of at least 64 octets each, and their sizes (without FCS).
  void write(std::span<std::byte* const> slots, std::span<std::uint32_t> sizes, Stamps stamps);
  /// Goes on behind the first `count` frames of those that write() wrote; without this they are written again.
  void advance(std::size_t count);

 private:
  static constexpr std::size_t kTemplateSize = 64;
  struct Position {
    std::uint64_t frame = 0;
    std::uint32_t size = 0, station = 0, to_port = 0, to_station = 0;  // where each cycle is
  };
  [[nodiscard]] Position position_of(std::uint64_t frame) const;
  void step(Position& position) const;
  void write_changing(std::byte* slot, const Position& position, std::int64_t time_ns) const;

  std::array<std::byte, kTemplateSize> template_{};
  std::vector<std::uint32_t> sizes_;  // without FCS
  std::vector<std::uint64_t> to_;     // address of the first station of each port, as a number
  std::uint64_t from_ = 0;
  std::uint32_t stations_, to_stations_;
  std::size_t stamp_at_;  // offset of sequence and time
  bool stamps_;
  bool constant_;         // all frames are alike
  Position start_, end_;  // of what write() writes, and of what it wrote
};

}  // namespace bench
