// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/base/json_rpc.hpp"

#include <fmt/core.h>

namespace rb {
namespace {

using nlohmann::json;

/// No request of ours nests deeper than four; more is an attack on a recursive reader.
constexpr int kMaxDepth = 16;

bool too_deep(std::string_view line) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

std::unexpected<RpcRefusal> refuse(json id, int code, std::string message) {
  return std::unexpected(RpcRefusal{std::move(id), {code, std::move(message), {}, {}}});
}

std::string to_line(const json& object) {
  // Names of interfaces may hold any octets: what is no UTF-8 is shown as such, never thrown about.
  return object.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace

std::expected<RpcRequest, RpcRefusal> parse_rpc_request(std::string_view line) {
  if (too_deep(line))
    return refuse(nullptr, kRpcParseError, fmt::format("objects nested deeper than {} are not read", kMaxDepth));
  json object = json::parse(line, nullptr, false);
  if (object.is_discarded())
    return refuse(nullptr, kRpcParseError, "that is not JSON; one JSON-RPC 2.0 object a line is expected");
  if (object.is_array()) return refuse(nullptr, kRpcInvalidRequest, "batches are not supported; send several lines");
  if (!object.is_object()) return refuse(nullptr, kRpcInvalidRequest, "a request is an object");
  RpcRequest request;
  request.notification = !object.contains("id");
  if (!request.notification) {
    const json& id = object["id"];
    if (!id.is_string() && !id.is_number() && !id.is_null())
      return refuse(nullptr, kRpcInvalidRequest, "id is a string or a number");
    request.id = id;
  }
  if (!object.contains("jsonrpc") || object["jsonrpc"] != "2.0") {
    return refuse(request.id, kRpcInvalidRequest, "member 'jsonrpc' must be \"2.0\"");
  }
  if (!object.contains("method") || !object["method"].is_string())
    return refuse(request.id, kRpcInvalidRequest, "member 'method' must be a string");
  request.method = object["method"].get<std::string>();
  if (object.contains("params")) {
    if (!object["params"].is_object()) return refuse(request.id, kRpcInvalidParams, "params must be an object");
    request.params = std::move(object["params"]);
  }
  return request;
}

std::string rpc_result_line(const json& id, const json& result) {
  return to_line({{"jsonrpc", "2.0"}, {"id", id}, {"result", result}});
}

json error_json(const RpcError& error) {
  json body = {{"code", error.code}, {"message", error.message}};
  if (!error.kind.empty()) body["data"]["kind"] = error.kind;
  if (!error.name.empty()) body["data"]["name"] = error.name;
  return body;
}

std::string rpc_error_line(const json& id, const RpcError& error) {
  return to_line({{"jsonrpc", "2.0"}, {"id", id}, {"error", error_json(error)}});
}

std::string rpc_event_line(const json& params) {
  return to_line({{"jsonrpc", "2.0"}, {"method", "event"}, {"params", params}});
}

RpcError to_rpc_error(const Error& error) {
  return {kRpcOperationFailed, error.message, std::string(error_name(error.code)), error.name};
}

}  // namespace rb
