// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/flow_sender.hpp"

#include <algorithm>
#include <span>

#include "bench/load/clock.hpp"

namespace bench {
namespace {

/// The window does not wait longer than this for a frame.
constexpr std::int64_t kLostNs = 2'000'000;
/// Without a rate the frames of a burst share one stamp, so in a long burst the last frame's latency would grow.
constexpr std::size_t kStampedBurst = 8;

}  // namespace

FlowSender::FlowSender(const Flow& flow, LoadPort& port, FlowCounts& counts, const Setting& setting)
    : port_(port),
      counts_(counts),
      writer_(flow, setting.index, setting.trial, setting.stamps),
      pacer_(flow.rate, setting.phase, setting.stamps ? Pacer::kLongLagNs : Pacer::kUsualLagNs),
      count_(flow.count),
      burst_(setting.stamps ? kStampedBurst : kMaxBurst),
      window_(flow.window),
      retry_(flow.retry),
      paced_(flow.rate > 0),
      stamps_(setting.stamps) {}

void FlowSender::start(std::int64_t now_ns) {
  pacer_.start(now_ns);
  last_progress_ns_ = now_ns;
}

std::uint64_t FlowSender::room_in_window(std::int64_t now_ns) {
  const std::uint64_t returned = counts_.returned.load(std::memory_order_relaxed);
  if (returned != last_returned_) {
    last_returned_ = returned;
    last_progress_ns_ = now_ns;
  }
  std::int64_t under_way = static_cast<std::int64_t>(sent_ - returned) - lost_;
  if (under_way < 0) {  // a frame arrived that had counted as lost
    lost_ += under_way;
    under_way = 0;
  }
  if (under_way >= std::int64_t{window_} && now_ns - last_progress_ns_ > kLostNs) {
    lost_ += under_way;
    under_way = 0;
  }
  return static_cast<std::uint64_t>(std::max<std::int64_t>(std::int64_t{window_} - under_way, 0));
}

std::size_t FlowSender::due(std::int64_t now_ns) {
  std::uint64_t due = std::min<std::uint64_t>(burst_, pacer_.due(now_ns));
  if (count_ > 0) due = std::min(due, count_ - handed_);
  if (window_ > 0 && due > 0) due = std::min(due, room_in_window(now_ns));
  return static_cast<std::size_t>(due);
}

FrameWriter::Stamps FlowSender::stamps() const {
  if (!stamps_) return {};
  // The stamp is the time when the frame was due: if the switch or anything else holds the generator up, the latency
  // includes this.
  if (paced_) return {.first_ns = pacer_.next_ns(), .distance_ns = pacer_.distance_ns()};
  return {.first_ns = bench::now_ns(), .distance_ns = 0};
}

bool FlowSender::send(std::int64_t now_ns) {
  const std::size_t wanted = due(now_ns);
  if (wanted == 0) return false;
  const std::size_t room = port_.reserve(std::span(slots_).first(wanted));
  std::size_t taken = 0;
  if (room > 0) {
    writer_.write(std::span(slots_).first(room), sizes_, stamps());
    taken = port_.send(std::span<const std::uint32_t>(sizes_).first(room));
  }
  std::size_t passed = taken;
  if (!retry_) {
    // The port refused one frame, and the frames after it are still to be tried. If the port had no room, the frames
    // that were due count as refused. Without a rate no frame was due, and all frames wait.
    if (taken < room) {
      ++passed;
    } else if (paced_) {
      passed = wanted;
    }
    refused_ += passed - taken;
    counts_.refused.store(refused_, std::memory_order_relaxed);
  }
  if (taken > 0) {
    sent_ += taken;
    counts_.sent.store(sent_, std::memory_order_relaxed);
    last_progress_ns_ = now_ns;
  }
  handed_ += passed;
  writer_.advance(passed);
  pacer_.hand_over(passed);
  return passed > 0;
}

}  // namespace bench
