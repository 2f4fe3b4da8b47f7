// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/frame_receiver.hpp"

#include <algorithm>
#include <optional>

#include "bench/load/clock.hpp"

namespace bench {
namespace {

constexpr unsigned kMostDiscardedBursts = 4096;  // more than any ring holds; further frames belong to another load

}  // namespace

FrameReceiver::FrameReceiver(LoadPort& port, PortCounts& counts, const ReceiverSetting& setting, FlowCounts* only_flow)
    : port_(port),
      counts_(counts),
      setting_(setting),
      only_flow_(only_flow),
      sequences_(setting.latency != nullptr ? setting.flow_count : 0) {}

bool FrameReceiver::take() {
  const std::span<const ReceivedFrame> frames = port_.receive();
  if (frames.empty()) return false;
  received_ += frames.size();
  counts_.received.store(received_, std::memory_order_relaxed);
  if (only_flow_ != nullptr) only_flow_->returned.fetch_add(frames.size(), std::memory_order_relaxed);
  if (setting_.looks_into) look_into(frames);
  return true;
}

void FrameReceiver::discard() {
  for (unsigned burst = 0; burst < kMostDiscardedBursts && !port_.receive().empty(); ++burst) {
  }
}

bool FrameReceiver::is_bare(const ReceivedFrame& frame) const {
  if (setting_.bare_types.empty() || frame.size < kHeaderSize) return false;
  std::uint16_t type = read_big_endian_16(frame.octets + kHeaderSize - 2);
  if (type == kCustomerTagType && frame.size >= kHeaderSize + kTagSize) {
    type = read_big_endian_16(frame.octets + kHeaderSize + kTagSize - 2);
  }
  return std::ranges::find(setting_.bare_types, type) != setting_.bare_types.end();
}

void FrameReceiver::look_into(std::span<const ReceivedFrame> frames) {
  const std::int64_t now = setting_.latency != nullptr ? now_ns() : 0;
  for (const ReceivedFrame& frame : frames) {
    const std::optional<Stamp> stamp = find_stamp({frame.octets, frame.size});
    if (!stamp || stamp->trial != setting_.trial || stamp->flow >= setting_.flow_count) {
      if (stamp || !is_bare(frame)) ++foreign_;
      continue;
    }
    if (!setting_.returns.empty() && only_flow_ == nullptr) {
      setting_.returns[stamp->flow].returned.fetch_add(1, std::memory_order_relaxed);
    }
    if (setting_.latency != nullptr) add_latency(*stamp, frame, now);
  }
  counts_.foreign.store(foreign_, std::memory_order_relaxed);
}

void FrameReceiver::add_latency(const Stamp& stamp, const ReceivedFrame& frame, std::int64_t now_ns) {
  FlowLatency& latency = (*setting_.latency)[stamp.flow];
  if (!sequences_[stamp.flow].in_order(stamp.sequence)) ++latency.reordered;
  if (stamp.time_ns < setting_.window->begin_ns.load(std::memory_order_relaxed) ||
      stamp.time_ns >= setting_.window->end_ns.load(std::memory_order_relaxed)) {
    return;
  }
  latency.histogram.add((frame.time_ns != 0 ? frame.time_ns : now_ns) - stamp.time_ns);
}

}  // namespace bench
