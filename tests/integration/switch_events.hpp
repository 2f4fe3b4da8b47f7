// SPDX-License-Identifier: GPL-2.0-or-later
// SwitchEvents is a client that receives the daemon's events, for tests that wait for the daemon.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "ports/base/unique_fd.hpp"

namespace rb::test {

class SwitchEvents {
 public:
  /// Connects to the daemon that rbctl would use now. The client misses no event from then on.
  SwitchEvents() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string(std::getenv("RINGBRIDGE_SOCKET")).copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("connect");
    const std::string line = R"({"jsonrpc":"2.0","id":1,"method":"monitor","params":{}})"
                             "\n";
    if (::send(fd_.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
      throw std::runtime_error("monitor");
    (void)next(std::chrono::steady_clock::now() + std::chrono::seconds(10));  // the answer
  }
  /// Waits until `holds`, which is checked now and after each event. False after `limit`.
  [[nodiscard]] bool until(const std::function<bool()>& holds,
                           std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!holds()) {
      if (next(deadline).is_null()) return holds();
    }
    return true;
  }
  /// Returns the next event that `fits`, or null after `limit`.
  [[nodiscard]] nlohmann::json find(const std::function<bool(const nlohmann::json&)>& fits,
                                    std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
      nlohmann::json event = next(deadline);
      if (event.is_null() || fits(event)) return event;
    }
  }

 private:
  nlohmann::json next(std::chrono::steady_clock::time_point deadline) {
    for (std::array<char, 65536> buffer; received_.find('\n') == std::string::npos;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd waiting{fd_.get(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) != 1) return nullptr;
      const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (size <= 0) return nullptr;
      received_.append(buffer.data(), static_cast<std::size_t>(size));
    }
    const std::size_t end = received_.find('\n');
    const nlohmann::json line = nlohmann::json::parse(received_.substr(0, end));
    received_.erase(0, end + 1);
    return line.value("params", nlohmann::json::object());
  }

  UniqueFd fd_;
  std::string received_;
};

}  // namespace rb::test
