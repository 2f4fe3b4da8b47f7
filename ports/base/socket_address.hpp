// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses of sockets that peers meet at: paths of this host, and TCP on its loopback.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

#include "ports/base/unique_fd.hpp"
#include "switch/result.hpp"

namespace rb {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  std::string text;  // as it was written

  [[nodiscard]] bool is_path() const noexcept { return storage.ss_family == AF_UNIX; }
  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// "/run/vm1.sock", "127.0.0.1:5555" or "[::1]:5555". kInvalidArgument for anything else: a path that is too long, a
/// relative one, an address that is not this host's loopback (nothing here asks a peer who it is).
[[nodiscard]] Result<SocketAddress> parse_socket_address(const std::string& text);

/// Who may use a socket's file: its maker alone, or who is said, and then by default with read and write for both.
struct SocketOwner {
  std::optional<std::uint32_t> user = std::nullopt, group = std::nullopt;
  std::optional<std::uint32_t> mode = std::nullopt;  // permission bits
};

/// A socket and its file, which goes when this does.
class BoundSocket {
 public:
  BoundSocket() = default;
  /// Binds a socket of `type` (SOCK_STREAM, SOCK_DGRAM), which is non-blocking, and listens with a stream. The file of
  /// a socket that nobody has any more is replaced; no other is touched. Errors: kBusy (somebody has it), kPermission,
  /// kInvalidArgument (a file that is no socket, a directory that is not there).
  [[nodiscard]] static Result<BoundSocket> bind(const SocketAddress& address, int type, const SocketOwner& owner);
  BoundSocket(BoundSocket&& other) noexcept : fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})) {}
  BoundSocket& operator=(BoundSocket&& other) noexcept;
  ~BoundSocket();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::string path_;  // "": it has no file
};

/// Makes room for thousands of frames, where the daemon may; a socket's default holds some hundred.
void enlarge_buffers(int socket);

/// Whether a socket's file is all that is left of it.
[[nodiscard]] bool is_left_over(const SocketAddress& address, int type);

}  // namespace rb
