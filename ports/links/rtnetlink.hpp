// SPDX-License-Identifier: GPL-2.0-or-later
// Rtnetlink asks the kernel about network interfaces and tells it to change them, one request at a time.
#pragma once

#include <linux/netlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "switch/result.hpp"

struct mnl_socket;

namespace rb {

using AttributeVisitor = std::function<void(const nlattr&)>;
/// Visits the attributes of a message after its family header of `header_size` octets (ifinfomsg, rtgenmsg), or those
/// inside another attribute. Stops at the first attribute that does not fit the message.
void for_each_attribute(const nlmsghdr& message, std::size_t header_size, const AttributeVisitor& visit);
void for_each_nested_attribute(const nlattr& attribute, const AttributeVisitor& visit);
/// An attribute's type without its flag bits, and its value; nullopt (or a shorter string) if the size is wrong.
[[nodiscard]] std::uint16_t attribute_type(const nlattr& attribute) noexcept;
[[nodiscard]] std::optional<std::uint8_t> attribute_u8(const nlattr& attribute) noexcept;
[[nodiscard]] std::optional<std::uint32_t> attribute_u32(const nlattr& attribute) noexcept;
[[nodiscard]] std::string attribute_string(const nlattr& attribute);

/// Builds a message to the kernel. It has room for any message that this project sends.
class RtnetlinkRequest {
 public:
  /// `flags` in addition to NLM_F_REQUEST and NLM_F_ACK: 0, or NLM_F_DUMP. `header` is the family's, e.g. ifinfomsg.
  template <typename Header>
  RtnetlinkRequest(std::uint16_t type, std::uint16_t flags, const Header& header) {
    begin(type, flags, &header, sizeof header);
  }
  void add(std::uint16_t attribute, std::uint8_t value);
  void add(std::uint16_t attribute, std::uint32_t value);
  void add(std::uint16_t attribute, const std::string& value);
  [[nodiscard]] nlmsghdr& message() noexcept;

 private:
  void begin(std::uint16_t type, std::uint16_t flags, const void* header, std::size_t size);
  alignas(nlmsghdr) std::array<char, 256> bytes_{};
};

/// A netlink socket in the network namespace of the thread that opens it. One thread at a time.
class Rtnetlink {
 public:
  [[nodiscard]] static Result<Rtnetlink> open();

  using MessageVisitor = std::function<void(const nlmsghdr&)>;
  /// Sends, and waits for the whole answer. Returns 0 or an errno: the kernel's own, or EINTR if a dump is not
  /// consistent because something changed meanwhile.
  [[nodiscard]] int request(RtnetlinkRequest& request, const MessageVisitor& visit = {});

 private:
  struct Closer {
    void operator()(mnl_socket* socket) const noexcept;
  };
  using Socket = std::unique_ptr<mnl_socket, Closer>;
  explicit Rtnetlink(Socket socket);
  Socket socket_;
  std::vector<char> buffer_;
  std::uint32_t sequence_ = 0;
};

}  // namespace rb
