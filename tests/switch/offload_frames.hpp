// SPDX-License-Identifier: GPL-2.0-or-later
// Frames for the tests of checksums and segmentation: unfinished frames as a sender hands them over, and the finished
// frames that must come out. This code makes them octet by octet and shares nothing with switch/.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <span>
#include <vector>

#include "switch/frame.hpp"

namespace rb::testing {

using Octets = std::vector<std::uint8_t>;

inline void append(Octets& to, std::initializer_list<unsigned> octets) {
  for (const unsigned octet : octets) to.push_back(static_cast<std::uint8_t>(octet));
}
inline void append(Octets& to, std::span<const std::uint8_t> octets) {
  to.insert(to.end(), octets.begin(), octets.end());
}
inline void append16(Octets& to, std::size_t value) {
  append(to, {static_cast<unsigned>(value >> 8 & 0xff), static_cast<unsigned>(value & 0xff)});
}
inline void append32(Octets& to, std::uint32_t value) {
  append16(to, value >> 16);
  append16(to, value & 0xffff);
}
inline void put16(Octets& to, std::size_t at, std::size_t value) {
  to.at(at) = static_cast<std::uint8_t>(value >> 8 & 0xff);
  to.at(at + 1) = static_cast<std::uint8_t>(value & 0xff);
}

/// The ones' complement sum as RFC 1071 describes it, without optimization.
inline std::uint16_t naive_sum(std::span<const std::uint8_t> octets, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < octets.size(); ++i) {
    sum += i % 2 == 0 ? octets[i] * 256U : octets[i];
    if (sum > 0xffff) sum = (sum & 0xffff) + 1;
  }
  return static_cast<std::uint16_t>(sum);
}

/// Describes a test frame.
struct Shape {
  bool ipv6 = false;
  bool udp = false;
  unsigned vlan_tags = 0;   // the outermost of several is a service tag
  std::size_t options = 0;  // octets of IPv4 options, or of IPv6 destination options: a multiple of 8
  bool routing = false;     // IPv6: a routing header comes before the destination options
  std::size_t tcp_options = 12;
  std::uint8_t tcp_flags = 0x18;  // ACK, PSH
  std::uint16_t id = 0xfffe;
  std::uint32_t sequence = 0xfffff000;
  Octets payload = {};  // NOLINT(readability-redundant-member-init): GCC 12 warns without it in designated initializers
  std::uint16_t gso_size = 1448;
};

/// Offsets of the headers in the octets of a Shape.
struct Offsets {
  std::size_t ip = 0, transport = 0, payload = 0;
};

/// The checksum field of a frame: it has the sum of the pseudo-header, or it is finished.
enum class Checksum : std::uint8_t { kUnfinished, kFinished };

class FrameWriter {
 public:
  explicit FrameWriter(const Shape& shape) : shape_(shape) {}

  Octets write(Checksum kind) {
    append(octets_, {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1});
    for (unsigned i = 0; i < shape_.vlan_tags; ++i) {
      append16(octets_, i == 0 && shape_.vlan_tags > 1 ? 0x88a8 : 0x8100);
      append16(octets_, 0x2000 + 10 + i);
    }
    append16(octets_, shape_.ipv6 ? 0x86dd : 0x0800);
    offsets.ip = octets_.size();
    shape_.ipv6 ? write_ipv6() : write_ipv4();
    offsets.transport = octets_.size();
    write_transport();
    offsets.payload = octets_.size();
    append(octets_, shape_.payload);
    write_checksum(kind);
    return octets_;
  }

  Offsets offsets;

 private:
  [[nodiscard]] unsigned protocol() const { return shape_.udp ? 17 : 6; }
  [[nodiscard]] std::size_t transport_size() const {
    return (shape_.udp ? 8 : 20 + shape_.tcp_options) + shape_.payload.size();
  }
  [[nodiscard]] std::size_t checksum_at() const { return offsets.transport + (shape_.udp ? 6 : 16); }

