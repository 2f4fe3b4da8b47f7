// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/flow.hpp"

#include <algorithm>
#include <cstring>

#include "bench/load/load_port.hpp"
#include "bench/load/stamp.hpp"
#include "bench/load/super_frame.hpp"

namespace bench {
namespace {

constexpr std::size_t kAddressSize = 6;
constexpr std::size_t kSourceAt = kAddressSize;

/// Only octets 2 to 5 of a station's address change in a cycle of stations: the low octet of its port and its own
/// number. One store of four octets writes them.
void write_low_half(std::byte* address, std::uint64_t number) {
  const std::uint32_t value = __builtin_bswap32(static_cast<std::uint32_t>(number));
  std::memcpy(address + 2, &value, sizeof value);
}
void write_high_half(std::byte* address, std::uint64_t number) {
  const std::uint16_t value = __builtin_bswap16(static_cast<std::uint16_t>(number >> 32));
  std::memcpy(address, &value, sizeof value);
}
void write_address(std::byte* at, std::uint64_t number) {
  write_high_half(at, number);
  write_low_half(at, number);
}
void write_16(std::byte* at, std::uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(at, &value, sizeof value);
}

}  // namespace

rb::MacAddress station_address(std::size_t port, std::uint32_t station) {
  return rb::MacAddress::from_number(std::uint64_t{0x02} << 40 | static_cast<std::uint64_t>(port) << 24 | station);
}

std::uint32_t smallest_size(const Flow& flow) {
  return static_cast<std::uint32_t>(kHeaderSize + kCheckSequenceSize + (flow.vlan ? kTagSize : 0));
}
std::uint32_t smallest_stamped_size(const Flow& flow) {
  return smallest_size(flow) + static_cast<std::uint32_t>(sizeof(Stamp));
}

bool is_super(const Flow& flow) {
  return std::ranges::max(flow.sizes) > kMaxFrameSize + kCheckSequenceSize;
}

FrameWriter::FrameWriter(const Flow& flow, std::uint16_t index, std::uint16_t trial, bool stamps)
    : stations_(flow.source ? 1 : flow.stations),
      to_stations_(flow.to_address ? 1 : flow.to_stations),
      stamps_(stamps) {
  for (const std::uint32_t size : flow.sizes) {
    sizes_.push_back(size - static_cast<std::uint32_t>(kCheckSequenceSize));
  }
  from_ = flow.source.value_or(station_address(flow.from, flow.first_station)).to_number();
  if (flow.to_address) {
    to_.push_back(flow.to_address->to_number());
  } else {
    for (const std::size_t port : flow.to) {
      to_.push_back(station_address(port, flow.to_first_station).to_number());
    }
  }
  constant_ = !stamps && sizes_.size() == 1 && to_.size() == 1 && stations_ == 1 && to_stations_ == 1;

  write_address(template_.data(), to_.front());
  write_address(template_.data() + kSourceAt, from_);
  std::size_t at = 2 * kAddressSize;
  if (flow.vlan) {
    write_16(template_.data() + at, kCustomerTagType);
    write_16(template_.data() + at + 2, *flow.vlan);
    at += kTagSize;
  }
  write_16(template_.data() + at, flow.ethertype);
  at += 2;
  if (is_super(flow)) {
    std::vector<std::byte> whole(sizes_.front());
    write_tcp_headers(whole, at);
    std::copy_n(whole.begin() + static_cast<std::ptrdiff_t>(at) - 2, kTemplateSize - at + 2,
                template_.begin() + static_cast<std::ptrdiff_t>(at) - 2);
    stamp_at_ = 0;
    return;
  }
  const Stamp stamp{.magic = kStampMagic, .trial = trial, .flow = index, .sequence = 0, .time_ns = 0};
  std::memcpy(template_.data() + at, &stamp, sizeof stamp);
  stamp_at_ = at + offsetof(Stamp, sequence);
}

FrameWriter::Position FrameWriter::position_of(std::uint64_t frame) const {
  return {.frame = frame,
          .size = static_cast<std::uint32_t>(frame % sizes_.size()),
          .station = static_cast<std::uint32_t>(frame % stations_),
          .to_port = static_cast<std::uint32_t>(frame % to_.size()),
          .to_station = static_cast<std::uint32_t>(frame / to_.size() % to_stations_)};
}

inline void FrameWriter::step(Position& position) const {
  ++position.frame;
  if (++position.size == sizes_.size()) position.size = 0;
  if (++position.station == stations_) position.station = 0;
  if (++position.to_port == to_.size()) {
    position.to_port = 0;
    if (++position.to_station == to_stations_) position.to_station = 0;
  }
}

inline void FrameWriter::write_changing(std::byte* slot, const Position& position, std::int64_t time_ns) const {
  write_address(slot, to_[position.to_port] + position.to_station);
  write_low_half(slot + kSourceAt, from_ + position.station);
  if (stamps_) {
    std::memcpy(slot + stamp_at_, &position.frame, sizeof position.frame);
    std::memcpy(slot + stamp_at_ + sizeof position.frame, &time_ns, sizeof time_ns);
  }
}

void FrameWriter::write(std::span<std::byte* const> slots, std::span<std::uint32_t> sizes, Stamps stamps) {
  if (constant_) {
    for (std::byte* slot : slots) std::memcpy(slot, template_.data(), kTemplateSize);
    std::ranges::fill(sizes.first(slots.size()), sizes_.front());
    end_.frame = start_.frame + slots.size();
    return;
  }
  Position position = start_;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    std::memcpy(slots[i], template_.data(), kTemplateSize);
    const auto passed_ns = static_cast<std::int64_t>(static_cast<double>(i) * stamps.distance_ns);
    write_changing(slots[i], position, stamps.first_ns + passed_ns);
    sizes[i] = sizes_[position.size];
    step(position);
  }
  end_ = position;
}

void FrameWriter::advance(std::size_t count) {
  const std::uint64_t frame = start_.frame + count;
  start_ = frame == end_.frame || constant_ ? end_ : position_of(frame);
  start_.frame = frame;
}

}  // namespace bench
