// SPDX-License-Identifier: GPL-2.0-or-later
// Super-frames are TCP and UDP frames of up to 64 KiB that still have to be cut and summed. This header sends and
// receives them with their virtio_net_hdr.
#pragma once

#include <optional>
#include <string>

#include "lab.hpp"
#include "switch/vnet_header.hpp"

namespace rb::test {

/// A frame with its virtio_net_hdr.
struct OffloadedFrame {
  VnetHeader header = {};  // with NEEDS_CSUM: the checksum field holds the sum over the pseudo header only
  Octets octets = {};
};

struct SuperFrameFields {
  std::string destination = "ff:ff:ff:ff:ff:ff";
  std::string source = "02:aa:00:00:00:01";
  bool ipv6 = false;
  bool udp = false;  // USO if true, otherwise TSO
  std::uint16_t segment_size = 1400;
};
[[nodiscard]] OffloadedFrame make_super_frame(const SuperFrameFields& fields, const std::string& payload);

/// Returns the payload after the TCP or UDP header of a frame that make_super_frame() made, or of a segment of it.
/// Returns nullopt for any other frame, and if a length or, in a finished frame, a checksum is wrong.
[[nodiscard]] std::optional<std::string> payload_of(const OffloadedFrame& frame);

/// Like Wire, with the virtio_net_hdr of each frame.
class OffloadedWire {
 public:
  explicit OffloadedWire(const Lab::Host& host);
  void send(const OffloadedFrame& frame) const;
  /// Returns the next frame with a payload_of(), or nullopt if none comes for ten seconds.
  [[nodiscard]] std::optional<OffloadedFrame> receive() const;

 private:
  UniqueFd fd_;
};

}  // namespace rb::test
