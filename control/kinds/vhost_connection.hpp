// SPDX-License-Identifier: GPL-2.0-or-later
// VhostConnection: one front end that has come: reads its messages, has them followed, and sends the answers.
#pragma once

#include <functional>
#include <string>

#include "control/base/event_loop.hpp"
#include "ports/vhost/vhost_backend.hpp"
#include "ports/vhost/vhost_message.hpp"
#include "ports/vhost/vhost_rings.hpp"

namespace rb {

/// How a connection has ended.
struct VhostEnd {
  bool turned_away = false;  // by us; else the front end left
  std::string why;           // "": there is nothing to say
};

/// Control thread only.
class VhostConnection {
 public:
  struct Watcher {
    std::function<void()> changed;  // state() may be another
    /// The front end left, or was turned away. The connection may be destroyed from within.
    std::function<void(const VhostEnd&)> ended;
    std::function<void(const std::string&)> refused;  // a message was answered with an error, and why
  };

  VhostConnection(EventLoop& loop, UniqueFd socket, const VhostOptions& options, VringRunner& runner, Watcher watcher);
  ~VhostConnection();
  VhostConnection(const VhostConnection&) = delete;
  VhostConnection& operator=(const VhostConnection&) = delete;

  [[nodiscard]] const VhostBackend& state() const noexcept { return backend_; }

 private:
  void read();
  [[nodiscard]] bool read_some();
  [[nodiscard]] bool follow();
  [[nodiscard]] bool send(const VhostBackend::Reply& reply);
  /// False.
  bool end(const VhostEnd& how);

  EventLoop& loop_;
  UniqueFd socket_;
  Watcher watcher_;
  VhostMessageReader reader_;
  VhostBackend backend_;
  bool ended_ = false;
};

}  // namespace rb
