// SPDX-License-Identifier: GPL-2.0-or-later
// The front end of vhost-user sends the messages that give a switch access to a guest's memory and rings. It is written
// from the protocol alone (QEMU docs/interop/vhost-user.rst) and shares no code with the switch.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vhost_guest.hpp"

namespace rb::test {

/// Names of the protocol.
namespace vhost {
inline constexpr std::uint32_t kGetFeatures = 1, kSetFeatures = 2, kSetOwner = 3, kResetOwner = 4, kSetMemTable = 5,
                               kSetLogBase = 6, kSetLogFd = 7, kSetVringNum = 8, kSetVringAddr = 9, kSetVringBase = 10,
                               kGetVringBase = 11, kSetVringKick = 12, kSetVringCall = 13, kSetVringErr = 14,
                               kGetProtocolFeatures = 15, kSetProtocolFeatures = 16, kGetQueueNum = 17,
                               kSetVringEnable = 18, kSendRarp = 19, kNetSetMtu = 20, kGetInflightFd = 31,
                               kSetInflightFd = 32, kResetDevice = 34, kGetMaxMemSlots = 36, kAddMemReg = 37,
                               kRemMemReg = 38, kSetStatus = 39, kGetStatus = 40;
// Protocol features.
inline constexpr std::uint64_t kMultiQueue = 1 << 0, kLogShmfd = 1 << 1, kRarp = 1 << 2, kReplyAck = 1 << 3,
                               kNetMtu = 1 << 4, kInflightShmfd = 1 << 12, kResetDeviceFeature = 1 << 13,
                               kMemSlots = 1 << 15, kStatus = 1 << 16;
inline constexpr std::uint64_t kAllProtocolFeatures =
    kMultiQueue | kLogShmfd | kRarp | kReplyAck | kNetMtu | kResetDeviceFeature | kMemSlots | kStatus;
// Flags of a message: the version, and one bit each.
inline constexpr std::uint32_t kVersion = 1, kReply = 4, kNeedReply = 8;
inline constexpr std::uint64_t kNoFd = 0x100;    // in SET_VRING_KICK, _CALL and _ERR: the message carries no descriptor
inline constexpr std::uint32_t kRingLogged = 1;  // VHOST_VRING_F_LOG in SET_VRING_ADDR
inline constexpr std::size_t kLogPage = 4096;    // each bit of the log stands for so many octets of memory
}  // namespace vhost

/// A message of a front end. `answer` tells if the front end waits for an answer.
struct VhostMessage {
  enum class Answer : std::uint8_t { kNone, kReply, kAcknowledgement };
  std::uint32_t request = 0;
  Octets payload = {};
  std::vector<int> fds = {};
  Answer answer = Answer::kNone;

  /// Returns the message's octets on the socket.
  [[nodiscard]] Octets octets() const;
};
struct VhostReply {
  std::uint32_t request = 0;
  Octets payload = {};
  std::vector<UniqueFd> fds = {};

  [[nodiscard]] std::uint64_t number() const;
};

/// A listening socket, to which a switch in the client role connects.
class VhostListener {
 public:
  explicit VhostListener(const std::string& path);
  ~VhostListener();
  VhostListener(const VhostListener&) = delete;
  VhostListener& operator=(const VhostListener&) = delete;
  /// Throws if no switch connects for ten seconds.
  [[nodiscard]] UniqueFd accept() const;

 private:
  std::string path_;
  UniqueFd fd_;
};

/// A guest with one network device. Its memory and rings outlive connections.
class FrontEnd {
 public:
  struct Options {
    std::uint64_t features = virtio::kModern | virtio::kOffloads;
    std::uint64_t protocol_features = vhost::kAllProtocolFeatures;
    std::uint16_t ring_size = 256;
    std::uint16_t base = 0;
    std::uint16_t queue_pairs = 1;
    unsigned buffer_count = 128;  // in each receive ring
    std::uint32_t buffer_size = 2048;
    unsigned buffer_pieces = 1;
    bool indirect_buffers = false;
    bool memory_slots = false;  // ADD_MEM_REG instead of SET_MEM_TABLE
    GuestMemory::Seal seal = GuestMemory::Seal::kShrink;
  };
  FrontEnd() : FrontEnd(Options{}) {}
  explicit FrontEnd(const Options& options);

  /// Connects, and waits up to ten seconds for a listener.
  void connect(const std::string& path);
  void attach(UniqueFd socket);
  void disconnect() { socket_.reset(); }
  /// Negotiates and starts all rings from their used indices. `before_memory` runs between the features and the memory.
  /// Throws if the switch refuses.
  void start(const std::function<void()>& before_memory = {});
  /// Returns the messages of start(), in order.
  [[nodiscard]] std::vector<VhostMessage> negotiation() const;

  // Messages.
  void send_octets(const Octets& octets, const std::vector<int>& fds = {}) const;
  void send_message(const VhostMessage& message) const { send_octets(message.octets(), message.fds); }
  /// Returns the next reply, or nullopt if the connection ends or nothing comes for ten seconds.
  [[nodiscard]] std::optional<VhostReply> receive_reply() const;
  /// Throws if no reply comes.
  VhostReply exchange(const VhostMessage& message) const;
  /// Sends a request whose reply is a number, and returns the number.
  [[nodiscard]] std::uint64_t ask(std::uint32_t request) const;
  /// Sends a request and waits for the switch's verdict: 0 is good.
  std::uint64_t say(std::uint32_t request, const Octets& payload, const std::vector<int>& fds = {}) const;
  /// Waits until the switch has closed the connection. False if it does not do so in time.
  [[nodiscard]] bool is_closed(int timeout_ms = 10000) const;

  // These functions make single messages about rings and memory.
  [[nodiscard]] VhostMessage vring_addr(std::uint32_t index, std::uint32_t flags = 0) const;
  [[nodiscard]] VhostMessage memory_table() const;
  /// ADD_MEM_REG or REM_MEM_REG.
  [[nodiscard]] VhostMessage memory_region(std::uint32_t request, std::size_t region) const;
  /// Stops a ring. Returns the index at which the switch would continue.
  std::uint32_t stop(std::uint32_t index) const;
  /// Restarts a stopped ring from its used index.
  void restart(std::uint32_t index) const;
  void enable(std::uint32_t index, bool enabled) const;

  [[nodiscard]] Ring& rx(std::size_t pair = 0) const { return *rings_.at(2 * pair); }
  [[nodiscard]] Ring& tx(std::size_t pair = 0) const { return *rings_.at(2 * pair + 1); }
  [[nodiscard]] Ring& ring(std::size_t index) const { return *rings_.at(index); }
  [[nodiscard]] std::uint64_t offered_features() const { return offered_; }
  [[nodiscard]] std::uint64_t offered_protocol_features() const { return offered_protocol_; }
  bool send(const Octets& frame) const { return tx().send({.octets = frame}); }
  /// Waits at most ten seconds for exactly this frame.
  [[nodiscard]] bool sees(const Octets& wanted) const;
  /// Returns all frames that came in before `last`, which must come.
  [[nodiscard]] std::vector<OffloadedFrame> until(const Octets& last) const;

  GuestMemory memory;

 private:
  [[nodiscard]] std::vector<VhostMessage> ring_messages(std::uint32_t index) const;

  const Options options_;
  std::vector<std::unique_ptr<Ring>> rings_;
  UniqueFd socket_;
  std::uint64_t offered_ = 0, offered_protocol_ = 0;
};

}  // namespace rb::test
