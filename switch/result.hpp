// SPDX-License-Identifier: GPL-2.0-or-later
// Result and Error: the result of an operation that can fail. Bad frames never use them; they are counted drops.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace rb {

/// The kind of an error, for programs. The control protocol has `error_name()` in error.data.kind.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,  // a value that has no meaning here
  kOutOfRange,       // a number outside the range the standard or the kernel's bridge allows
  kBridgeExists,     // a bridge (or an interface) of that name is there already
  kNoSuchBridge,
  kBridgeUp,         // the bridge's host interface is administratively up; it cannot be deleted
  kNoSuchInterface,  // no network interface of that name
  kNoSuchPort,       // the interface exists or may exist, but is not a port (of that bridge)
  kAlreadyMember,    // the interface is a port of some bridge already
  kIsBridge,         // the interface is a bridge's own interface
  kNotATap,          // an interface of another kind
  kIsTun,            // a tun (layer 3) device where a tap is needed
  kBusy,             // another process holds the tap, the socket is in use
  kPermission,       // the message names the capability or the owner that is missing
  kExists,           // an FDB entry or an interface exists already
  kNoSuchEntry,      // no such FDB entry
  kTableFull,        // FDB, ports or bridges: the message says which, and the limit
  kNotSupported,     // this kernel or this version lacks it
  kLimit,            // too many clients, request too large
  kSystem,           // the kernel refused for another reason; the message has strerror's text
};

/// The name of a code as programs see it, e.g. "no_such_bridge".
[[nodiscard]] std::string_view error_name(ErrorCode code) noexcept;

/// A failed operation: a code for programs and one sentence for people, with name, value and remedy.
struct Error {
  ErrorCode code = ErrorCode::kSystem;
  std::string message;
  std::string name = {};  // what it is about, if any; NOLINT(readability-redundant-member-init): GCC wants it
};

template <typename T = void>
using Result = std::expected<T, Error>;

/// Shorthand for `return fail(ErrorCode::kX, "...")`.
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string name = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(name)});
}

}  // namespace rb
