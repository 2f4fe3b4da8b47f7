// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/dgram_kind.hpp"

#include <fmt/core.h>

#include <utility>

#include "control/kinds/socket_options.hpp"
#include "ports/socket/dgram_device.hpp"

namespace rb {
namespace {

class DgramDriver final : public PortDriver {
 public:
  DgramDriver(PortOptions options, DgramOptions addresses)
      : PortDriver(std::move(options)), addresses_(std::move(addresses)) {}

  Result<DeviceStatus> open(PortHost& host) override {
    host_ = &host;
    Result<std::unique_ptr<PortDevice>> device = open_dgram(addresses_);
    if (!device) return std::unexpected(device.error());
    if (Result<> attached = host.attach(std::move(*device)); !attached) return std::unexpected(attached.error());
    DeviceStatus status;
    status.state = DeviceState::kUp;
    status.link = link_of_peer(host.name(), true);
    status.queue_count = 1;
    return status;
  }
  void close() override { (void)host_->detach(); }
  [[nodiscard]] Trust trust() const noexcept override { return Trust::kPeer; }

  /// A datagram socket has no connection to lose; reading begins again after a pause.
  void failed() override { host_->retry_later(); }
  void retry() override {
    const Result<> attached = host_->attach(host_->detach());
    if (attached) return;
    host_->notice(fmt::format("port {}: {}", host_->name(), attached.error().message));
    DeviceStatus status = host_->status();
    status.state = DeviceState::kGone;
    status.link = link_of_peer(host_->name(), false);
    host_->change(std::move(status));
  }

 private:
  DgramOptions addresses_;
  PortHost* host_ = nullptr;
};

class DgramKind final : public PortKind {
 public:
  [[nodiscard]] const PortKindWords& words() const noexcept override { return port_kind("dgram"); }
  [[nodiscard]] Result<std::unique_ptr<PortDriver>> make_port(PortRequest request) const override {
    const PortOptions& options = request.options;
    if (Result<> plain = check_plain_name(options.name()); !plain) return std::unexpected(plain.error());
    Result<SocketAddress> local = parse_socket_address(options.address());
    if (!local) return std::unexpected(local.error());
    Result<SocketAddress> peer = parse_socket_address(options.text("peer"));
    if (!peer) return std::unexpected(peer.error());
    DgramOptions addresses{.local = std::move(*local), .peer = std::move(*peer), .owner = socket_owner(options)};
    return std::make_unique<DgramDriver>(std::move(request.options), std::move(addresses));
  }
};

}  // namespace

void add_dgram_kind(PortKinds& kinds) {
  kinds.all.push_back(std::make_unique<DgramKind>());
}

}  // namespace rb
