// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/held_frames.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace rb {

HeldFrames::HeldFrames()
    : memory_(std::make_unique_for_overwrite<std::byte[]>(kMaxBytes + sizeof(Record))),
      usage_(std::make_unique<Usage[]>(kMaxPorts + 1)) {
  order_.reserve(kMaxFrames);
  taken_.reserve(kMaxFrames);
}

HeldFrames::Record& HeldFrames::record_at(std::size_t offset) noexcept {
  return *std::launder(reinterpret_cast<Record*>(&memory_[offset % kMaxBytes]));
}

bool HeldFrames::hold(const Frame& frame, const HeldAt& at, std::int64_t until_ns) noexcept {
  const std::size_t size = (kFrameAt + frame.size + 7) / 8 * 8;
  Usage& usage = usage_[at.port];
  if (order_.size() + taken_.size() >= kMaxFrames || usage.frames >= kMaxPortFrames ||
      usage.bytes + size > kMaxPortBytes)
    return false;
  const std::size_t to_end = kMaxBytes - tail_ % kMaxBytes;
  const std::size_t skipped = size <= to_end ? 0 : to_end;
  if (tail_ - head_ + skipped + size > kMaxBytes) return false;
  if (skipped != 0) new (&memory_[tail_ % kMaxBytes]) Record{};
  tail_ += skipped;
  std::byte* const start = &memory_[tail_ % kMaxBytes];
  std::byte* to = start + kFrameAt;
  new (start)
      Record{.size = static_cast<std::uint32_t>(size), .octets = frame.size, .at = at, .piece = {to, frame.size}};
  new (start + kVnetAt) VnetHeader(*frame.vnet);
  for (std::size_t i = 0; i < frame.piece_count; ++i) {
    if (frame.pieces[i].size != 0) std::memcpy(to, frame.pieces[i].data, frame.pieces[i].size);
    to += frame.pieces[i].size;
  }
  order_.push_back({until_ns, number_++, tail_});
  std::push_heap(order_.begin(), order_.end(), later);
  tail_ += size;
  usage.bytes += static_cast<std::uint32_t>(size);
  ++usage.frames;
  return true;
}

std::size_t HeldFrames::take_due(std::int64_t now_ns, std::span<Frame> frames, std::span<HeldAt> at) noexcept {
  std::size_t count = 0;
  for (; count < frames.size() && count < at.size() && !order_.empty() && order_.front().until_ns <= now_ns; ++count) {
    const std::size_t offset = order_.front().offset;
    std::pop_heap(order_.begin(), order_.end(), later);
    order_.pop_back();
    taken_.push_back(offset);
    Record& record = record_at(offset);
    auto* vnet = reinterpret_cast<VnetHeader*>(reinterpret_cast<std::byte*>(&record) + kVnetAt);
    frames[count] = {vnet, &record.piece, record.octets, 1, record.at.port};
    at[count] = record.at;
  }
  return count;
}

void HeldFrames::release_taken() noexcept {
  for (const std::size_t offset : taken_) finish(record_at(offset));
  taken_.clear();
  advance();
}

void HeldFrames::forget(PortIndex port) noexcept {
  if (usage_[port].frames == 0) return;
  std::erase_if(order_, [&](const Place& place) {
    Record& record = record_at(place.offset);
    if (record.at.port != port) return false;
    finish(record);
    return true;
  });
  std::make_heap(order_.begin(), order_.end(), later);
  advance();
}

void HeldFrames::finish(Record& record) noexcept {
  record.done = true;
  Usage& usage = usage_[record.at.port];
  usage.bytes -= record.size;
  --usage.frames;
}

/// Frees what stands before the oldest record whose frame is still held.
void HeldFrames::advance() noexcept {
  while (head_ != tail_) {
    const Record& record = record_at(head_);
    if (record.size == 0) {
      head_ += kMaxBytes - head_ % kMaxBytes;
    } else if (record.done) {
      head_ += record.size;
    } else {
      return;
    }
  }
}

}  // namespace rb
