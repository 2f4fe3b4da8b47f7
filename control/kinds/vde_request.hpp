// SPDX-License-Identifier: GPL-2.0-or-later
// VdeRequest: the one message that a client of a VDE switch sends on the stream socket PATH/ctl, and the answer to it.
//
// How the protocol works. The client binds a datagram socket and names its address in the request. The switch answers
// with the address of a datagram socket of its own. Ethernet frames then travel between the two sockets, one frame a
// datagram, and the stream socket stays open without a word: its end is the end of the port. All numbers are in the
// byte order of the host.
//
//   version 3 (libvdeplug; User Mode Linux)    version 1 (old libvdeplug)
//   0   magic 0xfeedface                       0   magic 0xfeedface
//   4   version, 3                             4   type, 0 or 1
//   8   type | number of a port << 8           8   a hardware address, which nobody reads
//   12  sockaddr_un, 110 bytes                 14  sockaddr_un, 110 bytes
//   122 description, to the end                124 description, to the end
//
// No field tells the size of a request. Clients differ in what follows the socket's address: libvdeplug sends a
// description without a final zero, older ones a field of fixed size, User Mode Linux two bytes of padding with any
// content. So a request is whole when the socket's address is, and the description ends before the first byte that is
// not printable.
#pragma once

#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rb {

struct VdeRequest {
  std::string socket;  // the client's datagram socket: a path from the root, or an abstract name behind a zero byte
  std::string description;  // printable ASCII, at most kMaxVdeDescription bytes
  std::uint32_t port = 0;   // the number of the port that the client asks for; 0: any
};
inline constexpr std::size_t kMaxVdeDescription = 128;

/// Reasons to send a client away.
enum class VdeRefusal : std::uint8_t {
  kNoMagic,    // no request of VDE; the oldest clients of User Mode Linux, which send no magic number, included
  kVersion,    // a version other than 1 and 3
  kType,       // neither a port nor the management's port
  kNoAddress,  // the address of the socket is not one of AF_UNIX, is empty, or is a path that does not begin at the
               // root
  kNoSocket,   // nobody listens at the address, or no socket is there, or a symbolic link is
  kOwner,      // the socket belongs to another user
  kTooMany,    // the user has as many ports, or clients without a port, as the kind allows
  kSilent,     // the client did not complete its request in time
  kNotMade,    // the switch could not make a port: no descriptors, no room, no name
};
inline constexpr std::size_t kVdeRefusalCount = static_cast<std::size_t>(VdeRefusal::kNotMade) + 1;
/// Names as the control protocol prints them, in the order of the enumerators.
inline constexpr std::array<std::string_view, kVdeRefusalCount> kVdeRefusalNames = {
    "no_magic", "version", "type", "no_address", "no_socket", "owner", "too_many", "silent", "no_port"};
static_assert(!kVdeRefusalNames.back().empty(), "one name for each reason");

/// No request that a client sends is longer; more bytes say nothing.
inline constexpr std::size_t kMaxVdeRequest = 512;

/// Reads a request from the bytes that have come so far; nothing when more bytes must come first. Looks at the bytes
/// alone: whether the socket exists, and whose it is, is for the caller to find out.
[[nodiscard]] std::optional<std::expected<VdeRequest, VdeRefusal>> parse_vde_request(std::span<const std::byte> bytes);

/// The answer: the address of the switch's socket at `path`, which has at most 107 bytes.
[[nodiscard]] std::array<std::byte, sizeof(sockaddr_un)> vde_answer(const std::string& path);

}  // namespace rb
