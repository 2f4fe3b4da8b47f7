// SPDX-License-Identifier: GPL-2.0-or-later
// The part of SwitchModel that opens devices, follows what happens to them, and takes them back.
#include <fmt/core.h>
#include <linux/if.h>
#include <xxhash.h>

#include <fstream>
#include <utility>

#include "control/model/switch_model.hpp"
#include "ports/base/netns.hpp"
#include "ports/links/interface_info.hpp"
#include "ports/tap/tap_port.hpp"

namespace rb {
namespace {

/// How often a device that is back but still held is asked for again.
constexpr unsigned kRetries = 50;

/// What tells this machine from others: its id, or its name where it has none (containers often do not).
std::string machine_identity() {
  std::string identity;
  std::ifstream("/etc/machine-id") >> identity;
  if (identity.empty() || identity == "uninitialized") std::ifstream("/proc/sys/kernel/hostname") >> identity;
  return identity;
}

/// The same tap, but as it stands.
void attach_only(TapOptions& options) {
  options.create = options.persistent = options.multi_queue = false;
  options.owner = options.group = std::nullopt;
}

int fd_of(const std::shared_ptr<UniqueFd>& netns) {
  return netns ? netns->get() : -1;
}

}  // namespace

std::string_view port_kind_name(PortKind kind) noexcept {
  switch (kind) {
    case PortKind::kAny:
      return "any";
    case PortKind::kTap:
      return "tap";
    case PortKind::kPacket:
      return "packet";
    case PortKind::kStream:
      return "stream";
    case PortKind::kDgram:
      return "dgram";
    case PortKind::kVhostUser:
      return "vhost-user";
  }
  return "any";
}

std::string_view device_state_name(DeviceState state) noexcept {
  switch (state) {
    case DeviceState::kUp:
      return "up";
    case DeviceState::kDown:
      return "down";
    case DeviceState::kGone:
      return "gone";
    case DeviceState::kUnknown:
      return "unknown";
  }
  return "unknown";
}

MacAddress SwitchModel::stable_address(const std::string& bridge) const {
  const bool usual = options_.socket_path == kDefaultSocketPath;
  const std::string seed = machine_identity() + (usual ? "" : options_.socket_path) + bridge;
  MacAddress address = MacAddress::from_number(XXH3_64bits(seed.data(), seed.size()));
  address.octets[0] = static_cast<std::uint8_t>((address.octets[0] & 0xfc) | 2);
  return address;
}

Result<> SwitchModel::open_host_device(ModelPort& port, Opening opening) {
  if (Result<> opened = open_device(port, opening); !opened) return opened;
  if (Result<> set = set_tap_address(engine_.device_fd(port.index), stable_address(port.name)); !set)
    notice(set.error().message);
  if (const Result<LinkState> link = links_.get(port.netns_id, port.name)) port.link = *link;
  return {};
}

Result<SwitchModel::OpenDevice> SwitchModel::open_tap(const PortSpec& spec, Opening opening) const {
  TapOptions options = spec.tap;
  options.name = spec.name;
  options.offload = spec.offload;
  options.netns_fd = fd_of(spec.netns);
  options.allow_uso = options_.allow_uso;
  const bool stands = spec.may_exist && interface_kind(spec.name, options.netns_fd) == InterfaceKind::kTap;
  if (opening == Opening::kAgain || stands) attach_only(options);
  Result<TapDevice> tap = options_.open_tap(options);
  if (!tap) return std::unexpected(tap.error());
  OpenDevice open{.device = nullptr,
                  .accepts = tap->offloads,
                  .queue_count = tap->queues.size(),
                  .multi_queue = tap->multi_queue,
                  .persistent = tap->persistent,
                  .made = tap->created};
  open.device = std::make_unique<TapPortDevice>(std::move(*tap));
  return open;
}

Result<SwitchModel::OpenDevice> SwitchModel::open_packet(const PortSpec& spec) {
  Result<PacketDevice> packet = options_.open_packet(
      {.name = spec.name, .offload = spec.offload, .allow_uso = options_.allow_uso, .netns_fd = fd_of(spec.netns)});
  if (!packet) return std::unexpected(packet.error());
  if (!packet->warning.empty()) notice(packet->warning);
  return OpenDevice{.device = std::move(packet->port), .accepts = packet->accepts};
}

Result<SwitchModel::OpenDevice> SwitchModel::open(PortSpec& spec, Opening opening) {
  if (spec.kind == PortKind::kPacket) return open_packet(spec);
  if (spec.kind == PortKind::kTap) return open_tap(spec, opening);
  const bool other = interface_kind(spec.name, fd_of(spec.netns)) == InterfaceKind::kOther;
  spec.kind = other ? PortKind::kPacket : PortKind::kTap;
  return other ? open_packet(spec) : open_tap(spec, opening);
}

Result<> SwitchModel::open_device(ModelPort& port, Opening opening) {
  if (port.spec.kind == PortKind::kStream) return open_peer(port);
  if (port.spec.kind == PortKind::kDgram) return open_dgram_port(port);
  if (port.spec.kind == PortKind::kVhostUser) return open_vhost_port(port);
  Result<std::uint64_t> watched = links_.watch(fd_of(port.spec.netns));
  if (!watched) return std::unexpected(watched.error());
  const PortKind kind = port.spec.kind;
  Result<OpenDevice> open = this->open(port.spec, opening);
  if (!open) {
    port.spec.kind = kind;  // what comes there may be another
    if (std::exchange(port.spec.may_be_missing, false) && open.error().code == ErrorCode::kNoSuchInterface) {
      notice(fmt::format("port {}: {}; the port waits for it", port.name, open.error().message));
      port.netns_id = *watched;
      return {};
    }
    links_.unwatch(*watched);
    return std::unexpected(open.error());
  }
  port.spec.may_be_missing = false;
  port.netns_id = *watched;
  port.multi_queue = open->multi_queue;
  port.persistent = open->persistent;
  port.made = open->made;
  port.queue_count = open->queue_count;
  port.offloads = open->accepts;
  if (Result<> attached = engine_.attach(port.index, std::move(open->device)); !attached) {
    links_.unwatch(*watched);
    return attached;
  }
  port.attached = true;
  if (open->made) port.spec.netns.reset();
  const Result<LinkState> link = links_.get(port.netns_id, port.name);
  port.link = link ? *link : LinkState{};
  port.device = !link ? DeviceState::kUnknown : port.link.running() ? DeviceState::kUp : DeviceState::kDown;
  look_at_speed(port);
  return {};
}

void SwitchModel::look_at_speed(ModelPort& port) {
  port.speed = ModelPort().speed;
  if (port.spec.kind != PortKind::kPacket) return;
  const int socket = engine_.device_fd(port.index);  // in the device's namespace
  port.speed = link_speed(socket, port.link.name.empty() ? port.name : port.link.name);
}

void SwitchModel::close_device(ModelPort& port) {
  port.front_end.reset();                               // its rings are stopped while workers still have the port
  if (port.attached) (void)engine_.detach(port.index);  // and closes it: a tap that is not persistent goes
  port.attached = false;
  port.peer.reset();
  if (port.netns_id != 0) links_.unwatch(port.netns_id);
  port.netns_id = 0;
}

void SwitchModel::take_link_events() {
  for (const LinkEvent& event : links_.take_events()) {
    for (auto& [name, port] : ports_) {
      if (port->netns_id != event.netns_id) continue;
      if (port->attached && port->link.ifindex == event.link.ifindex) {
        event.gone ? look_at_device(*port) : link_changed(*port, event.link);
        break;
      }
      if (!port->attached && !event.gone && event.link.name == name) {
        port->retries_left = kRetries;
        take_device_back(*port);
        break;
      }
    }
  }
}

void SwitchModel::link_changed(ModelPort& port, const LinkState& link) {
  const MacAddress address_before = port.link.address;
  const DeviceState device_before = port.device;
  const bool same = port.link.flags == link.flags && port.link.mtu == link.mtu && port.link.name == link.name &&
                    link.address == address_before;
  port.link = link;
  port.device = link.running() ? DeviceState::kUp : DeviceState::kDown;
  if (same && port.device == device_before) return;
  if (port.device == DeviceState::kUp && device_before != DeviceState::kUp) look_at_speed(port);
  publish();
  // As the kernel's bridge: what was learned behind a port whose carrier is lost is forgotten.
  if (device_before == DeviceState::kUp && port.device == DeviceState::kDown) engine_.fdb().flush_port(port.index);
  ModelBridge& bridge = *bridge_by_index_[port.bridge];
  tell(ModelEvent::Kind::kPort, "change", bridge, &port);
}

void SwitchModel::device_failed(PortIndex index) {
  for (auto& [name, port] : ports_) {
    if (port->index != index || !port->attached) continue;
    if (port->spec.kind == PortKind::kStream) return peer_lost(*port);
    if (port->spec.kind == PortKind::kVhostUser) {
      const std::string trouble = port->rings->take_trouble();
      if (!trouble.empty() && port->front_end != nullptr) front_end_ended(*port, {.turned_away = true, .why = trouble});
      return;
    }
    look_at_device(*port);
    if (!port->attached) return;
    // It lives, and only its reading has ended. Not begun again at once, lest a device that keeps failing keep us busy.
    port->stalled = true;
    if (retry_needed_) retry_needed_();
    return;
  }
}

void SwitchModel::resume(ModelPort& port) {
  port.stalled = false;
  const Result<> attached = engine_.attach(port.index, engine_.detach(port.index));
  port.attached = attached.has_value();
  if (port.attached) return;
  notice(fmt::format("port {}: {}", port.name, attached.error().message));
  lose_device(port);
}

void SwitchModel::look_at_device(ModelPort& port) {
  const int fd = engine_.device_fd(port.index);
  std::optional<std::string> name_now;
  if (port.spec.kind == PortKind::kTap) {
    name_now = tap_name_now(fd);
  } else if (port.spec.kind == PortKind::kDgram || links_.get(port.netns_id, port.link.ifindex)) {
    return;  // it is there; its reading is begun again by resume()
  }
  if (!name_now) {
    lose_device(port);
    port.retries_left = kRetries;  // it may be there again already, its RTM_NEWLINK read and passed over
    take_device_back(port);
    return;
  }
  // The tap lives, so it was moved: a move says RTM_DELLINK where it was.
  const UniqueFd netns = tap_netns(fd);
  const Result<std::uint64_t> watched = netns ? links_.watch(netns.get()) : std::unexpected(Error{});
  const Result<LinkState> link = watched ? links_.get(*watched, *name_now) : std::unexpected(Error{});
  if (watched) {
    links_.unwatch(std::exchange(port.netns_id, *watched));
  } else {
    watch_home(port);  // out of sight; it may come back
  }
  if (link) return link_changed(port, *link);
  port.link.mtu = 0;
  port.device = DeviceState::kUnknown;
  publish();
  tell(ModelEvent::Kind::kPort, "change", *bridge_at(port.bridge), &port);
}

void SwitchModel::lose_device(ModelPort& port) {
  port.device = DeviceState::kGone;
  port.link.ifindex = 0;
  port.link.flags &= ~std::uint32_t{IFF_UP | IFF_RUNNING | IFF_LOWER_UP};
  publish();
  if (port.attached) (void)engine_.detach(port.index);
  port.attached = port.stalled = false;
  engine_.fdb().flush_port(port.index);
  watch_home(port);
  tell(ModelEvent::Kind::kPort, "change", *bridge_at(port.bridge), &port);
}

void SwitchModel::watch_home(ModelPort& port) {
  std::uint64_t home = 0;
  if (!went_with_its_namespace(port)) home = links_.watch(fd_of(port.spec.netns)).value_or(0);
  if (port.netns_id != 0) links_.unwatch(port.netns_id);
  port.netns_id = home;
}

bool SwitchModel::went_with_its_namespace(const ModelPort& port) {
  return !port.spec.netns_label.empty() && !port.spec.netns;
}

void SwitchModel::take_device_back(ModelPort& port) {
  if (went_with_its_namespace(port)) return;
  const std::uint64_t watched = port.netns_id;
  const Result<> opened = port.host ? open_host_device(port, Opening::kFirst) : open_device(port, Opening::kAgain);
  if (!opened) {
    // Whoever made it anew may hold it for a moment (`ip tuntap add` does); any other refusal stands until it changes.
    if (opened.error().code != ErrorCode::kBusy || port.retries_left == 0) {
      port.retries_left = 0;
      return;
    }
    --port.retries_left;
    if (retry_needed_) retry_needed_();
    return;
  }
  if (watched != 0) links_.unwatch(watched);
  port.retries_left = 0;
  publish();
  ModelBridge& bridge = *bridge_by_index_[port.bridge];
  tell(ModelEvent::Kind::kPort, "change", bridge, &port);
}

bool SwitchModel::retry() {
  bool left = false;
  for (auto& [name, port] : ports_) {
    if (port->stalled) resume(*port);
    if (port->attached || port->retries_left == 0) continue;
    take_device_back(*port);
    left = left || (!port->attached && port->retries_left != 0);
  }
  return left;
}

void SwitchModel::end_persistence_of_made_taps() {
  for (auto& [name, port] : ports_) {
    if (!port->attached || !port->made || !port->persistent) continue;
    if (Result<> ended = end_persistence(engine_.device_fd(port->index)); !ended) notice(ended.error().message);
  }
}

}  // namespace rb
