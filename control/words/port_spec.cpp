// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/port_spec.hpp"

#include <fmt/core.h>

#include <charconv>
#include <filesystem>
#include <optional>

#include "control/words/word_parser.hpp"
#include "ports/base/account_names.hpp"
#include "ports/base/interface_name.hpp"

namespace rb {
namespace {

std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return head;
}

/// Sets an option that is on or off; without a value it is on.
Result<> set_switch(nlohmann::json& spec, const std::string& key, const std::optional<std::string>& value) {
  const auto on = value ? parse_on_off(*value) : std::optional{true};
  if (!on) return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' must be on or off, not '{}'", key, *value));
  spec[key] = *on;
  return {};
}

/// Sets one option of a specification; `value` has no value for a bare word.
Result<> set_option(nlohmann::json& spec, const std::string& key, const std::optional<std::string>& value) {
  if (key == "create" || key == "persistent" || key == "offload") return set_switch(spec, key, value);
  if (!value || value->empty())
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("port option '{}' is unknown or lacks a value; there are create, persistent, owner=, "
                            "group=, queues=, offload=on|off and netns=",
                            key));
  if (key == "owner" || key == "group") {
    const auto id = key == "owner" ? user_id(*value) : group_id(*value);
    if (!id) return std::unexpected(id.error());
    spec[key] = *id;
  } else if (key == "queues") {
    const auto count = parse_integer(*value);
    if (!count || *count < 1)
      return fail(ErrorCode::kInvalidArgument, fmt::format("'queues' must be a number from 1, not '{}'", *value));
    spec[key] = *count;
  } else if (key == "netns") {
    spec[key] = *value;
  } else {
    return fail(ErrorCode::kInvalidArgument, fmt::format("port option '{}' is unknown; there are create, persistent, "
                                                         "owner=, group=, queues=, offload=on|off and netns=",
                                                         key));
  }
  return {};
}

std::unexpected<Error> no_socket_option(const std::string& key) {
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("option '{}' of a socket is unknown or lacks a value; there are name=, owner=, group= and mode=, "
                  "of vhost-user server, client and offload=on|off, of a stream server, client and "
                  "framing=len32|len16, of a dgram peer=, of listen framing= and max=",
                  key));
}

/// One option of the specification of a port that has a socket; `value` has no value for a bare word.
Result<> set_socket_option(nlohmann::json& spec, const std::string& key, const std::optional<std::string>& value) {
  const bool stream = spec["kind"] == "stream", dgram = spec["kind"] == "dgram", listen = spec["kind"] == "listen";
  const bool vhost_user = spec["kind"] == "vhost-user";
  if ((key == "server" || key == "client") && !value && (stream || vhost_user)) {
    spec["role"] = key;
    return {};
  }
  if (!value || value->empty()) return no_socket_option(key);
  if (key == "offload" && vhost_user) return set_switch(spec, key, value);
  if (key == "name" || (key == "framing" && (stream || listen)) || (key == "peer" && dgram)) {
    spec[key] = *value;
  } else if (key == "owner" || key == "group") {
    const auto id = key == "owner" ? user_id(*value) : group_id(*value);
    if (!id) return std::unexpected(id.error());
    spec[key] = *id;
  } else if (key == "max" && listen) {
    const auto count = parse_integer(*value);
    if (!count) return fail(ErrorCode::kInvalidArgument, fmt::format("'max' must be a number, not '{}'", *value));
    spec[key] = *count;
  } else if (key == "mode") {
    std::uint32_t mode = 0;
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), mode, 8);
    if (error != std::errc() || end != value->data() + value->size() || mode > 0777)
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("'mode' is permissions in octal, such as 660, not '{}'", *value));
    spec[key] = mode;
  } else {
    return no_socket_option(key);
  }
  return {};
}

/// "vm1" of "/run/vm1.sock"; "" of what has no such name.
std::string name_of_path(const std::string& path, const std::string& suffix) {
  if (!path.starts_with('/')) return {};
  const std::string stem = std::filesystem::path(path).stem().string() + suffix;
  return check_interface_name(stem) ? stem : std::string();
}

/// What only a created tap can have.
Result<> check_creation(const nlohmann::json& spec) {
  if (spec.value("create", false)) return {};
  for (const char* key : {"persistent", "owner", "group"}) {
    if (spec.contains(key)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("port option '{}' is for a tap that is made here; add 'create'", key));
    }
  }
  return {};
}

}  // namespace

Result<nlohmann::json> parse_port_spec(std::string_view text) {
  const std::string_view whole = text;
  if (text.find(':') == std::string_view::npos) {
    if (text.find(',') != std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("options need the kind of the port in front: 'tap:{}'", whole));
    }
    if (text.empty()) return fail(ErrorCode::kInvalidArgument, "the name of a port is empty");
    return nlohmann::json{{"name", std::string(text)}};
  }
  const std::string_view kind = take_until(text, ':');
  const std::string what(take_until(text, ','));
  const bool socket = kind == "vhost-user" || kind == "stream" || kind == "dgram" || kind == "listen";
  if (!socket && kind != "tap" && kind != "packet") {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' in '{}' is not a kind of port; there are tap, packet, vhost-user, stream, dgram and "
                            "listen",
                            kind, whole));
  }
  if (what.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the {} is missing in '{}'", socket ? "address" : "name of the port", whole));
  }
  nlohmann::json spec{{"kind", kind}};
  if (socket) {
    spec["address"] = what;
    spec["name"] = name_of_path(what, kind == "listen" ? "-listen" : "");
  } else {
    spec["name"] = what;
  }
  while (!text.empty()) {
    std::string_view option = take_until(text, ',');
    const bool has_value = option.find('=') != std::string_view::npos;
    const std::string key(take_until(option, '='));
    const auto value = has_value ? std::optional(std::string(option)) : std::nullopt;
    const auto done = socket ? set_socket_option(spec, key, value) : set_option(spec, key, value);
    if (!done) return std::unexpected(done.error());
  }
  if (spec["name"].get_ref<const std::string&>().empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' says no name that a port can have; add one, ',name=vm1'", whole));
  }
  if (kind == "dgram" && !spec.contains("peer")) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' does not say where its peer is; add it, ',peer=/run/vm1-qemu.sock'", whole));
  }
  const auto checked = check_creation(spec);
  if (!checked && !socket) return std::unexpected(checked.error());
  return spec;
}

}  // namespace rb
