// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/interface_kinds.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "control/kinds/interface_driver.hpp"
#include "ports/links/interface_info.hpp"
#include "ports/links/link_carrier.hpp"
#include "ports/tap/tap_port.hpp"

namespace rb {
namespace {

int fd_of(const PortRequest& request) {
  return request.netns ? request.netns->get() : -1;
}

class TapMethod final : public InterfaceMethod {
 public:
  explicit TapMethod(const InterfaceKindOptions& options) : options_(options) {}

  [[nodiscard]] const PortKindWords& words() const noexcept override { return port_kind("tap"); }

  [[nodiscard]] Result<OpenInterface> open(const PortRequest& request, Opening opening) const override {
    Result<TapDevice> tap = options_.open_tap(tap_options(request, opening));
    if (!tap) return std::unexpected(tap.error());
    OpenInterface open{.device = nullptr,
                       .accepts = tap->offloads,
                       .queue_count = tap->queues.size(),
                       .persistent = tap->persistent,
                       .made = tap->created,
                       .warning = {}};
    open.device = std::make_unique<TapPortDevice>(std::move(*tap));
    return open;
  }

  /// A move says RTM_DELLINK in the namespace that the tap leaves, as a deletion does; the descriptor knows more.
  [[nodiscard]] Whereabouts find(PortHost& host, std::uint64_t) const override {
    const int fd = host.device_fd();
    std::optional<std::string> name = tap_name_now(fd);
    if (!name) return {.kind = Whereabouts::Kind::kGone};
    return {.kind = Whereabouts::Kind::kMoved, .name = *std::move(name), .netns = tap_netns(fd)};
  }

  /// A tap says 10 Gbit/s of itself, whatever it carries.
  [[nodiscard]] LinkSpeed speed(PortHost&) const override { return DeviceStatus().speed; }
  [[nodiscard]] Result<> set_address(int fd, const MacAddress& address) const override {
    return set_tap_address(fd, address);
  }
  [[nodiscard]] Result<> set_carrier(PortHost& host, const PortRequest&, bool on) const override {
    return set_tap_carrier(host.device_fd(), host.name(), on);
  }
  [[nodiscard]] Result<> end_persistence(int fd) const override { return rb::end_persistence(fd); }

 private:
  [[nodiscard]] TapOptions tap_options(const PortRequest& request, Opening opening) const {
    const PortOptions& options = request.options;
    TapOptions tap{.name = options.name(),
                   .create = options.flag("create"),
                   .persistent = options.flag("persistent"),
                   .owner = options.id("owner"),
                   .group = options.id("group"),
                   .queue_count = static_cast<unsigned>(std::max<std::int64_t>(options.number("queues"), 1)),
                   .offload = options.flag("offload"),
                   .allow_uso = options_.allow_uso,
                   .netns_fd = fd_of(request)};
    // A persistent tap of an earlier run is taken instead of made.
    const bool stands = tap.create && tap.persistent && interface_kind(tap.name, tap.netns_fd) == InterfaceKind::kTap;
    if (opening == Opening::kAgain || stands) {
      tap.create = tap.persistent = false;
      tap.owner = tap.group = std::nullopt;
    }
    return tap;
  }

  InterfaceKindOptions options_;
};

class PacketMethod final : public InterfaceMethod {
 public:
  explicit PacketMethod(const InterfaceKindOptions& options) : options_(options) {}

  [[nodiscard]] const PortKindWords& words() const noexcept override { return port_kind("packet"); }

  [[nodiscard]] Result<OpenInterface> open(const PortRequest& request, Opening) const override {
    Result<PacketDevice> packet = options_.open_packet({.name = request.options.name(),
                                                        .offload = request.options.flag("offload"),
                                                        .allow_uso = options_.allow_uso,
                                                        .netns_fd = fd_of(request)});
    if (!packet) return std::unexpected(packet.error());
    return OpenInterface{
        .device = std::move(packet->port), .accepts = packet->accepts, .warning = std::move(packet->warning)};
  }

  [[nodiscard]] Whereabouts find(PortHost& host, std::uint64_t watched) const override {
    const Result<LinkState> link = host.links().get(watched, host.status().link.ifindex);
    return {.kind = link ? Whereabouts::Kind::kHere : Whereabouts::Kind::kGone};
  }

  [[nodiscard]] LinkSpeed speed(PortHost& host) const override {
    const std::string& name = host.status().link.name;
    const int socket = host.device_fd();  // in the interface's namespace
    return link_speed(socket, name.empty() ? host.name() : name);
  }

  [[nodiscard]] Result<> set_carrier(PortHost&, const PortRequest& request, bool on) const override {
    return set_link_carrier(request.options.name(), fd_of(request), on);
  }

 private:
  InterfaceKindOptions options_;
};

/// A kind whose ports are interfaces, opened by a method that is chosen when the interface is there.
class PlainInterfaceKind final : public PortKind {
 public:
  PlainInterfaceKind(const PortKindWords& words, InterfaceDriver::Choose choose)
      : words_(words), choose_(std::move(choose)) {}
  [[nodiscard]] const PortKindWords& words() const noexcept override { return words_; }
  [[nodiscard]] Result<std::unique_ptr<PortDriver>> make_port(PortRequest request) const override {
    request.may_be_missing = request.may_be_missing && !request.options.flag("create");
    return std::make_unique<InterfaceDriver>(std::move(request), choose_);
  }

 private:
  const PortKindWords& words_;
  InterfaceDriver::Choose choose_;
};

}  // namespace

void add_interface_kinds(PortKinds& kinds, const InterfaceKindOptions& options) {
  const auto tap = std::make_shared<TapMethod>(options);
  const auto packet = std::make_shared<PacketMethod>(options);
  const auto use_tap = [tap](const PortRequest&) -> const InterfaceMethod& { return *tap; };
  const auto use_packet = [packet](const PortRequest&) -> const InterfaceMethod& { return *packet; };
  const auto use_either = [tap, packet](const PortRequest& request) -> const InterfaceMethod& {
    if (interface_kind(request.options.name(), fd_of(request)) == InterfaceKind::kOther) return *packet;
    return *tap;
  };
  kinds.all.push_back(std::make_unique<PlainInterfaceKind>(port_kind("tap"), use_tap));
  kinds.all.push_back(std::make_unique<PlainInterfaceKind>(port_kind("packet"), use_packet));
  kinds.all.push_back(std::make_unique<PlainInterfaceKind>(any_port_kind(), use_either));
  kinds.may_make_host_ports = may_create_taps();
  kinds.make_host_port = [use_tap](const std::string& name, const MacAddress& address) {
    PortOptions host(port_kind("tap"), name);
    host.set("create", true);
    return std::make_unique<InterfaceDriver>(PortRequest{.options = std::move(host)}, use_tap,
                                             InterfaceDriver::Host{address});
  };
}

}  // namespace rb
