// SPDX-License-Identifier: GPL-2.0-or-later
// The methods port.* of the control protocol.
#include <fmt/core.h>

#include <algorithm>

#include "control/api/commands.hpp"
#include "control/api/model_json.hpp"
#include "control/api/setting_params.hpp"
#include "control/words/port_spec.hpp"
#include "ports/base/interface_name.hpp"
#include "ports/base/netns.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// A label is printed, and stands in a dump as an option of a port.
Result<> check_netns_label(const std::string& label) {
  constexpr std::size_t kMaxLabel = 4096;  // octets; PATH_MAX
  const bool printable = std::ranges::none_of(label, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
  if (label.size() <= kMaxLabel && printable && label.find(',') == std::string::npos) return {};
  return fail(ErrorCode::kInvalidArgument,
              "the name of a network namespace cannot hold commas or control characters, nor be longer than a path");
}

/// What belongs to a socket's file.
SocketOwner read_owner(Params& params) {
  SocketOwner owner;
  if (const auto user = params.maybe_integer("owner", 0, UINT32_MAX - 1))
    owner.user = static_cast<std::uint32_t>(*user);
  if (const auto group = params.maybe_integer("group", 0, UINT32_MAX - 1))
    owner.group = static_cast<std::uint32_t>(*group);
  if (const auto mode = params.maybe_integer("mode", 0, 0777)) owner.mode = static_cast<std::uint32_t>(*mode);
  return owner;
}

Framing read_framing(Params& params) {
  const std::string framing = params.maybe_text("framing").value_or("len32");
  if (framing != "len32" && framing != "len16") throw InvalidParams{"'framing' must be len32 or len16"};
  return framing == "len16" ? Framing::kLen16 : Framing::kLen32;
}

/// Names of ports that are no interfaces stand among options in a dump.
Result<> check_plain_name(const std::string& name) {
  if (is_plain_name(name)) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is no name for such a port; letters, digits, '_', '.' and '-' are possible", name),
              name);
}

/// Of a stream, or of vhost-user: a peer whom we wait for, or go to.
Result<PortSpec> peer_spec(Params& params, PortKind kind, PortSpec spec) {
  spec.kind = kind;
  const std::string address = params.text("address"), role = params.maybe_text("role").value_or("server");
  spec.offload = kind == PortKind::kVhostUser && params.flag("offload", true);
  if (kind == PortKind::kStream) spec.framing = read_framing(params);
  spec.peer.owner = read_owner(params);
  params.finish();
  if (Result<> plain = check_plain_name(spec.name); !plain) return std::unexpected(plain.error());
  if (role != "server" && role != "client") throw InvalidParams{"'role' must be server or client"};
  spec.peer.connects = role == "client";
  Result<SocketAddress> parsed = parse_socket_address(address);
  if (!parsed) return std::unexpected(parsed.error());
  spec.peer.address = std::move(*parsed);
  if (kind == PortKind::kVhostUser && !spec.peer.address.is_path()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is no path; a guest's memory comes by a socket of this host alone", address), address);
  }
  const SocketOwner& owner = spec.peer.owner;
  if ((owner.user || owner.group || owner.mode) && (spec.peer.connects || !spec.peer.address.is_path())) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: owner, group and mode belong to a socket's file that is made here", spec.name),
                spec.name);
  }
  return spec;
}

Result<PortSpec> dgram_spec(Params& params, PortSpec spec) {
  spec.kind = PortKind::kDgram;
  spec.offload = false;
  const std::string local = params.text("address"), peer = params.text("peer");
  spec.peer.owner = read_owner(params);
  params.finish();
  if (Result<> plain = check_plain_name(spec.name); !plain) return std::unexpected(plain.error());
  for (const auto& [text, into] : {std::pair{&local, &spec.peer.address}, std::pair{&peer, &spec.peer_at}}) {
    Result<SocketAddress> parsed = parse_socket_address(*text);
    if (!parsed) return std::unexpected(parsed.error());
    *into = std::move(*parsed);
  }
  return spec;
}

