// SPDX-License-Identifier: GPL-2.0-or-later
// Frames of trials as they arrive at a device, with the time at which the kernel had them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "bench/load/load_port.hpp"
#include "ports/base/unique_fd.hpp"

namespace bench {

/// A packet socket with a ring of TPACKET_V2 (Documentation/networking/packet_mmap.rst).
///
/// How it works. The kernel sorts out what does not have the EtherType of trials, with a tag or without, and copies the
/// first octets of the rest into the ring. Version 2 shows each frame at once, version 3 only when a block is full or
/// old: what is measured here is the kernel's time, but a drain would have to wait for blocks.
class PacketRing {
 public:
  /// For a device of the calling thread's network namespace.
  PacketRing(const std::string& name, unsigned device);
  ~PacketRing();
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;

  /// As LoadPort has it. Of each frame only the first kKeptSize octets are there.
  [[nodiscard]] std::span<const ReceivedFrame> receive();
  /// Frames that found the ring full since the last call.
  [[nodiscard]] std::uint64_t take_overrun() const;

 private:
  [[nodiscard]] std::byte* slot(std::size_t index) const;

  rb::UniqueFd socket_;
  std::byte* ring_ = nullptr;
  std::size_t next_ = 0;   // slot that the kernel fills next
  std::size_t taken_ = 0;  // slots before it that were given out
  std::array<ReceivedFrame, kMaxBurst> frames_{};
};

}  // namespace bench
