// SPDX-License-Identifier: GPL-2.0-or-later
// JSON-RPC 2.0 on lines: the border where a client's octets become a request, and results become octets.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "switch/result.hpp"

namespace rb {

// Error codes of the specification, section 5.1, and our own.
inline constexpr int kRpcParseError = -32700;
inline constexpr int kRpcInvalidRequest = -32600;
inline constexpr int kRpcMethodNotFound = -32601;
inline constexpr int kRpcInvalidParams = -32602;
inline constexpr int kRpcInternalError = -32603;
inline constexpr int kRpcNotPermitted = -32000;
inline constexpr int kRpcOperationFailed = 1;

/// What a method answers when it fails.
struct RpcError {
  int code = kRpcOperationFailed;
  std::string message;
  std::string kind;  // error_name(), of kRpcOperationFailed
  std::string name;  // what it is about, where there is one
};

/// One request, its shape checked; params is always an object.
struct RpcRequest {
  nlohmann::json id;  // null for a notification
  bool notification = false;
  std::string method;
  nlohmann::json params = nlohmann::json::object();
};

/// Reads one line. The error has the id when it could be read.
struct RpcRefusal {
  nlohmann::json id;
  RpcError error;
};
[[nodiscard]] std::expected<RpcRequest, RpcRefusal> parse_rpc_request(std::string_view line);

/// One line each, with its '\n'.
[[nodiscard]] std::string rpc_result_line(const nlohmann::json& id, const nlohmann::json& result);
[[nodiscard]] std::string rpc_error_line(const nlohmann::json& id, const RpcError& error);
[[nodiscard]] std::string rpc_event_line(const nlohmann::json& params);

/// The error object of a response.
[[nodiscard]] nlohmann::json error_json(const RpcError& error);
/// An operation's Error as the wire has it.
[[nodiscard]] RpcError to_rpc_error(const Error& error);

}  // namespace rb
