// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/vhost_user_kind.hpp"

#include <fmt/core.h>

#include <utility>

#include "control/base/log.hpp"
#include "control/kinds/peer_link.hpp"
#include "control/kinds/socket_options.hpp"
#include "control/kinds/vhost_connection.hpp"
#include "ports/vhost/vhost_port.hpp"

namespace rb {
namespace {

class VhostUserDriver final : public PortDriver {
 public:
  VhostUserDriver(PortOptions options, PeerAddress address, EventLoop& loop)
      : PortDriver(std::move(options)), address_(std::move(address)), loop_(loop) {}

  Result<DeviceStatus> open(PortHost& host) override {
    host_ = &host;
    auto link = wait();
    if (!link) return std::unexpected(link.error());
    auto device = std::make_unique<VhostPortDevice>(host.engine().worker_count());
    rings_ = std::make_unique<VhostRings>(host.engine(), host.index(), *device);
    if (Result<> attached = host.attach(std::move(device)); !attached) return std::unexpected(attached.error());
    link_ = std::move(*link);
    DeviceStatus status;
    status.state = DeviceState::kDown;
    status.link = link_of_peer(host.name(), false);
    return status;
  }

  void close() override {
    front_end_.reset();  // the rings are stopped while workers still have the port
    (void)host_->detach();
    link_.reset();
  }

  [[nodiscard]] Trust trust() const noexcept override { return Trust::kPeer; }

  /// QEMU takes the guest's link down when its session ends, and up again with the next session. So the session is held
  /// closed: nobody listens at the address, and the guest is not called, until the carrier is on again.
  Result<> set_carrier(bool on) override {
    if (on) {
      auto link = wait();
      if (!link) return std::unexpected(link.error());
      link_ = std::move(*link);
      return {};
    }
    if (front_end_ != nullptr) lose_guest(host_->status());
    link_.reset();
    return {};
  }

  void failed() override {
    const std::string error = rings_->take_trouble();
    if (!error.empty() && front_end_ != nullptr) ended({.turned_away = true, .why = error});
  }

 private:
  Result<std::unique_ptr<PeerLink>> wait() {
    return PeerLink::open(loop_, address_, [this](UniqueFd socket) { connected(std::move(socket)); });
  }

  void connected(UniqueFd socket) {
    DeviceStatus status = host_->status();
    status.error.clear();
    host_->change(std::move(status));
    front_end_ = std::make_unique<VhostConnection>(loop_, std::move(socket),
                                                   VhostOptions{.offload = options().flag("offload")}, *rings_,
                                                   VhostConnection::Watcher{
                                                       .changed = [this] { changed(); },
                                                       .ended = [this](const VhostEnd& how) { ended(how); },
                                                       .refused = [this](const std::string& why) { refused(why); },
                                                   });
  }

  void refused(const std::string& why) {
    DeviceStatus status = host_->status();
    status.error = why;
    host_->change(std::move(status));
  }

  void changed() {
    const VhostBackend& guest = front_end_->state();
    DeviceStatus status = host_->status();
    const bool was_up = status.state == DeviceState::kUp, is_up = guest.is_up();
    if (is_up == was_up && status.offloads == guest.accepts() && status.queue_count == guest.pair_count() &&
        status.link.mtu == guest.mtu())
      return;
    status.state = is_up ? DeviceState::kUp : DeviceState::kDown;
    status.offloads = guest.accepts();
    status.queue_count = guest.pair_count();
    status.link = link_of_peer(host_->name(), is_up);
    status.link.mtu = guest.mtu();
    host_->change(std::move(status), [this, is_up, was_up] {
      // Frames that have waited in the guest's rings are taken only now, when they are forwarded.
      if (is_up != was_up) rings_->set_open(is_up);
      if (is_up) link_->settled();
    });
  }

  void ended(const VhostEnd& how) {
    DeviceStatus status = host_->status();
    if (!how.why.empty()) {
      status.error = how.why;
      log_message(
          LogLevel::kWarning,
          fmt::format("port {}: {}{}", host_->name(), how.turned_away ? "the guest was turned away: " : "", how.why),
          host_->name());
    }
    lose_guest(std::move(status));
    // A peer that does wrong again and again is waited for less and less often.
    how.turned_away ? link_->refused() : link_->lost();
  }

  void lose_guest(DeviceStatus status) {
    status.state = DeviceState::kDown;
    status.link.flags = link_of_peer(host_->name(), false).flags;
    status.queue_count = 0;
    host_->change(std::move(status), [this] {
      rings_->set_open(false);
      front_end_.reset();
      (void)rings_->take_trouble();
    });
  }

  PeerAddress address_;
  EventLoop& loop_;
  PortHost* host_ = nullptr;
  std::unique_ptr<PeerLink> link_;
  std::unique_ptr<VhostRings> rings_;
  std::unique_ptr<VhostConnection> front_end_;  // null: no guest is there; destroyed before `rings_`
};

class VhostUserKind final : public PortKind {
 public:
  explicit VhostUserKind(EventLoop* loop) : loop_(loop) {}
  [[nodiscard]] const PortKindWords& words() const noexcept override { return port_kind("vhost-user"); }
  [[nodiscard]] Result<std::unique_ptr<PortDriver>> make_port(PortRequest request) const override {
    if (Result<> plain = check_plain_name(request.options.name()); !plain) return std::unexpected(plain.error());
    const Result<SocketAddress> path =
        path_of(request.options, "a guest's memory comes by a socket of this host alone");
    if (!path) return std::unexpected(path.error());
    Result<PeerAddress> address = peer_address(request.options);
    if (!address) return std::unexpected(address.error());
    if (loop_ == nullptr) return fail(ErrorCode::kNotSupported, "this switch has no event loop to wait for a guest");
    return std::make_unique<VhostUserDriver>(std::move(request.options), std::move(*address), *loop_);
  }

 private:
  EventLoop* loop_;
};

}  // namespace

void add_vhost_user_kind(PortKinds& kinds, EventLoop* loop) {
  kinds.all.push_back(std::make_unique<VhostUserKind>(loop));
}

}  // namespace rb
