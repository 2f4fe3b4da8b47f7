// SPDX-License-Identifier: GPL-2.0-or-later
// LoadPort is the interface of all kinds of port: the load generator sends frames into a switch and receives frames
// from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace bench {

inline constexpr std::size_t kMaxBurst = 64;        // maximum of frames that are handed over at once
inline constexpr std::size_t kMaxFrameSize = 9018;  // octets, without FCS

/// A frame that came out of the switch.
struct ReceivedFrame {
  const std::byte* octets;
  std::uint32_t size;  // octets, without FCS
  std::int64_t
      time_ns;  // time of arrival by the clock of now_ns(); 0 if the port does not stamp and the frame came just now
};

/// One port of a switch, seen from outside. One thread at a time uses it.
class LoadPort {
 public:
  virtual ~LoadPort() = default;

  /// The longest frame that send() takes, without FCS: kMaxFrameSize, or that of a super-frame (super_frame.hpp).
  [[nodiscard]] virtual std::size_t most_octets() const { return kMaxFrameSize; }
  /// Returns the addresses of up to `slots.size()` buffers of most_octets() octets, and the number for which there is
  /// room now (0: the switch is full). Earlier octets of a buffer may still be there or not. The addresses are valid
  /// until send().
  [[nodiscard]] virtual std::size_t reserve(std::span<std::byte*> slots) = 0;
  /// Sends the frames in the first `sizes.size()` of the reserved buffers, with these sizes. Returns the number of
  /// frames that the port took. The port refused the next frame, as under overload, and did not try the frames after
  /// it.
  [[nodiscard]] virtual std::size_t send(std::span<const std::uint32_t> sizes) = 0;

  /// True if receive() returns the frames. False if frames are only counted, which costs the switch's processor
  /// nothing.
  [[nodiscard]] virtual bool looks() const = 0;
  /// Starts or stops looking. Frames are counted in both cases. A port that must look ignores this call.
  virtual void look(bool wanted) = 0;
  /// Returns up to kMaxBurst received frames, or none. They are valid until the next call.
  [[nodiscard]] virtual std::span<const ReceivedFrame> receive() = 0;
  /// Counts the frames that have come since the port was opened, seen or not.
  [[nodiscard]] virtual std::uint64_t received() const = 0;
  /// Counts the frames that were lost while looking because receive() was called too seldom.
  [[nodiscard]] virtual std::uint64_t overrun() const = 0;
};

/// Opens a packet socket on DEVICE or DEVICE@NETNS, a tap or a veth of the switch. Ends the program on an error.
[[nodiscard]] std::unique_ptr<LoadPort> open_packet_port(const std::string& device);
/// Opens a guest with one queue pair on a vhost-user socket:
/// PATH[,queue_size=N][,packed=on][,offloads=on][,tso=on][,server=on]. The switch is the server, and the function waits
/// for it. Ends the program on an error. tso needs offloads of the switch. With tso, a frame that is longer than a wire
/// takes and begins as write_tcp_headers() of super_frame.hpp writes it is sent as one uncut super-frame.
[[nodiscard]] std::unique_ptr<LoadPort> open_vhost_port(const std::string& words);

}  // namespace bench
