// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/client.hpp"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "control/words/port_spec.hpp"
#include "ports/base/netns.hpp"
#include "ports/base/passed_descriptors.hpp"

namespace rb {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxDescriptors = 8;         // of one request; a request has one namespace today
constexpr std::size_t kMaxAnswerSize = 1UL << 30;  // bytes of one line; a million FDB entries are 150 MB

Error connect_error(const std::string& path, int error_number) {
  switch (error_number) {
    case ENOENT:
    case ECONNREFUSED:
      return {ErrorCode::kSystem,
              fmt::format("ringbridged is not running: nobody listens on {}; start it, or name its socket by --socket "
                          "or RINGBRIDGE_SOCKET",
                          path)};
    case EACCES:
    case EPERM:
      return {ErrorCode::kPermission,
              fmt::format("no permission to connect to {}; be root, or a member of the group that ringbridged was "
                          "started with (--group)",
                          path)};
    default:
      return {ErrorCode::kSystem, fmt::format("cannot connect to {}: {}", path, std::strerror(error_number))};
  }
}

Error answered_error(const json& error) {
  const std::string message = error.value("message", "the daemon gave no reason");
  switch (error.value("code", 0)) {
    case -32000:
      return {ErrorCode::kPermission, message};
    case -32601:
      return {ErrorCode::kNotSupported, message};
    case -32600:
    case -32602:
    case -32700:
      return {ErrorCode::kInvalidArgument, message};
    default:
      return {error_code_of(error.value("data", json::object()).value("kind", "")), message};
  }
}

/// The result in the answer to request `id`, or the error.
Result<json> judge_answer(const json& answer, std::int64_t id) {
  const auto error = answer.find("error");
  if (error != answer.end() && error->is_object()) return std::unexpected(answered_error(*error));
  if (answer.value("id", json()) != id || !answer.contains("result")) {
    return fail(ErrorCode::kSystem, "the daemon's answer does not fit the request; is it another version?");
  }
  return answer["result"];
}

}  // namespace

ErrorCode error_code_of(std::string_view kind) {
  for (int code = 0; code < static_cast<int>(ErrorCode::kSystem); ++code) {
    if (error_name(static_cast<ErrorCode>(code)) == kind) return static_cast<ErrorCode>(code);
  }
  return ErrorCode::kSystem;
}

Result<Client> Client::connect(const std::string& path, std::optional<std::chrono::milliseconds> patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' cannot be a socket's path: it needs 1 to {} characters",
                                                         path, sizeof(address.sun_path) - 1));
  }
  path.copy(address.sun_path, path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return std::unexpected(connect_error(path, errno));
  if (patience) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*patience);
    const timeval limit{.tv_sec = seconds.count(),
                        .tv_usec = std::chrono::duration_cast<std::chrono::microseconds>(*patience - seconds).count()};
    for (const int direction : {SO_SNDTIMEO, SO_RCVTIMEO}) {
      if (::setsockopt(socket.get(), SOL_SOCKET, direction, &limit, sizeof(limit)) != 0)
        return std::unexpected(connect_error(path, errno));
    }
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API's own way
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return std::unexpected(connect_error(path, errno));
  }
  return Client(std::move(socket));
}

Result<> Client::send(std::string_view line, std::span<const int> descriptors) {
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kMaxDescriptors)> control{};
  while (!line.empty()) {
    iovec piece{const_cast<char*>(line.data()), line.size()};  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    attach_descriptors(message, descriptors, control);
    const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    // The daemon may have closed the connection after an error line that waits to be read.
    if (sent < 0 && errno == EPIPE) return {};
    if (sent < 0) return fail(ErrorCode::kSystem, fmt::format("cannot send to ringbridged: {}", std::strerror(errno)));
    line.remove_prefix(static_cast<std::size_t>(sent));
    descriptors = {};  // they went with the first byte
  }
  return {};
}

Result<std::optional<json>> Client::read_message() {
  std::size_t searched = 0;
  for (;;) {
    const std::size_t end = received_.find('\n', searched);
    if (end != std::string::npos) {
      json message =
          json::parse(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
      received_.erase(0, end + 1);
      if (!message.is_object())
        return fail(ErrorCode::kSystem, "the program that listens on the socket does not speak JSON-RPC");
      return message;
    }
    searched = received_.size();
    if (searched > kMaxAnswerSize) return fail(ErrorCode::kLimit, "the daemon's answer is too long");
    std::array<char, 65536> buffer;
    const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != ECONNRESET) {
      return fail(ErrorCode::kSystem, fmt::format("cannot read from ringbridged: {}", std::strerror(errno)));
    }
    if (size <= 0) return std::nullopt;
    received_.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

Result<json> Client::call(const Request& request, std::span<const int> descriptors) {
  if (descriptors.size() > kMaxDescriptors) return fail(ErrorCode::kLimit, "too many descriptors in one request");
  const std::int64_t id = ++last_id_;
  std::string line;
  try {
    line = json{{"jsonrpc", "2.0"}, {"id", id}, {"method", request.method}, {"params", request.params}}.dump() + '\n';
  } catch (const json::exception&) {
    return fail(ErrorCode::kInvalidArgument, "the command contains characters that are not UTF-8");
  }
  if (const auto sent = send(line, descriptors); !sent) return std::unexpected(sent.error());
  for (;;) {
    auto message = read_message();
    if (!message) return std::unexpected(message.error());
    if (!*message) return fail(ErrorCode::kSystem, "ringbridged closed the connection before it answered");
    try {
      if (!(*message)->contains("method")) return judge_answer(**message, id);
      events_.push_back((*message)->at("params"));
    } catch (const json::exception&) {
      return fail(ErrorCode::kSystem, "the daemon's answer does not fit the request; is it another version?");
    }
  }
}

Result<json> Client::call_opening_netns(const Request& request) {
  const auto port = request.params.find("port");
  if (port == request.params.end() || !port->is_object() || !port->contains("netns")) return call(request);
  auto netns = open_netns(port->at("netns").get<std::string>());
  if (!netns) return std::unexpected(netns.error());
  Request with_descriptor = request;
  with_descriptor.params["port"]["netns_fd"] = 0;
  const std::array descriptors = {netns->get()};
  return call(with_descriptor, descriptors);
}

Result<std::optional<json>> Client::next_event() {
  if (!events_.empty()) {
    json event = std::move(events_.front());
    events_.erase(events_.begin());
    return event;
  }
  for (;;) {
    auto message = read_message();
    if (!message) return std::unexpected(message.error());
    if (!*message) return std::nullopt;
    if ((*message)->contains("method") && (*message)->contains("params")) return (**message)["params"];
  }
}

}  // namespace rb
