// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/result.hpp"

namespace rb {

std::string_view error_name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kOutOfRange:
      return "out_of_range";
    case ErrorCode::kBridgeExists:
      return "bridge_exists";
    case ErrorCode::kNoSuchBridge:
      return "no_such_bridge";
    case ErrorCode::kBridgeUp:
      return "bridge_up";
    case ErrorCode::kNoSuchInterface:
      return "no_such_interface";
    case ErrorCode::kNoSuchPort:
      return "no_such_port";
    case ErrorCode::kAlreadyMember:
      return "already_member";
    case ErrorCode::kIsBridge:
      return "is_bridge";
    case ErrorCode::kNotATap:
      return "not_a_tap";
    case ErrorCode::kIsTun:
      return "is_tun";
    case ErrorCode::kBusy:
      return "busy";
    case ErrorCode::kPermission:
      return "permission";
    case ErrorCode::kExists:
      return "exists";
    case ErrorCode::kNoSuchEntry:
      return "no_such_entry";
    case ErrorCode::kTableFull:
      return "table_full";
    case ErrorCode::kNotSupported:
      return "not_supported";
    case ErrorCode::kLimit:
      return "limit";
    case ErrorCode::kSystem:
      return "system";
  }
  return "system";
}

}  // namespace rb
