// SPDX-License-Identifier: GPL-2.0-or-later
// VirtioUser is a guest's side of a vhost-user connection (QEMU docs/interop/vhost-user.rst): the guest's memory, and
// the messages that give the switch access to the memory and its rings. Other classes work with the rings.
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

/// Memory that is shared with a switch. It is one file, of huge pages of 2 MiB if there are free ones, and it is
/// allocated completely at the beginning.
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t size);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  /// Returns zeroed memory, which is never given back.
  [[nodiscard]] std::byte* take(std::size_t size, std::size_t alignment);
  /// The guest address of a place in the memory.
  [[nodiscard]] std::uint64_t guest_address(const void* there) const;
  /// The "user address" of messages.
  [[nodiscard]] static std::uint64_t user_address(const void* there) { return reinterpret_cast<std::uintptr_t>(there); }
  [[nodiscard]] rb::VhostRegion region() const;
  [[nodiscard]] int file() const { return file_.get(); }

 private:
  rb::UniqueFd file_;
  std::byte* octets_ = nullptr;
  std::size_t size_ = 0;
  std::size_t taken_ = 0;
};

/// The description of a ring that a switch needs before the ring starts.
struct RingDescription {
  std::uint16_t size = 0;             // descriptors
  std::uint32_t base = 0;             // the beginning, as SET_VRING_BASE has it
  const void* descriptors = nullptr;  // "Descriptor Area"
  const void* driver_area = nullptr;  // the avail ring, or the driver's event structure
  const void* device_area = nullptr;  // the used ring, or the device's event structure
};

/// The connection. Any error ends the program with a message that has the socket's path.
class VirtioUser {
 public:
  /// Connects to a switch, or waits for its connection, for up to ten seconds, and asks for its features.
  enum class Role : std::uint8_t { kClient, kServer };
  VirtioUser(const std::string& path, Role role);

  /// The features that the switch offers.
  [[nodiscard]] std::uint64_t offered() const { return offered_; }
  /// Announces memory and rings (0 receives and 1 transmits), and starts the rings.
  void start(std::uint64_t features, const SharedMemory& memory, std::span<const RingDescription> rings);
  /// Wakes the switch for a ring.
  void kick(std::size_t ring) const;
  /// Ends the program if the switch has closed the connection.
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
  /// Sends a message, and waits for its completion if the switch acknowledges messages.
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
  std::vector<Events> events_;  // for each ring
};

}  // namespace bench
