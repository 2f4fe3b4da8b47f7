// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/base/socket_path.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "ports/base/socket_address.hpp"

namespace rb {
namespace {

constexpr int kBacklog = 1024;

Error system_error(const std::string& what, const std::string& path) {
  const ErrorCode code =
      errno == EACCES || errno == EPERM || errno == EROFS ? ErrorCode::kPermission : ErrorCode::kSystem;
  return {code, fmt::format("{} {}: {}; '--socket PATH' names another place", what, path, std::strerror(errno)), path};
}

}  // namespace

Result<SocketPath> SocketPath::listen_on(const std::string& path) {
  SocketAddress address;
  auto& file = reinterpret_cast<sockaddr_un&>(address.storage);
  file.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof file.sun_path) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("the socket path has {} characters; 1 to {} are possible", path.size(), sizeof file.sun_path - 1),
        path);
  }
  path.copy(file.sun_path, sizeof file.sun_path - 1);
  address.size = sizeof file;
  if (const std::filesystem::path directory = std::filesystem::path(path).parent_path(); !directory.empty()) {
    std::error_code ignored;  // what is wrong with it, opening the lock will say
    std::filesystem::create_directory(directory, ignored);
  }

  const std::string lock_path = path + ".lock";
  UniqueFd lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return std::unexpected(system_error("cannot make the lock", lock_path));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) < 0) {
    return fail(
        ErrorCode::kBusy,
        fmt::format("another ringbridged serves {}; stop it first, or name another place with '--socket PATH'", path),
        path);
  }
  struct stat status{};
  if (lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode))
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is there already and is no socket; it is left alone", path), path);
    if (!is_left_over(address, SOCK_STREAM))
      return fail(
          ErrorCode::kBusy,
          fmt::format("another process listens on {}; stop it first, or name another place with '--socket PATH'", path),
          path);
    if (unlink(path.c_str()) < 0) return std::unexpected(system_error("cannot remove the stale socket", path));
  }
  UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener || bind(listener.get(), address.get(), address.size) < 0) {
    return std::unexpected(system_error("cannot make the socket", path));
  }
  // Anybody may connect; what a caller may do is decided by who it is.
  if (chmod(path.c_str(), 0666) < 0 || listen(listener.get(), kBacklog) < 0) {
    Error error = system_error("cannot listen on", path);
    unlink(path.c_str());
    return std::unexpected(std::move(error));
  }
  return SocketPath(path, std::move(lock), std::move(listener));
}

SocketPath::~SocketPath() {
  if (!listener_) return;
  // The lock's file stays: to unlink it would let two daemons that start at once each lock a file of their own.
  unlink(path_.c_str());
}

}  // namespace rb
