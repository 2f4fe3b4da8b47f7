// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/base/socket_address.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "ports/base/close_elsewhere.hpp"

namespace rb {
namespace {

constexpr int kBacklog = 64;

Result<SocketAddress> parse_path(const std::string& text) {
  SocketAddress address;
  auto& path = reinterpret_cast<sockaddr_un&>(address.storage);
  if (text.size() >= sizeof path.sun_path) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the socket path {} has {} characters; no more than {} are possible", text, text.size(),
                            sizeof path.sun_path - 1),
                text);
  }
  path.sun_family = AF_UNIX;
  text.copy(path.sun_path, sizeof path.sun_path - 1);
  address.size = sizeof path;
  address.text = text;
  return address;
}

std::optional<std::uint16_t> parse_tcp_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::unexpected<Error> no_address(const std::string& text) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is no address; a path from the root such as /run/vm1.sock is, and 127.0.0.1:PORT and "
                          "[::1]:PORT are",
                          text),
              text);
}

std::unexpected<Error> not_loopback(const std::string& text) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} is not this host's loopback; nobody is asked who they are there, so no other address is "
                          "taken",
                          text),
              text);
}

std::unexpected<Error> bind_failure(const SocketAddress& address) {
  const int error = errno;
  if (error == EADDRINUSE)
    return fail(ErrorCode::kBusy, fmt::format("another process has {}", address.text), address.text);
  if (error == ENOENT || error == ENOTDIR) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("there is no directory to make the socket {} in", address.text), address.text);
  }
  const ErrorCode code =
      error == EACCES || error == EPERM || error == EROFS ? ErrorCode::kPermission : ErrorCode::kSystem;
  return fail(code, fmt::format("cannot make the socket {}: {}", address.text, std::strerror(error)), address.text);
}

/// Removes what is left over of an earlier socket.
Result<> make_way(const SocketAddress& address, int type) {
  struct stat status{};
  if (::lstat(address.text.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is there already and is no socket; it is left alone", address.text), address.text);
  }
  if (!is_left_over(address, type)) {
    errno = EADDRINUSE;
    return bind_failure(address);
  }
  return ::unlink(address.text.c_str()) == 0 || errno == ENOENT ? Result<>{} : bind_failure(address);
}

/// Gives the file of a socket away; nothing else that may stand there meanwhile.
bool hand_over(const std::string& path, mode_t permissions, const SocketOwner& owner) {
  const UniqueFd file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) return false;
  if (!S_ISSOCK(status.st_mode)) {
    errno = EPERM;
    return false;
  }
  constexpr auto kSame = static_cast<std::uint32_t>(-1);
  return ::fchownat(file.get(), "", owner.user.value_or(kSame), owner.group.value_or(kSame), AT_EMPTY_PATH) == 0 &&
         ::chmod(fmt::format("/proc/self/fd/{}", file.get()).c_str(), permissions) == 0;
}

}  // namespace

Result<SocketAddress> parse_socket_address(const std::string& text) {
  // It is printed, and stands in a dump as one option of many.
  const bool plain = std::ranges::none_of(text, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f || c == ','; });
  if (!plain)
    return fail(ErrorCode::kInvalidArgument, "the address of a socket cannot hold commas or control characters");
  if (text.starts_with('/')) return parse_path(text);
  const std::size_t colon = text.rfind(':');
  const std::optional<std::uint16_t> port =
      colon == std::string::npos ? std::nullopt : parse_tcp_port(std::string_view(text).substr(colon + 1));
  if (!port) return no_address(text);
  std::string host = text.substr(0, colon);
  SocketAddress address;
  address.text = text;
  if (host.starts_with('[') && host.ends_with(']')) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
    if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) != 1) return no_address(text);
    if (IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) == 0) return not_loopback(text);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(*port);
    address.size = sizeof v6;
    return address;
  }
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return no_address(text);
  if (ntohl(v4.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET) return not_loopback(text);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(*port);
  address.size = sizeof v4;
  return address;
}

void enlarge_buffers(int socket) {
  constexpr int kSize = 8 << 20;  // octets, each way
  (void)::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &kSize, sizeof kSize);
  (void)::setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &kSize, sizeof kSize);
}

bool is_left_over(const SocketAddress& address, int type) {
  const UniqueFd probe(::socket(address.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return probe && ::connect(probe.get(), address.get(), address.size) < 0 && errno == ECONNREFUSED;
}

Result<BoundSocket> BoundSocket::bind(const SocketAddress& address, int type, const SocketOwner& owner) {
  BoundSocket bound;
  bound.fd_.reset(::socket(address.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!bound.fd_) return bind_failure(address);
  if (address.is_path()) {
    if (Result<> free = make_way(address, type); !free) return std::unexpected(free.error());
  } else if (type == SOCK_STREAM) {  // of datagrams it would let anybody share the address
    const int one = 1;
    (void)::setsockopt(bound.fd(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  }
  // The file is made with the socket's own permissions, less the umask's; owners that are named need none of that.
  const bool named = owner.user || owner.group || owner.mode;
  const mode_t permissions = owner.mode.value_or(named ? 0660 : 0755);
  if (address.is_path() && ::fchmod(bound.fd(), permissions) != 0) return bind_failure(address);
  if (::bind(bound.fd(), address.get(), address.size) != 0) return bind_failure(address);
  if (address.is_path()) {
    bound.path_ = address.text;
    if (named && !hand_over(address.text, permissions, owner)) return bind_failure(address);
  }
  if (type == SOCK_STREAM && ::listen(bound.fd(), kBacklog) != 0) return bind_failure(address);
  return bound;
}

BoundSocket& BoundSocket::operator=(BoundSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

BoundSocket::~BoundSocket() {
  if (path_.empty()) return;
  ::unlink(path_.c_str());
  close_elsewhere(std::move(fd_));  // with whoever has come and was not let in
}

}  // namespace rb
