// SPDX-License-Identifier: GPL-2.0-or-later
// vhost-user messages on the wire (QEMU docs/interop/vhost-user.rst), and the border where they come in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ports/base/unique_fd.hpp"
#include "switch/result.hpp"

namespace rb {

/// "Front-end message types". Other types are unknown to us.
enum class VhostRequest : std::uint32_t {
  kGetFeatures = 1,
  kSetFeatures = 2,
  kSetOwner = 3,
  kResetOwner = 4,
  kSetMemTable = 5,
  kSetLogBase = 6,
  kSetLogFd = 7,
  kSetVringNum = 8,
  kSetVringAddr = 9,
  kSetVringBase = 10,
  kGetVringBase = 11,
  kSetVringKick = 12,
  kSetVringCall = 13,
  kSetVringErr = 14,
  kGetProtocolFeatures = 15,
  kSetProtocolFeatures = 16,
  kGetQueueNum = 17,
  kSetVringEnable = 18,
  kSendRarp = 19,
  kNetSetMtu = 20,
  kGetInflightFd = 31,
  kSetInflightFd = 32,
  kResetDevice = 34,
  kGetMaxMemSlots = 36,
  kAddMemReg = 37,
  kRemMemReg = 38,
  kSetStatus = 39,
  kGetStatus = 40,
};
/// Returns "VHOST_USER_SET_FEATURES"; "" for an unknown type.
[[nodiscard]] std::string_view vhost_request_name(VhostRequest request) noexcept;

/// Bits of "VHOST_USER_GET_PROTOCOL_FEATURES" that we support.
enum class VhostProtocolFeature : std::uint8_t {
  kMultiQueue = 0,
  kLogShmfd = 1,
  kRarp = 2,
  kReplyAck = 3,
  kMtu = 4,
  kInflightShmfd = 12,
  kResetDevice = 13,
  kConfigureMemSlots = 15,
  kStatus = 16,
};

/// The header of every message. All numbers have this host's byte order.
struct VhostHeader {
  static constexpr std::uint32_t kVersion = 1, kVersionMask = 3, kReply = 4, kNeedReply = 8;
  std::uint32_t request = 0;
  std::uint32_t flags = kVersion;
  std::uint32_t size = 0;  // octets that follow
};
static_assert(sizeof(VhostHeader) == 12);

// Payloads.

struct VhostRingState {
  std::uint32_t ring = 0;
  std::uint32_t number = 0;
};
struct VhostRingAddresses {
  static constexpr std::uint32_t kLog = 1;  // VHOST_VRING_F_LOG
  std::uint32_t ring = 0;
  std::uint32_t flags = 0;
  std::uint64_t descriptors = 0, used = 0, available = 0;  // in the front end's address space
  std::uint64_t log = 0;  // address of the used ring's log, in the guest's address space
};
static_assert(sizeof(VhostRingAddresses) == 40);
struct VhostRegion {
  std::uint64_t guest_address = 0, size = 0, user_address = 0, file_offset = 0;
};
static_assert(sizeof(VhostRegion) == 32);
struct VhostOneRegion {
  std::uint64_t unused = 0;
  VhostRegion region;
};
struct VhostLog {
  std::uint64_t size = 0, offset = 0;
};
struct VhostInflight {
  std::uint64_t size = 0, offset = 0;
  std::uint16_t ring_count = 0, ring_size = 0;
  std::uint32_t unused = 0;  // front ends may leave it out
};
static_assert(sizeof(VhostInflight) == 24);
/// The beginning of the data of each split ring in a region of shared memory with the chains in flight; one mark for
/// each descriptor follows.
struct VhostInflightRing {
  std::uint64_t features = 0;
  std::uint16_t version = 1, ring_size = 0, last_batch_head = 0, used_index = 0;
};
static_assert(sizeof(VhostInflightRing) == 16);
/// Bits of the number in SET_VRING_KICK, _CALL and _ERR.
inline constexpr std::uint64_t kVhostRingMask = 0xff, kVhostNoFd = 0x100;

/// A complete message.
struct VhostMessage {
  static constexpr std::uint32_t kMaxPayload = 4096;  // octets; the largest existing message has 264
  static constexpr std::size_t kMaxFds = 8;           // the number in a memory table

  VhostHeader header;
  std::vector<std::byte> payload;
  std::vector<UniqueFd> fds;

  [[nodiscard]] VhostRequest request() const noexcept { return static_cast<VhostRequest>(header.request); }
  /// Returns the value at an offset of the payload, or nullopt if the payload ends before its end.
  template <typename T>
  [[nodiscard]] std::optional<T> as(std::size_t offset = 0) const noexcept {
    T value;
    if (payload.size() < offset || payload.size() - offset < sizeof value) return std::nullopt;
    std::memcpy(&value, payload.data() + offset, sizeof value);
    return value;
  }
};

/// Cuts the octets of a socket into messages. The caller asks how many octets it may read, so that descriptors, which
/// come with a message's first octet, are never assigned to another message.
class VhostMessageReader {
 public:
  /// At most this many octets belong to the present message.
  [[nodiscard]] std::size_t wanted() const noexcept;
  /// Adds octets that have been read, at most wanted(). True if the message is complete. kInvalidArgument: the octets
  /// are no message.
  [[nodiscard]] Result<bool> add(std::span<const std::byte> octets, std::vector<UniqueFd> fds);
  /// Returns the complete message and begins the next one.
  [[nodiscard]] VhostMessage take();
  [[nodiscard]] bool in_message() const noexcept { return header_size_ != 0; }

 private:
  VhostMessage message_;
  std::size_t header_size_ = 0;  // octets of the header that have come
};

}  // namespace rb