Result<ModelListener> read_listener(Params& params) {
  ModelListener listener;
  (void)params.text("kind");
  listener.name = params.text("name");
  const std::string address = params.text("address");
  listener.framing = read_framing(params);
  listener.max_per_user =
      static_cast<std::size_t>(params.maybe_integer("max", 1, kMaxPorts).value_or(std::int64_t(listener.max_per_user)));
  listener.owner = read_owner(params);
  params.finish();
  if (Result<> plain = check_plain_name(listener.name); !plain) return std::unexpected(plain.error());
  Result<SocketAddress> parsed = parse_socket_address(address);
  if (!parsed) return std::unexpected(parsed.error());
  if (!parsed->is_path()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is no path; only there the kernel says who connects", address), address);
  }
  listener.address = std::move(*parsed);
  return listener;
}

}  // namespace

Result<PortSpec> Commands::port_spec(const json& object, Caller& caller) {
  Params params(object);
  PortSpec spec;
  const std::string kind = params.maybe_text("kind").value_or("");
  spec.name = params.text("name");
  if (kind == "stream") return peer_spec(params, PortKind::kStream, std::move(spec));
  if (kind == "vhost-user") return peer_spec(params, PortKind::kVhostUser, std::move(spec));
  if (kind == "dgram") return dgram_spec(params, std::move(spec));
  spec.tap.create = params.flag("create", false);
  spec.tap.persistent = params.flag("persistent", false);
  spec.may_exist = spec.tap.create && spec.tap.persistent;
  spec.offload = params.flag("offload", true);
  if (const auto owner = params.maybe_integer("owner", 0, UINT32_MAX - 1))
    spec.tap.owner = static_cast<std::uint32_t>(*owner);
  if (const auto group = params.maybe_integer("group", 0, UINT32_MAX - 1))
    spec.tap.group = static_cast<std::uint32_t>(*group);
  spec.tap.queue_count = static_cast<unsigned>(params.maybe_integer("queues", 1, 256).value_or(1));
  spec.netns_label = params.maybe_text("netns").value_or("");
  const std::optional<std::int64_t> place = params.maybe_integer("netns_fd", 0, 1000);
  spec.may_be_missing = caller.is_configuration && !spec.tap.create;
  params.finish();
  if (Result<> checked = check_netns_label(spec.netns_label); !checked) return std::unexpected(checked.error());
  const bool of_taps =
      spec.tap.create || spec.tap.persistent || spec.tap.owner || spec.tap.group || spec.tap.queue_count > 1;
  if (kind == "packet") {
    spec.kind = PortKind::kPacket;
    if (of_taps) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("{} is an interface that exists; create, persistent, owner, group and queues are for taps",
                      spec.name),
          spec.name);
    }
  } else if (kind == "tap" || (kind.empty() && of_taps)) {
    spec.kind = PortKind::kTap;
  } else if (kind.empty()) {
    spec.kind = PortKind::kAny;
  } else {
    return fail(
        ErrorCode::kNotSupported,
        fmt::format("port kind '{}' is not known; 'tap', 'packet', 'vhost-user', 'stream', 'dgram' and 'listen' are",
                    kind),
        kind);
  }
  if (!spec.tap.create && (spec.tap.persistent || spec.tap.owner || spec.tap.group)) {
    return fail(ErrorCode::kInvalidArgument,
                "persistent, owner and group belong to a tap that is made; say 'create' too, or leave them out",
                spec.name);
  }
  if (place) {
    if (static_cast<std::size_t>(*place) >= caller.descriptors.size() ||
        !caller.descriptors[static_cast<std::size_t>(*place)]) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("netns_fd {} names no descriptor that came with the request", *place));
    }
    spec.netns = std::make_shared<UniqueFd>(std::move(caller.descriptors[static_cast<std::size_t>(*place)]));
  } else if (!spec.netns_label.empty()) {
    if (!caller.is_configuration) {
      return fail(ErrorCode::kInvalidArgument,
                  "a namespace comes as an open descriptor (netns_fd), so that the caller's own rights decide; rbctl "
                  "does that");
    }
    Result<UniqueFd> opened = open_netns(spec.netns_label);
    if (!opened) return std::unexpected(opened.error());
    spec.netns = std::make_shared<UniqueFd>(std::move(*opened));
  }
  return spec;
}

