// SPDX-License-Identifier: GPL-2.0-or-later
// Where the load generator sends frames into a switch, and takes out what comes: one interface for all kinds of port.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace bench {

inline constexpr std::size_t kMaxBurst = 64;        // frames that are handed over at once
inline constexpr std::size_t kMaxFrameSize = 9018;  // octets, without FCS

/// A frame that came out of the switch.
struct ReceivedFrame {
  const std::byte* octets;
  std::uint32_t size;    // octets, without FCS
  std::int64_t time_ns;  // when it came, by the clock of now_ns(); 0 where the port does not stamp: it came just now
};

/// One port of a switch, seen from the outside. Used by one thread at a time.
class LoadPort {
 public:
  virtual ~LoadPort() = default;

  /// The longest frame that send() takes, without FCS: kMaxFrameSize, or that of a super-frame (super_frame.hpp).
  [[nodiscard]] virtual std::size_t most_octets() const { return kMaxFrameSize; }
  /// Gives the addresses of up to `slots.size()` buffers of most_octets() octets, and how many there are room for now
  /// (0: the switch is full). What was written into a buffer earlier may be there still or not. Valid until send().
  [[nodiscard]] virtual std::size_t reserve(std::span<std::byte*> slots) = 0;
  /// Sends the frames in the first `sizes.size()` of the reserved buffers, of so many octets each. Returns how many the
  /// port took; the next one was refused, which is what overload looks like, and those after it were not tried.
  [[nodiscard]] virtual std::size_t send(std::span<const std::uint32_t> sizes) = 0;

  /// True when receive() sees the frames; false when they are only counted, which costs the switch's processor nothing.
  [[nodiscard]] virtual bool looks() const = 0;
  /// Starts or stops looking; what is not looked at is counted all the same. A port that has to look ignores this.
  virtual void look(bool wanted) = 0;
  /// Up to kMaxBurst frames that have come; empty when there are none. They are there until the next call.
  [[nodiscard]] virtual std::span<const ReceivedFrame> receive() = 0;
  /// Frames that have come since the port was opened, seen or only counted.
  [[nodiscard]] virtual std::uint64_t received() const = 0;
  /// Frames that came while looking and could not be kept, since receive() was called too seldom.
  [[nodiscard]] virtual std::uint64_t overrun() const = 0;
};

/// A packet socket on DEVICE or DEVICE@NETNS, a tap or a veth behind which the switch is. Ends the program on an error.
[[nodiscard]] std::unique_ptr<LoadPort> open_packet_port(const std::string& device);
/// A guest with one queue pair on a vhost-user socket:
/// PATH[,queue_size=N][,packed=on][,offloads=on][,tso=on][,server=on]. The switch is the server and is waited for; ends
/// the program on an error. With tso, which needs offloads of the switch, what is longer than a wire takes and begins
/// as write_tcp_headers() of super_frame.hpp leaves it is sent as one super-frame that nobody has cut yet.
[[nodiscard]] std::unique_ptr<LoadPort> open_vhost_port(const std::string& words);

}  // namespace bench
