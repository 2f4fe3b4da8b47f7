// SPDX-License-Identifier: GPL-2.0-or-later
// VdeDirectory: the directory that clients of a VDE switch know the switch by, and the switch's sockets in it.
//
// PATH/ctl is where clients connect; PATH/NNN.N is the datagram socket of one client's port. Clients put sockets of
// their own there, too (.PID-NNN), if they may.
#pragma once

#include <sys/types.h>

#include <expected>
#include <memory>
#include <string>

#include "control/kinds/vde_request.hpp"
#include "ports/base/socket_address.hpp"
#include "ports/base/unique_fd.hpp"
#include "switch/result.hpp"

namespace rb {

/// A datagram socket of the switch in the directory, connected to one client. The file goes with this object.
struct VdeSocket {
  std::shared_ptr<const void> directory;  // goes last
  BoundSocket socket;
  std::string path;
};

/// Control thread only.
class VdeDirectory {
 public:
  /// Makes the directory if it is missing; then it goes with this object and the last of its sockets. A directory that
  /// is there is used as it is, and stays. Errors: kInvalidArgument (no path from the root, a path that is too long,
  /// something else than a directory), kPermission (a directory of another user, who could replace all sockets in it).
  [[nodiscard]] static Result<VdeDirectory> open(const std::string& path, const SocketOwner& owner);

  /// Where clients connect, and the permissions of that socket.
  [[nodiscard]] const SocketAddress& ctl() const noexcept { return ctl_; }
  [[nodiscard]] const SocketOwner& ctl_owner() const noexcept { return owner_; }

  /// Removes the sockets that earlier switches and clients have left and that nobody has open. Only for whoever
  /// listens at ctl(): then no other switch is at work here.
  void remove_left_over_sockets() const;

  /// A socket for a client of `user`, connected to the client's own, which must belong to `user`: kOwner, kNoSocket, or
  /// kNotMade when no socket could be made here.
  [[nodiscard]] std::expected<VdeSocket, VdeRefusal> connect(const std::string& client, uid_t user);

 private:
  VdeDirectory(std::string path, const SocketOwner& owner) : path_(std::move(path)), owner_(owner) {}
  [[nodiscard]] Result<BoundSocket> bind(const std::string& path, uid_t user) const;

  std::string path_;  // without a slash at its end
  SocketOwner owner_;
  SocketAddress ctl_;
  std::shared_ptr<const void> made_;  // removes the directory; null: the directory was there
  std::uint32_t last_number_ = 0;
};

/// The permissions of the directory that belong to those of the socket PATH/ctl, as vde_switch chooses them: whoever
/// may use the socket may enter, and put a socket there; files get the directory's group. In addition, nobody may
/// remove files of others.
[[nodiscard]] mode_t vde_directory_mode(mode_t ctl_mode) noexcept;

}  // namespace rb
