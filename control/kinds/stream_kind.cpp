// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/stream_kind.hpp"

#include <fmt/core.h>

#include <utility>

#include "control/kinds/peer_link.hpp"
#include "control/kinds/peer_listener.hpp"
#include "control/kinds/socket_options.hpp"
#include "ports/socket/stream_port.hpp"

namespace rb {
namespace {

Framing framing_of(const PortOptions& options) {
  return options.text("framing") == "len16" ? Framing::kLen16 : Framing::kLen32;
}

/// A stream port whose peer comes and goes; what all stream ports share.
class StreamDriver : public PortDriver {
 public:
  using PortDriver::PortDriver;
  void close() override { (void)host_->detach(); }
  [[nodiscard]] Trust trust() const noexcept override { return Trust::kPeer; }

 protected:
  [[nodiscard]] DeviceStatus status(bool connected) const {
    DeviceStatus status;
    status.state = connected ? DeviceState::kUp : DeviceState::kDown;
    status.link = link_of_peer(options().name(), connected);
    status.queue_count = 1;
    return status;
  }
  [[nodiscard]] Result<> attach(UniqueFd socket) {
    return host_->attach(std::make_unique<StreamPortDevice>(std::move(socket), framing_of(options())));
  }

  PortHost* host_ = nullptr;
};

/// Waits for its peer, or goes to it, and does so again when the peer is lost.
class WaitingStreamDriver final : public StreamDriver {
 public:
  WaitingStreamDriver(PortOptions options, PeerAddress address, EventLoop& loop)
      : StreamDriver(std::move(options)), address_(std::move(address)), loop_(loop) {}

  Result<DeviceStatus> open(PortHost& host) override {
    host_ = &host;
    auto link = PeerLink::open(loop_, address_, [this](UniqueFd socket) { connected(std::move(socket)); });
    if (!link) return std::unexpected(link.error());
    link_ = std::move(*link);
    return status(false);
  }

  void failed() override {
    host_->change(status(false), [this] { (void)host_->detach(); });
    link_->lost();
  }

 private:
  void connected(UniqueFd socket) {
    if (const Result<> attached = attach(std::move(socket)); !attached) {
      host_->notice(fmt::format("port {}: {}", host_->name(), attached.error().message));
      return link_->refused();
    }
    link_->settled();
    host_->change(status(true));
  }

  PeerAddress address_;
  EventLoop& loop_;
  std::unique_ptr<PeerLink> link_;
};

/// Belongs to one peer that has come to a listener, and goes with the peer.
class ArrivedStreamDriver final : public StreamDriver {
 public:
  ArrivedStreamDriver(PortOptions options, UniqueFd socket)
      : StreamDriver(std::move(options)), socket_(std::move(socket)) {}

  Result<DeviceStatus> open(PortHost& host) override {
    host_ = &host;
    if (Result<> attached = attach(std::move(socket_)); !attached) return std::unexpected(attached.error());
    return status(true);
  }
  void failed() override { host_->remove(); }

 private:
  UniqueFd socket_;
};

class StreamListener final : public ListenerDriver {
 public:
  StreamListener(PortOptions options, SocketAddress address, EventLoop& loop)
      : ListenerDriver(std::move(options)), address_(std::move(address)), loop_(loop) {}

  Result<> open(ListenerHost& host) override {
    host_ = &host;
    auto socket = PeerListener::open(loop_, address_, socket_owner(options()),
                                     [this](ArrivedPeer peer) { arrived(std::move(peer)); });
    if (!socket) return std::unexpected(socket.error());
    socket_ = std::move(*socket);
    return {};
  }

 private:
  void arrived(ArrivedPeer peer) {
    const auto make = [&](const std::string& name) -> std::unique_ptr<PortDriver> {
      PortOptions options(port_kind("stream"), name, this->options().address());
      options.set("framing", this->options().text("framing"));
      return std::make_unique<ArrivedStreamDriver>(std::move(options), std::move(peer.socket));
    };
    (void)host_->add_port({.wanted_name = peer.name,
                           .pid = peer.pid,
                           .uid = peer.uid,
                           .max_ports_of_user = static_cast<std::size_t>(options().number("max"))},
                          make);
  }

  SocketAddress address_;
  EventLoop& loop_;
  ListenerHost* host_ = nullptr;
  std::unique_ptr<PeerListener> socket_;
};

class StreamKind final : public PortKind {
 public:
  explicit StreamKind(EventLoop* loop) : loop_(loop) {}
  [[nodiscard]] const PortKindWords& words() const noexcept override { return port_kind("stream"); }
  [[nodiscard]] Result<std::unique_ptr<PortDriver>> make_port(PortRequest request) const override {
    if (Result<> plain = check_plain_name(request.options.name()); !plain) return std::unexpected(plain.error());
    Result<PeerAddress> address = peer_address(request.options);
    if (!address) return std::unexpected(address.error());
    if (loop_ == nullptr) return fail(ErrorCode::kNotSupported, "this switch has no event loop to wait for a peer");
    return std::make_unique<WaitingStreamDriver>(std::move(request.options), std::move(*address), *loop_);
  }

 private:
  EventLoop* loop_;
};

class ListenKind final : public PortKind {
 public:
  explicit ListenKind(EventLoop* loop) : loop_(loop) {}
  [[nodiscard]] const PortKindWords& words() const noexcept override { return port_kind("listen"); }
  [[nodiscard]] bool listens() const noexcept override { return true; }
  [[nodiscard]] Result<std::unique_ptr<ListenerDriver>> make_listener(PortOptions options) const override {
    if (Result<> plain = check_plain_name(options.name()); !plain) return std::unexpected(plain.error());
    Result<SocketAddress> address = path_of(options, "only at a path the kernel says who connects");
    if (!address) return std::unexpected(address.error());
    if (loop_ == nullptr) return fail(ErrorCode::kNotSupported, "this switch has no event loop to wait for peers");
    return std::make_unique<StreamListener>(std::move(options), std::move(*address), *loop_);
  }

 private:
  EventLoop* loop_;
};

}  // namespace

void add_stream_kinds(PortKinds& kinds, EventLoop* loop) {
  kinds.all.push_back(std::make_unique<StreamKind>(loop));
  kinds.all.push_back(std::make_unique<ListenKind>(loop));
}

}  // namespace rb
