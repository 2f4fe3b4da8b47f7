// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/vde_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "ports/base/account_names.hpp"
#include "ports/base/owned_socket.hpp"

namespace rb {
namespace {

/// Without more being said, the daemon's user alone connects, as with vde_switch.
constexpr mode_t kDefaultMode = 0600;
/// A client's port has a socket that the client alone writes to.
constexpr mode_t kClientMode = 0600;
/// The longest name in the directory, with the slash: "/999.4294967295".
constexpr std::size_t kLongestName = 15;
/// Names of data sockets that are tried when others have put files there.
constexpr int kNames = 16;

class MadeDirectory {
 public:
  explicit MadeDirectory(std::string path) : path_(std::move(path)) {}
  ~MadeDirectory() { ::rmdir(path_.c_str()); }  // a directory in which others have files stays
  MadeDirectory(const MadeDirectory&) = delete;
  MadeDirectory& operator=(const MadeDirectory&) = delete;

 private:
  std::string path_;
};

std::unexpected<Error> failure(const std::string& path, const char* what) {
  const int error = errno;
  const bool refused = error == EACCES || error == EPERM || error == EROFS;
  const bool absent = error == ENOENT || error == ENOTDIR;
  const ErrorCode code = refused ? ErrorCode::kPermission : absent ? ErrorCode::kInvalidArgument : ErrorCode::kSystem;
  return fail(code, fmt::format("cannot {} the directory {}: {}", what, path, std::strerror(error)), path);
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// "001.7", a switch's socket; ".00042-00000", a client's.
bool is_vde_name(std::string_view name) {
  const bool of_client = name.starts_with('.');
  if (of_client) name.remove_prefix(1);
  const std::size_t middle = name.find(of_client ? '-' : '.');
  return middle != std::string_view::npos && is_digits(name.substr(0, middle)) && is_digits(name.substr(middle + 1));
}

}  // namespace

mode_t vde_directory_mode(mode_t ctl_mode) noexcept {
  mode_t mode = S_ISGID | (ctl_mode & 0666);
  for (const mode_t who : {0100U, 0010U, 0001U}) {
    if ((ctl_mode & (who * 6)) != 0) mode |= who;
  }
  if ((mode & 022) != 0) mode |= S_ISVTX;
  return mode;
}

Result<VdeDirectory> VdeDirectory::open(const std::string& path, const SocketOwner& owner) {
  std::string plain = path;
  while (plain.ends_with('/')) plain.pop_back();
  if (!path.starts_with('/') || plain.empty() || plain.size() + kLongestName >= sizeof(sockaddr_un::sun_path)) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("'{}' is no directory for a switch of VDE; a path from the root of at most {} bytes is, such "
                    "as /run/vde.ctl",
                    path, sizeof(sockaddr_un::sun_path) - kLongestName - 1),
        path);
  }
  VdeDirectory directory(plain, owner);
  Result<SocketAddress> ctl = parse_socket_address(plain + "/ctl");
  if (!ctl) return std::unexpected(ctl.error());
  directory.ctl_ = std::move(*ctl);
  const bool named = owner.user || owner.group;
  directory.owner_.mode = owner.mode.value_or(named ? 0660 : kDefaultMode);

  if (::mkdir(plain.c_str(), 0700) == 0) {
    directory.made_ = std::make_shared<const MadeDirectory>(plain);
  } else if (errno != EEXIST) {
    return failure(plain, "make");
  }
  const UniqueFd opened(::open(plain.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!opened || ::fstat(opened.get(), &status) != 0) return failure(plain, "open");
  const bool trusted = status.st_uid == 0 || status.st_uid == ::geteuid() || status.st_uid == owner.user;
  if (!trusted) {
    return fail(ErrorCode::kPermission,
                fmt::format("the directory {} belongs to {}, who could replace the sockets in it; remove it, or name "
                            "another place",
                            plain, describe_user(status.st_uid)),
                plain);
  }
  if (!directory.made_) return directory;
  constexpr auto kSame = static_cast<std::uint32_t>(-1);
  // The owner changes before the permissions do: a change of owner clears the group's bit.
  if ((named && ::fchown(opened.get(), owner.user.value_or(kSame), owner.group.value_or(kSame)) != 0) ||
      ::fchmod(opened.get(), vde_directory_mode(*directory.owner_.mode)) != 0)
    return failure(plain, "hand over");
  return directory;
}

void VdeDirectory::remove_left_over_sockets() const {
  std::error_code error;
  std::filesystem::directory_iterator entry(path_, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (!is_vde_name(entry->path().filename().string())) continue;
    struct stat status{};
    if (::lstat(entry->path().c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) continue;
    const Result<SocketAddress> address = parse_socket_address(entry->path());
    if (address && is_left_over(*address, SOCK_DGRAM)) ::unlink(entry->path().c_str());
  }
}

Result<BoundSocket> VdeDirectory::bind(const std::string& path, uid_t user) const {
  const Result<SocketAddress> address = parse_socket_address(path);
  if (!address) return std::unexpected(address.error());
  Result<BoundSocket> own =
      BoundSocket::bind(*address, SOCK_DGRAM, {.user = user, .group = owner_.group, .mode = kClientMode});
  if (own || own.error().code != ErrorCode::kPermission) return own;
  // A daemon that may not give files away lets in whoever may use the socket PATH/ctl.
  return BoundSocket::bind(*address, SOCK_DGRAM, {.user = {}, .group = owner_.group, .mode = owner_.mode});
}

std::expected<VdeSocket, VdeRefusal> VdeDirectory::connect(const std::string& client, uid_t user) {
  VdeSocket made{.directory = made_, .socket = {}, .path = {}};
  Result<BoundSocket> bound = fail(ErrorCode::kBusy, {});
  for (int i = 0; i < kNames && !bound; ++i) {
    const std::uint32_t number = ++last_number_;
    made.path = fmt::format("{}/{:03}.{}", path_, number % 1000, number);
    bound = bind(made.path, user);
  }
  if (!bound) return std::unexpected(VdeRefusal::kNotMade);
  made.socket = std::move(*bound);
  if (const Result<> connected = connect_to_owned_socket(made.socket.fd(), client, user); !connected) {
    return std::unexpected(connected.error().code == ErrorCode::kPermission ? VdeRefusal::kOwner
                                                                            : VdeRefusal::kNoSocket);
  }
  enlarge_buffers(made.socket.fd());
  return made;
}

}  // namespace rb
