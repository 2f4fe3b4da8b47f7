// SPDX-License-Identifier: GPL-2.0-or-later
// A flow: the frames that one port sends, with their destinations, number and rate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "switch/mac_address.hpp"

namespace bench {

/// A flow as a request describes it.
struct Flow {
  std::size_t from = 0;  // index of the sending port
  /// Indices of the destination ports, in turn. Empty if to_address is set.
  // NOLINTNEXTLINE(readability-redundant-member-init): GCC wants it.
  std::vector<std::size_t> to = {};
  std::optional<rb::MacAddress> to_address = std::nullopt;  // broadcast, or an address of no station
  double rate = 0;                                          // frames a second; 0: as many as the port takes
  std::uint64_t count = 0;                                  // frames; 0: until the trial ends
  std::vector<std::uint32_t> sizes{64};                     // octets, tag and FCS included, in turn
  std::optional<std::uint16_t> vlan = std::nullopt;         // VID of a tag
  std::uint32_t stations = 1;                               // number of stations of the sending port, in turn
  std::uint32_t first_station = 0;
  std::uint32_t to_stations = 1;  // number of stations of each port in `to`, in turn
  std::uint32_t to_first_station = 0;
  bool retry = false;                                   // frames that the port refuses are sent again
  std::uint32_t window = 0;                             // maximum of frames under way; 0: any number
  std::optional<rb::MacAddress> source = std::nullopt;  // replaces the station's address
  std::uint16_t ethertype = 0x88b5;
};

inline constexpr std::uint32_t kMostStations = 1U << 24;
inline constexpr std::size_t kMostPorts = 1U << 16;

/// The address is 02:PP:PP:SS:SS:SS, with port and station in big endian.
[[nodiscard]] rb::MacAddress station_address(std::size_t port, std::uint32_t station);
/// The smallest size of a flow's frames (addresses, tag, EtherType and FCS), and the smallest size that holds a stamp.
[[nodiscard]] std::uint32_t smallest_size(const Flow& flow);
[[nodiscard]] std::uint32_t smallest_stamped_size(const Flow& flow);

/// True for frames longer than a wire takes. They are IPv4/TCP and must still be cut (super_frame.hpp). Their EtherType
/// is IPv4's.
[[nodiscard]] bool is_super(const Flow& flow);

/// Writes the frames of a flow, one after the other.
///
/// How it works. The constant part of a frame is a template of 64 octets. The writer copies the whole template to each
/// frame, even to shorter frames, because buffers have room. Then it writes the changing fields (addresses, stamp). It
/// does not write octets behind the template. There is no division from frame to frame, because the position counts
/// each cycle separately.
class FrameWriter {
 public:
  /// `stamps`: every frame gets its sequence number and time. All sizes must have room for a stamp.
  FrameWriter(const Flow& flow, std::uint16_t index, std::uint16_t trial, bool stamps);

  /// The times of frames that are written together.
  struct Stamps {
    std::int64_t first_ns = 0;
    double distance_ns = 0;
  };
  /// Writes the next frames into `slots`, of at least 64 octets each, and their sizes (without FCS).
  void write(std::span<std::byte* const> slots, std::span<std::uint32_t> sizes, Stamps stamps);
  /// Moves on by `count` of the frames that write() wrote. Without this, write() writes the same frames again.
  void advance(std::size_t count);

 private:
  static constexpr std::size_t kTemplateSize = 64;
  struct Position {
    std::uint64_t frame = 0;
    std::uint32_t size = 0, station = 0, to_port = 0, to_station = 0;  // the position in each cycle
  };
  [[nodiscard]] Position position_of(std::uint64_t frame) const;
  void step(Position& position) const;
  void write_changing(std::byte* slot, const Position& position, std::int64_t time_ns) const;

  std::array<std::byte, kTemplateSize> template_{};
  std::vector<std::uint32_t> sizes_;  // without FCS
  std::vector<std::uint64_t> to_;     // addresses of the first stations of the ports, as numbers
  std::uint64_t from_ = 0;
  std::uint32_t stations_, to_stations_;
  std::size_t stamp_at_;  // offset of sequence and time
  bool stamps_;
  bool constant_;         // all frames are equal
  Position start_, end_;  // positions before and after the frames that write() wrote
};

}  // namespace bench
