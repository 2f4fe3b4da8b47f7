// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/vhost_message.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace rb {

std::string_view vhost_request_name(VhostRequest request) noexcept {
  switch (request) {
    case VhostRequest::kGetFeatures:
      return "VHOST_USER_GET_FEATURES";
    case VhostRequest::kSetFeatures:
      return "VHOST_USER_SET_FEATURES";
    case VhostRequest::kSetOwner:
      return "VHOST_USER_SET_OWNER";
    case VhostRequest::kResetOwner:
      return "VHOST_USER_RESET_OWNER";
    case VhostRequest::kSetMemTable:
      return "VHOST_USER_SET_MEM_TABLE";
    case VhostRequest::kSetLogBase:
      return "VHOST_USER_SET_LOG_BASE";
    case VhostRequest::kSetLogFd:
      return "VHOST_USER_SET_LOG_FD";
    case VhostRequest::kSetVringNum:
      return "VHOST_USER_SET_VRING_NUM";
    case VhostRequest::kSetVringAddr:
      return "VHOST_USER_SET_VRING_ADDR";
    case VhostRequest::kSetVringBase:
      return "VHOST_USER_SET_VRING_BASE";
    case VhostRequest::kGetVringBase:
      return "VHOST_USER_GET_VRING_BASE";
    case VhostRequest::kSetVringKick:
      return "VHOST_USER_SET_VRING_KICK";
    case VhostRequest::kSetVringCall:
      return "VHOST_USER_SET_VRING_CALL";
    case VhostRequest::kSetVringErr:
      return "VHOST_USER_SET_VRING_ERR";
    case VhostRequest::kGetProtocolFeatures:
      return "VHOST_USER_GET_PROTOCOL_FEATURES";
    case VhostRequest::kSetProtocolFeatures:
      return "VHOST_USER_SET_PROTOCOL_FEATURES";
    case VhostRequest::kGetQueueNum:
      return "VHOST_USER_GET_QUEUE_NUM";
    case VhostRequest::kSetVringEnable:
      return "VHOST_USER_SET_VRING_ENABLE";
    case VhostRequest::kSendRarp:
      return "VHOST_USER_SEND_RARP";
    case VhostRequest::kNetSetMtu:
      return "VHOST_USER_NET_SET_MTU";
    case VhostRequest::kGetInflightFd:
      return "VHOST_USER_GET_INFLIGHT_FD";
    case VhostRequest::kSetInflightFd:
      return "VHOST_USER_SET_INFLIGHT_FD";
    case VhostRequest::kResetDevice:
      return "VHOST_USER_RESET_DEVICE";
    case VhostRequest::kGetMaxMemSlots:
      return "VHOST_USER_GET_MAX_MEM_SLOTS";
    case VhostRequest::kAddMemReg:
      return "VHOST_USER_ADD_MEM_REG";
    case VhostRequest::kRemMemReg:
      return "VHOST_USER_REM_MEM_REG";
    case VhostRequest::kSetStatus:
      return "VHOST_USER_SET_STATUS";
    case VhostRequest::kGetStatus:
      return "VHOST_USER_GET_STATUS";
  }
  return "";
}

std::size_t VhostMessageReader::wanted() const noexcept {
  if (header_size_ < sizeof(VhostHeader)) return sizeof(VhostHeader) - header_size_;
  return message_.header.size - message_.payload.size();
}

Result<bool> VhostMessageReader::add(std::span<const std::byte> octets, std::vector<UniqueFd> fds) {
  std::move(fds.begin(), fds.end(), std::back_inserter(message_.fds));
  if (message_.fds.size() > VhostMessage::kMaxFds) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("a message brings more than {} file descriptors", VhostMessage::kMaxFds));
  }
  if (header_size_ == sizeof(VhostHeader)) {
    message_.payload.insert(message_.payload.end(), octets.begin(), octets.end());
    return message_.payload.size() == message_.header.size;
  }
  std::memcpy(reinterpret_cast<std::byte*>(&message_.header) + header_size_, octets.data(), octets.size());
  header_size_ += octets.size();
  if (header_size_ < sizeof(VhostHeader)) return false;
  const VhostHeader& header = message_.header;
  if ((header.flags & VhostHeader::kVersionMask) != VhostHeader::kVersion) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("a message of version {}; this is version 1 of the protocol",
                                                         header.flags & VhostHeader::kVersionMask));
  }
  if (header.size > VhostMessage::kMaxPayload) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("a message of {} octets; none has more than {}", header.size, VhostMessage::kMaxPayload));
  }
  return header.size == 0;
}

VhostMessage VhostMessageReader::take() {
  header_size_ = 0;
  return std::exchange(message_, {});
}

}  // namespace rb
