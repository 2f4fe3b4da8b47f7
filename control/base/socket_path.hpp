// SPDX-License-Identifier: GPL-2.0-or-later
// The control socket's place in the file system: making it, telling a stale one from a live one, removing it.
#pragma once

#include <string>

#include "ports/base/unique_fd.hpp"
#include "switch/result.hpp"

namespace rb {

/// Where rbctl and ringbridged meet when nothing else is said.
inline constexpr const char* kDefaultSocketPath = "/run/ringbridge/control.sock";

/// A listening AF_UNIX stream socket and its file; the file goes when this does.
class SocketPath {
 public:
  /// Makes the directory of the default path when it is missing. A socket file that nobody listens to any more is
  /// unlinked; kBusy when somebody does. A file that is no socket is never touched. Two daemons that start at once
  /// are kept apart by a lock on `path`.lock.
  [[nodiscard]] static Result<SocketPath> listen_on(const std::string& path);
  SocketPath(SocketPath&&) = default;
  SocketPath& operator=(SocketPath&&) = delete;
  ~SocketPath();

  [[nodiscard]] int fd() const noexcept { return listener_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  SocketPath(std::string path, UniqueFd lock, UniqueFd listener)
      : path_(std::move(path)), lock_(std::move(lock)), listener_(std::move(listener)) {}

  std::string path_;
  UniqueFd lock_;
  UniqueFd listener_;
};

}  // namespace rb
