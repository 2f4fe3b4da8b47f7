// SPDX-License-Identifier: GPL-2.0-or-later
// Receives frames of trials at a device, with the time at which the kernel received each.
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
/// How it works. The kernel drops frames without the EtherType of trials, with or without a tag, and copies the first
/// octets of the others into the ring. Version 2 shows each frame at once. Version 3 shows frames only when a block is
/// full or old: the time stamps would be the same, but a drain would have to wait for blocks.
class PacketRing {
 public:
  /// Opens the ring for a device of the calling thread's network namespace.
  PacketRing(const std::string& name, unsigned device);
  ~PacketRing();
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;

  /// See LoadPort::receive(). Only the first kKeptSize octets of each frame are there.
  [[nodiscard]] std::span<const ReceivedFrame> receive();
  /// Returns the number of frames since the last call that found the ring full.
  [[nodiscard]] std::uint64_t take_overrun() const;

 private:
  [[nodiscard]] std::byte* slot(std::size_t index) const;

  rb::UniqueFd socket_;
  std::byte* ring_ = nullptr;
  std::size_t next_ = 0;   // the slot that the kernel fills next
  std::size_t taken_ = 0;  // number of slots before next_ that were handed out
  std::array<ReceivedFrame, kMaxBurst> frames_{};
};

}  // namespace bench
