// SPDX-License-Identifier: GPL-2.0-or-later
// VirtioUser: a guest's side of a vhost-user connection (QEMU docs/interop/vhost-user.rst): the guest's memory, and the
// messages that show it and its rings. What happens in the rings is not seen here.
#pragma once

#include <sys/un.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ports/base/unique_fd.hpp"
#include "ports/vhost/vhost_message.hpp"

namespace bench {

/// Memory that is shared with a switch: one file, of huge pages of 2 MiB where there are free ones, all of it there
/// from the beginning.
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t size);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  /// Zeros; never given back.
  [[nodiscard]] std::byte* take(std::size_t size, std::size_t alignment);
  /// Where the guest says that something is.
  [[nodiscard]] std::uint64_t guest_address(const void* there) const;
  /// What a message calls the "user address".
  [[nodiscard]] static std::uint64_t user_address(const void* there) { return reinterpret_cast<std::uintptr_t>(there); }
  [[nodiscard]] rb::VhostRegion region() const;
  [[nodiscard]] int file() const { return file_.get(); }

 private:
  rb::UniqueFd file_;
  std::byte* octets_ = nullptr;
  std::size_t size_ = 0;
  std::size_t taken_ = 0;
};

/// What a switch has to know of a ring before it starts.
struct RingDescription {
  std::uint16_t size = 0;             // descriptors
  std::uint32_t base = 0;             // where it begins, as SET_VRING_BASE has it
  const void* descriptors = nullptr;  // "Descriptor Area"
  const void* driver_area = nullptr;  // the avail ring, or the driver's event structure
  const void* device_area = nullptr;  // the used ring, or the device's
};

/// The connection. Whatever goes wrong ends the program, with the socket's path in the message.
class VirtioUser {
 public:
  /// Connects to a switch, or lets one connect, within ten seconds, and asks what it can do.
  enum class Role : std::uint8_t { kClient, kServer };
  VirtioUser(const std::string& path, Role role);

  /// Features that the switch offers.
  [[nodiscard]] std::uint64_t offered() const { return offered_; }
  /// Shows memory and rings, 0 receives and 1 transmits, and starts them.
  void start(std::uint64_t features, const SharedMemory& memory, std::span<const RingDescription> rings);
  /// Wakes the switch for a ring.
  void kick(std::size_t ring) const;
  /// Ends the program when the switch has closed the connection.
  void check() const;

 private:
  void connect(const sockaddr_un& address);
  void accept(const sockaddr_un& address);
  struct Events {
    rb::UniqueFd kick, call;
  };
  void send(rb::VhostRequest request, std::uint32_t flags, std::span<const std::byte> payload,
            std::span<const int> descriptors) const;
  [[nodiscard]] std::uint64_t receive_number(rb::VhostRequest request) const;
  [[nodiscard]] std::uint64_t ask(rb::VhostRequest request) const;
  /// Says something, and waits until it is done where the switch acknowledges.
  void say(rb::VhostRequest request, std::span<const std::byte> payload, std::span<const int> descriptors = {}) const;
  template <typename Payload>
  void say(rb::VhostRequest request, const Payload& payload, std::span<const int> descriptors = {}) const {
    say(request, std::as_bytes(std::span(&payload, 1)), descriptors);
  }
  [[noreturn]] void fail(const std::string& what) const;

  std::string path_;
  rb::UniqueFd socket_;
  std::uint64_t offered_ = 0;
  bool has_protocol_features_ = false;
  bool acknowledges_ = false;
  std::vector<Events> events_;  // of each ring
};

}  // namespace bench