Commands::Answer Commands::port_add(Params& params, Caller& caller) {
  const std::string bridge = params.text("bridge");
  const json& object = params.object("port");
  params.finish();
  if (object.value("kind", json()) == "listen") {
    Params members(object);
    Result<ModelListener> listener = read_listener(members);
    if (!listener) return std::unexpected(listener.error());
    if (Result<> added = model_.add_listener(bridge, std::move(*listener)); !added)
      return std::unexpected(added.error());
    return json::object();
  }
  Result<PortSpec> spec = port_spec(object, caller);
  if (!spec) return std::unexpected(spec.error());
  if (Result<> added = model_.add_port(bridge, std::move(*spec)); !added) return std::unexpected(added.error());
  return json::object();
}

Commands::Answer Commands::port_delete(Params& params, Caller&) {
  const std::string bridge = params.text("bridge"), name = params.text("name");
  params.finish();
  if (Result<> deleted = model_.delete_port(bridge, name); !deleted) return std::unexpected(deleted.error());
  return json::object();
}

Commands::Answer Commands::port_set(Params& params, Caller&) {
  const std::string name = params.text("name");
  const std::optional<std::string> bridge_name = params.maybe_text("bridge");
  const auto changes = read_settings(params, port_settings());
  const auto vlan_changes = read_settings(params, port_vlan_settings());
  params.finish();
  const Result<ModelPort*> port = model_.find_port(name);
  if (bridge_name) {
    const Result<ModelBridge*> bridge = model_.find_bridge(*bridge_name);
    if (!bridge) return std::unexpected(bridge.error());
    if (!port || (*port)->bridge != (*bridge)->index)
      return fail(ErrorCode::kNoSuchPort, fmt::format("{} is not a port of {}", name, *bridge_name), name);
  }
  if (!port) return std::unexpected(port.error());
  PortSettings settings = (*port)->settings;
  if (Result<> applied = changes.apply_to(settings, name); !applied) return std::unexpected(applied.error());
  PortVlanSettings vlans = (*port)->vlans;
  if (Result<> applied = vlan_changes.apply_to(vlans, name); !applied) return std::unexpected(applied.error());
  if (changes.has("state")) {
    if (Result<> checked = model_.check_state(**port, settings.state); !checked)
      return std::unexpected(checked.error());
  }
  if (Result<> set = model_.set_port(name, settings); !set) return std::unexpected(set.error());
  // Who sets the state or the guard has seen that the guard closed the port, and opens the port again.
  if (changes.has("state") || changes.has("guard")) model_.reopen_port(**port);
  if ((*port)->vlans != vlans) {
    if (Result<> set = model_.set_port_vlans(name, vlans); !set) return std::unexpected(set.error());
  }
  return json::object();
}

Commands::Answer Commands::port_list(Params& params, Caller&) {
  const std::optional<std::string> bridge_name = params.maybe_text("bridge"), name = params.maybe_text("name");
  params.finish();
  const Result<Selection> selection = select(bridge_name, name);
  if (!selection) return std::unexpected(selection.error());
  json ports = json::array();
  for (const ModelBridge* bridge : model_.bridges()) {
    if (bridge_name && bridge->name != *bridge_name) continue;
    for (const ModelPort* port : model_.ports_of(*bridge, SwitchModel::WithHost::kNo)) {
      if (!name || port->name == *name) ports.push_back(port_json(model_, *bridge, *port));
    }
  }
  return json{{"ports", std::move(ports)}};
}

Result<Commands::Selection> Commands::select(const std::optional<std::string>& bridge,
                                             const std::optional<std::string>& port) {
  Selection selection;
  if (bridge) {
    const Result<ModelBridge*> found = model_.find_bridge(*bridge);
    if (!found) return std::unexpected(found.error());
    selection.bridge = *found;
  }
  if (port) {
    const Result<ModelPort*> found = model_.find_port(*port);
    if (!found) return std::unexpected(found.error());
    selection.port = *found;
  }
  return selection;
}

}  // namespace rb