  void write_ipv4() {
    append(octets_, {static_cast<unsigned>(0x45 + shape_.options / 4), 0});
    append16(octets_, 20 + shape_.options + transport_size());
    append16(octets_, shape_.id);
    append(octets_, {0x40, 0, 64, protocol(), 0, 0, 10, 0, 0, 1, 10, 0, 0, 2});
    octets_.insert(octets_.end(), shape_.options, 1);
    const auto header = std::span(octets_).subspan(offsets.ip);
    put16(octets_, offsets.ip + 10, static_cast<std::uint16_t>(~naive_sum(header)));
    addresses_ = {10, 0, 0, 1, 10, 0, 0, 2};
  }
  void write_ipv6() {
    append(octets_, {0x60, 0, 0, 0});
    append16(octets_, (shape_.routing ? 24 : 0) + shape_.options + transport_size());
    const unsigned behind_routing = shape_.options != 0 ? 60 : protocol();
    append(octets_, {shape_.routing ? 43 : behind_routing, 64});
    for (unsigned i = 0; i < 32; ++i) append(octets_, {0xf0 + i / 4});
    addresses_.assign(octets_.end() - 32, octets_.end());
    if (shape_.routing) {  // one segment left: the final destination is not the one in the IPv6 header
      append(octets_, {behind_routing, 2, 4, 1, 0, 0, 0, 0});
      for (unsigned i = 0; i < 16; ++i) append(octets_, {addresses_[16 + i] = static_cast<std::uint8_t>(0x30 + i)});
    }
    if (shape_.options != 0) {
      append(octets_,
             {protocol(), static_cast<unsigned>(shape_.options / 8 - 1), 1, static_cast<unsigned>(shape_.options - 4)});
      octets_.insert(octets_.end(), shape_.options - 4, 0);
    }
  }
  void write_transport() {
    append(octets_, {0x12, 0x34, 0x56, 0x78});
    if (shape_.udp) {
      append16(octets_, transport_size());
      return append(octets_, {0, 0});
    }
    append32(octets_, shape_.sequence);
    append(octets_, {1, 2, 3, 4, static_cast<unsigned>((20 + shape_.tcp_options) * 4), shape_.tcp_flags});
    append(octets_, {0x10, 0, 0, 0, 0, 0});
    octets_.insert(octets_.end(), shape_.tcp_options, 1);
  }
  void write_checksum(Checksum kind) {
    Octets pseudo = addresses_;
    append(pseudo, {0, 0, 0, protocol()});
    append32(pseudo, static_cast<std::uint32_t>(transport_size()));
    const std::uint16_t partial = naive_sum(pseudo);
    std::uint16_t written = partial;
    if (kind == Checksum::kFinished) {
      written = static_cast<std::uint16_t>(~naive_sum(std::span(octets_).subspan(offsets.transport), partial));
      if (written == 0 && shape_.udp) written = 0xffff;
    }
    put16(octets_, checksum_at(), written);
  }

  const Shape& shape_;
  Octets octets_;
  Octets addresses_;  // in the form of the pseudo-header
};

/// An unfinished frame with its VnetHeader, in pieces.
struct Sample {
  explicit Sample(Shape wanted) : shape(std::move(wanted)) {
    FrameWriter writer(shape);
    octets = writer.write(Checksum::kUnfinished);
    offsets = writer.offsets;
    vnet.flags = kVnetNeedsCsum;
    vnet.gso_type = shape.udp ? kGsoUdpL4 : shape.ipv6 ? kGsoTcpV6 : kGsoTcpV4;
    vnet.gso_size = shape.gso_size;
    vnet.csum_start = static_cast<std::uint16_t>(offsets.transport);
    vnet.csum_offset = shape.udp ? 6 : 16;
  }

  /// Cuts the frame at these offsets. Without offsets the frame is one piece.
  void cut_at(std::vector<std::size_t> ends) { ends_ = std::move(ends); }
  /// Cuts the payload into pieces of `size` octets.
  void cut_every(std::size_t size) {
    ends_.clear();
    for (std::size_t at = offsets.payload; at < octets.size(); at += size) ends_.push_back(at);
  }
  /// The frame is valid until the sample is changed.
  Frame frame() {
    pieces_.clear();
    std::size_t begin = 0;
    std::vector<std::size_t> ends = ends_;
    ends.push_back(octets.size());
    for (const std::size_t end : ends) {
      pieces_.push_back({reinterpret_cast<std::byte*>(octets.data()) + begin, static_cast<std::uint32_t>(end - begin)});
      begin = end;
    }
    return {&vnet, pieces_.data(), static_cast<std::uint32_t>(octets.size()),
            static_cast<std::uint16_t>(pieces_.size()), 0};
  }
  /// Returns the frames that must come out. Each segment is made as a frame of its own.
  [[nodiscard]] std::vector<Octets> expected() const {
    std::vector<Octets> segments;
    const std::size_t size = shape.payload.size();
    for (std::size_t at = 0; at < size || segments.empty(); at += shape.gso_size) {
      const std::size_t end = std::min<std::size_t>(size, at + shape.gso_size);
      Shape own = shape;
      own.payload.assign(shape.payload.begin() + static_cast<std::ptrdiff_t>(at),
                         shape.payload.begin() + static_cast<std::ptrdiff_t>(end));
      own.id = static_cast<std::uint16_t>(shape.id + segments.size());
      own.sequence = shape.sequence + static_cast<std::uint32_t>(at);
      if (at != 0) own.tcp_flags &= 0x7f;
      if (end != size) own.tcp_flags &= 0xf6;
      segments.push_back(FrameWriter(own).write(Checksum::kFinished));
    }
    return segments;
  }

  Shape shape;
  Octets octets;
  Offsets offsets;
  VnetHeader vnet;

 private:
  std::vector<std::size_t> ends_;
  std::vector<Piece> pieces_;
};

/// gso_types that are wrong for a TCP over IPv4 frame.
inline constexpr std::array<std::uint8_t, 9> kWrongForTcpV4 = {
    kGsoTcpV6, kGsoUdpL4, kGsoUdp, kGsoUdpL4 | kGsoEcn, kGsoEcn, 2, 6, 0x7f, 0xff};

inline Octets random_octets(std::size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  Octets octets(size);
  for (std::uint8_t& octet : octets) octet = static_cast<std::uint8_t>(random());
  return octets;
}

}  // namespace rb::testing
