// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/vde_kind.hpp"

#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <utility>

#include "control/kinds/peer_listener.hpp"
#include "control/kinds/socket_options.hpp"
#include "control/kinds/vde_clients.hpp"
#include "control/kinds/vde_directory.hpp"
#include "control/kinds/vde_request.hpp"
#include "ports/socket/dgram_device.hpp"

namespace rb {
namespace {

/// The port of one client, which goes when the client's stream socket ends.
class VdeDriver final : public PortDriver {
 public:
  VdeDriver(PortOptions options, VdeSocket socket, UniqueFd stream, std::string description, EventLoop& loop)
      : PortDriver(std::move(options)),
        socket_(std::move(socket)),
        stream_(std::move(stream)),
        description_(std::move(description)),
        loop_(loop) {}

  Result<DeviceStatus> open(PortHost& host) override {
    host_ = &host;
    const auto own = std::make_shared<const VdeSocket>(std::move(socket_));
    Result<std::unique_ptr<PortDevice>> device = make_connected_dgram(own->socket.fd(), own);
    if (!device) return std::unexpected(device.error());
    if (Result<> attached = host.attach(std::move(*device)); !attached) return std::unexpected(attached.error());
    // What else the client writes is not read: nobody can keep the control thread busy with a stream.
    loop_.add(stream_.get(), EPOLLRDHUP, [this](std::uint32_t) { host_->remove(); });
    // A client that does not take the answer has gone, which the loop will tell.
    const auto answer = vde_answer(own->path);
    (void)::send(stream_.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    DeviceStatus status;
    status.state = DeviceState::kUp;
    status.link = link_of_peer(host.name(), true);
    status.queue_count = 1;
    return status;
  }
  void close() override {
    loop_.remove(stream_.get());
    (void)host_->detach();
  }
  [[nodiscard]] Trust trust() const noexcept override { return Trust::kPeer; }
  void describe(nlohmann::json& object) const override { object["description"] = description_; }
  void failed() override { host_->remove(); }

 private:
  VdeSocket socket_;  // until the port is open
  UniqueFd stream_;
  std::string description_;
  EventLoop& loop_;
  PortHost* host_ = nullptr;
};

class VdeListener final : public ListenerDriver {
 public:
  VdeListener(PortOptions options, EventLoop& loop)
      : ListenerDriver(std::move(options)),
        loop_(loop),
        clients_(
            loop, [this](ArrivedPeer client, const VdeRequest& request) { asked(std::move(client), request); },
            [this](VdeRefusal reason) { refuse(reason); }) {}

  Result<> open(ListenerHost& host) override {
    host_ = &host;
    Result<VdeDirectory> directory = VdeDirectory::open(options().address(), socket_owner(options()));
    if (!directory) return std::unexpected(directory.error());
    directory_ = std::move(*directory);
    auto door = PeerListener::open(loop_, directory_->ctl(), directory_->ctl_owner(),
                                   [this](ArrivedPeer client) { clients_.add(std::move(client)); });
    if (!door) return std::unexpected(door.error());
    door_ = std::move(*door);
    directory_->remove_left_over_sockets();
    return {};
  }

  void describe(nlohmann::json& object) const override {
    for (std::size_t i = 0; i < kVdeRefusalCount; ++i) object["refused"][kVdeRefusalNames[i]] = refused_[i];
  }

 private:
  void refuse(VdeRefusal reason) { ++refused_[static_cast<std::size_t>(reason)]; }

  void asked(ArrivedPeer client, const VdeRequest& request) {
    auto socket = directory_->connect(request.socket, client.uid);
    if (!socket) return refuse(socket.error());
    const auto make = [&](const std::string& name) -> std::unique_ptr<PortDriver> {
      return std::make_unique<VdeDriver>(PortOptions(port_kind("vde"), name, options().address()), std::move(*socket),
                                         std::move(client.socket), request.description, loop_);
    };
    const std::string numbered = request.port == 0 ? "" : fmt::format("{}-{}", options().name(), request.port);
    const Result<> added = host_->add_port({.wanted_name = numbered,
                                            .pid = client.pid,
                                            .uid = client.uid,
                                            .max_ports_of_user = static_cast<std::size_t>(options().number("max"))},
                                           make);
    if (!added) refuse(added.error().code == ErrorCode::kLimit ? VdeRefusal::kTooMany : VdeRefusal::kNotMade);
  }

  EventLoop& loop_;
  ListenerHost* host_ = nullptr;
  std::optional<VdeDirectory> directory_;
  std::unique_ptr<PeerListener> door_;
  VdeClients clients_;
  std::array<std::uint64_t, kVdeRefusalCount> refused_{};
};

class VdeKind final : public PortKind {
 public:
  explicit VdeKind(EventLoop* loop) : loop_(loop) {}
  [[nodiscard]] const PortKindWords& words() const noexcept override { return port_kind("vde"); }
  [[nodiscard]] bool listens() const noexcept override { return true; }
  [[nodiscard]] Result<std::unique_ptr<ListenerDriver>> make_listener(PortOptions options) const override {
    if (Result<> plain = check_plain_name(options.name()); !plain) return std::unexpected(plain.error());
    if (loop_ == nullptr) return fail(ErrorCode::kNotSupported, "this switch has no event loop to wait for clients");
    return std::make_unique<VdeListener>(std::move(options), *loop_);
  }

 private:
  EventLoop* loop_;
};

}  // namespace

void add_vde_kind(PortKinds& kinds, EventLoop* loop) {
  kinds.all.push_back(std::make_unique<VdeKind>(loop));
}

}  // namespace rb
