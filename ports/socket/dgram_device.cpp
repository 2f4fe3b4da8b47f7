// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/socket/dgram_device.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "ports/socket/datagram_port.hpp"

namespace rb {
namespace {

Result<UniqueFd> duplicate(int socket) {
  UniqueFd copy(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail(ErrorCode::kSystem, fmt::format("no descriptor: {}", std::strerror(errno)));
  return copy;
}

}  // namespace

Result<std::unique_ptr<PortDevice>> open_dgram(const DgramOptions& options) {
  if (options.local.storage.ss_family != options.peer.storage.ss_family || options.local.text == options.peer.text) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{} and {} are no two ends of one wire: both are paths, or both addresses, and not the same",
                    options.local.text, options.peer.text),
        options.peer.text);
  }
  Result<BoundSocket> bound = BoundSocket::bind(options.local, SOCK_DGRAM, options.owner);
  if (!bound) return std::unexpected(bound.error());
  // A connected one hears its peer alone. Not so with paths: a peer that comes back is another socket at the same path.
  if (!options.peer.is_path() && ::connect(bound->fd(), options.peer.get(), options.peer.size) != 0) {
    return fail(ErrorCode::kSystem, fmt::format("cannot send to {}: {}", options.peer.text, std::strerror(errno)),
                options.peer.text);
  }
  enlarge_buffers(bound->fd());
  Result<UniqueFd> socket = duplicate(bound->fd());
  if (!socket) return std::unexpected(socket.error());
  DatagramFormat format;
  if (options.peer.is_path()) format.to = options.peer;
  return std::make_unique<DatagramPortDevice>(std::move(*socket), std::move(format),
                                              std::make_shared<const BoundSocket>(std::move(*bound)));
}

Result<std::unique_ptr<PortDevice>> make_connected_dgram(int socket, std::shared_ptr<const void> companion) {
  DatagramFormat format;
  format.from.size = sizeof(sockaddr_un);
  const bool connected =
      ::getpeername(socket, reinterpret_cast<sockaddr*>(&format.from.storage), &format.from.size) == 0;
  if (!connected || format.from.storage.ss_family != AF_UNIX || format.from.size <= offsetof(sockaddr_un, sun_path))
    return fail(ErrorCode::kInvalidArgument, "the socket is not connected to a socket that has a name");
  Result<UniqueFd> own = duplicate(socket);
  if (!own) return std::unexpected(own.error());
  return std::make_unique<DatagramPortDevice>(std::move(*own), std::move(format), std::move(companion));
}

}  // namespace rb
