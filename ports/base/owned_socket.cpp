// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/base/owned_socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "ports/base/account_names.hpp"
#include "ports/base/unique_fd.hpp"

namespace rb {
namespace {

/// A look-up in the cache fails for a moment when a directory of the path is being renamed.
constexpr int kLookups = 4;

std::string shown(const std::string& name) {
  return name.starts_with('\0') ? "an abstract name" : name;
}

std::unexpected<Error> foreign(const std::string& name, uid_t owner, uid_t wanted) {
  return fail(ErrorCode::kPermission, fmt::format("the socket {} belongs to {}, not to {}", shown(name),
                                                  describe_user(owner), describe_user(wanted)));
}

std::unexpected<Error> not_connected(const std::string& name) {
  const int error = errno;
  const bool nobody = error == ECONNREFUSED || error == ENOENT || error == EPROTOTYPE;
  return fail(nobody ? ErrorCode::kInvalidArgument : ErrorCode::kSystem,
              fmt::format("cannot connect to {}: {}", shown(name), std::strerror(error)));
}

UniqueFd open_cached(const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_CACHED | RESOLVE_NO_MAGICLINKS;
  UniqueFd file;
  for (int i = 0; i < kLookups && !file; ++i) {
    file.reset(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
    if (!file && errno != EAGAIN) break;
  }
  return file;
}

Result<> connect_to_path(int socket, const std::string& path, uid_t owner) {
  const UniqueFd file = open_cached(path);
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0)
    return fail(ErrorCode::kInvalidArgument, fmt::format("there is no socket at {}: {}", path, std::strerror(errno)));
  if (!S_ISSOCK(status.st_mode))
    return fail(ErrorCode::kInvalidArgument, fmt::format("{} is no socket, or is a link to one", path));
  if (status.st_uid != owner) return foreign(path, status.st_uid, owner);
  sockaddr_un through{};
  through.sun_family = AF_UNIX;
  fmt::format("/proc/self/fd/{}", file.get()).copy(through.sun_path, sizeof through.sun_path - 1);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&through), sizeof through) != 0) return not_connected(path);
  return {};
}

/// Asks the kernel one question about the socket with inode `inode`. Returns the attribute's value; nothing when the
/// kernel does not tell.
std::optional<std::uint32_t> ask(std::uint32_t inode, std::uint32_t show, std::uint16_t attribute) {
  const UniqueFd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  struct {
    nlmsghdr header;
    unix_diag_req request;
  } question{};
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  question.request.sdiag_family = AF_UNIX;
  question.request.udiag_states = ~0U;
  question.request.udiag_ino = inode;
  question.request.udiag_show = show;
  question.request.udiag_cookie[0] = question.request.udiag_cookie[1] = ~0U;  // any
  if (!netlink || ::send(netlink.get(), &question, sizeof question, 0) != sizeof question) return std::nullopt;
  // The kernel answers within the call that asks.
  alignas(nlmsghdr) std::array<char, 1024> answer{};
  const ssize_t size = ::recv(netlink.get(), answer.data(), answer.size(), MSG_DONTWAIT);
  const auto* const header = reinterpret_cast<const nlmsghdr*>(answer.data());
  if (size < static_cast<ssize_t>(NLMSG_SPACE(sizeof(unix_diag_msg))) || header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
      header->nlmsg_len > static_cast<std::size_t>(size))
    return std::nullopt;
  std::size_t offset = NLMSG_SPACE(sizeof(unix_diag_msg));
  while (offset + sizeof(rtattr) <= header->nlmsg_len) {
    rtattr found{};
    std::memcpy(&found, answer.data() + offset, sizeof found);
    if (found.rta_len < sizeof found || offset + found.rta_len > header->nlmsg_len) break;
    std::uint32_t value = 0;
    if (found.rta_type == attribute && found.rta_len == sizeof found + sizeof value) {
      std::memcpy(&value, answer.data() + offset + sizeof found, sizeof value);
      return value;
    }
    offset += RTA_ALIGN(found.rta_len);
  }
  return std::nullopt;
}

Result<> connect_to_abstract(int socket, const std::string& name, uid_t owner) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), std::min(name.size(), sizeof address.sun_path));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), size) != 0) return not_connected(name);
  struct stat status{};
  if (::fstat(socket, &status) != 0) return not_connected(name);
  const auto peer = ask(static_cast<std::uint32_t>(status.st_ino), UDIAG_SHOW_PEER, UNIX_DIAG_PEER);
  const auto user = peer ? ask(*peer, UDIAG_SHOW_UID, UNIX_DIAG_UID) : std::nullopt;
  if (!user)
    return fail(ErrorCode::kNotSupported,
                "the kernel does not tell who owns an abstract socket (CONFIG_UNIX_DIAG is missing, or the socket has "
                "just gone)");
  if (*user != owner) return foreign(name, *user, owner);
  return {};
}

}  // namespace

Result<> connect_to_owned_socket(int socket, const std::string& name, uid_t owner) {
  if (name.starts_with('/') && name.size() <= sizeof(sockaddr_un::sun_path))
    return connect_to_path(socket, name, owner);
  if (name.starts_with('\0') && name.size() <= sizeof(sockaddr_un::sun_path))
    return connect_to_abstract(socket, name, owner);
  return fail(ErrorCode::kInvalidArgument,
              "the name of the socket is neither a path from the root nor an abstract name");
}

}  // namespace rb
