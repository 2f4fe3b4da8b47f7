// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/links/rtnetlink.hpp"

#include <fmt/format.h>
#include <libmnl/libmnl.h>

#include <cerrno>
#include <cstring>

namespace rb {
namespace {

constexpr std::size_t kBufferSize = 65536;  // octets; the kernel's dumps come in pieces of at most 32 KiB

int visit_attribute(const nlattr* attribute, void* visitor) {
  (*static_cast<const AttributeVisitor*>(visitor))(*attribute);
  return MNL_CB_OK;
}

// libmnl's callbacks take void*, to which a const object does not convert.
void* as_context(const AttributeVisitor& visitor) {
  return const_cast<AttributeVisitor*>(&visitor);
}

// The answer to one request while it comes in. (mnl_cb_run would leave the rest of a datagram unread after an
// interrupted dump, and with it the end of the answer.)
struct Answer {
  std::uint32_t sequence = 0;
  std::uint32_t port = 0;
  bool complete = false;
  int error = 0;

  void read(const char* bytes, int size, const Rtnetlink::MessageVisitor& visit) {
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(bytes); !complete && mnl_nlmsg_ok(message, size);
         message = mnl_nlmsg_next(message, &size)) {
      // Messages with another sequence number belong to an older answer that was given up half way.
      if (message->nlmsg_seq == sequence && message->nlmsg_pid == port) read(*message, visit);
    }
  }

 private:
  void read(const nlmsghdr& message, const Rtnetlink::MessageVisitor& visit) {
    if ((message.nlmsg_flags & NLM_F_DUMP_INTR) != 0) error = EINTR;
    if (message.nlmsg_type >= NLMSG_MIN_TYPE) {
      if (visit) visit(message);
    } else if (message.nlmsg_type == NLMSG_ERROR || message.nlmsg_type == NLMSG_DONE) {
      // Both kinds of message begin with an int: 0, or a negative errno.
      int status = 0;
      if (mnl_nlmsg_get_payload_len(&message) >= sizeof status) {
        std::memcpy(&status, mnl_nlmsg_get_payload(&message), sizeof status);
      }
      if (status < 0) error = -status;
      complete = true;
    }
  }
};

}  // namespace

void for_each_attribute(const nlmsghdr& message, std::size_t header_size, const AttributeVisitor& visit) {
  if (mnl_nlmsg_get_payload_len(&message) < header_size) return;
  mnl_attr_parse(&message, static_cast<unsigned>(header_size), visit_attribute, as_context(visit));
}

void for_each_nested_attribute(const nlattr& attribute, const AttributeVisitor& visit) {
  mnl_attr_parse_nested(&attribute, visit_attribute, as_context(visit));
}

std::uint16_t attribute_type(const nlattr& attribute) noexcept {
  return mnl_attr_get_type(&attribute);
}

std::optional<std::uint8_t> attribute_u8(const nlattr& attribute) noexcept {
  if (mnl_attr_get_payload_len(&attribute) < sizeof(std::uint8_t)) return std::nullopt;
  return mnl_attr_get_u8(&attribute);
}

std::optional<std::uint32_t> attribute_u32(const nlattr& attribute) noexcept {
  if (mnl_attr_get_payload_len(&attribute) < sizeof(std::uint32_t)) return std::nullopt;
  return mnl_attr_get_u32(&attribute);
}

std::string attribute_string(const nlattr& attribute) {
  const char* text = static_cast<const char*>(mnl_attr_get_payload(&attribute));
  return {text, ::strnlen(text, mnl_attr_get_payload_len(&attribute))};
}

void RtnetlinkRequest::begin(std::uint16_t type, std::uint16_t flags, const void* header, std::size_t size) {
  nlmsghdr* message = mnl_nlmsg_put_header(bytes_.data());
  message->nlmsg_type = type;
  const int answer = (flags & NLM_F_DUMP) == NLM_F_DUMP ? 0 : NLM_F_ACK;  // a dump ends with NLMSG_DONE in any case
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | answer | flags);
  std::memcpy(mnl_nlmsg_put_extra_header(message, size), header, size);
}

void RtnetlinkRequest::add(std::uint16_t attribute, std::uint8_t value) {
  mnl_attr_put_u8(&message(), attribute, value);
}

void RtnetlinkRequest::add(std::uint16_t attribute, std::uint32_t value) {
  mnl_attr_put_u32(&message(), attribute, value);
}

void RtnetlinkRequest::add(std::uint16_t attribute, const std::string& value) {
  mnl_attr_put_strz(&message(), attribute, value.c_str());
}

nlmsghdr& RtnetlinkRequest::message() noexcept {
  return *reinterpret_cast<nlmsghdr*>(bytes_.data());
}

void Rtnetlink::Closer::operator()(mnl_socket* socket) const noexcept {
  mnl_socket_close(socket);
}

Rtnetlink::Rtnetlink(Socket socket) : socket_(std::move(socket)), buffer_(kBufferSize) {}

Result<Rtnetlink> Rtnetlink::open() {
  Socket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    return fail(ErrorCode::kSystem, fmt::format("cannot open a netlink socket: {}", std::strerror(errno)));
  }
  return Rtnetlink(std::move(socket));
}

int Rtnetlink::request(RtnetlinkRequest& request, const MessageVisitor& visit) {
  nlmsghdr& message = request.message();
  message.nlmsg_seq = ++sequence_;
  if (mnl_socket_sendto(socket_.get(), &message, message.nlmsg_len) < 0) return errno;
  Answer answer{.sequence = sequence_, .port = mnl_socket_get_portid(socket_.get())};
  while (!answer.complete) {
    const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno;
    answer.read(buffer_.data(), static_cast<int>(size), visit);
  }
  return answer.error;
}

}  // namespace rb
