// SPDX-License-Identifier: GPL-2.0-or-later
// EventLoop: the control thread's epoll, with timers and signals as descriptors like any other.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "ports/base/unique_fd.hpp"

namespace rb {

/// Whether a handler may wait until those before it have run.
enum class Urgency : std::uint8_t { kUsual, kUrgent };

/// One thread. Handlers may add and remove any descriptor, their own included.
///
/// Urgent descriptors are looked after before each usual handler, so that they wait for one such at most, however many
/// are due; and a usual one runs after each look, so that they keep nobody waiting for ever.
class EventLoop {
 public:
  /// Gets the epoll events that came (EPOLLIN, EPOLLOUT, EPOLLHUP, ...).
  using Handler = std::function<void(std::uint32_t events)>;

  EventLoop();
  /// `fd` is borrowed and must be removed before it is closed.
  void add(int fd, std::uint32_t events, Handler handler, Urgency urgency = Urgency::kUsual);
  void change(int fd, std::uint32_t events);
  void remove(int fd);

  /// Runs until stop().
  void run();
  void stop() noexcept { stopping_ = true; }
  /// Waits at most `timeout_ms` (-1: for ever), handles what has come, and says how many descriptors that was.
  std::size_t run_once(int timeout_ms);
  /// Handles what is urgent; for usual handlers that have much to do, between two parts of it.
  std::size_t run_urgent();

 private:
  struct Registration {
    std::uint32_t serial;  // tells this registration from earlier ones of the same descriptor
    std::shared_ptr<Handler> handler;
    int epoll;  // that it is in
  };
  /// What epoll gives back with an event: the descriptor and the serial number of its registration.
  [[nodiscard]] static std::uint64_t tag_of(int fd, std::uint32_t serial) noexcept;

  /// Waits for `epoll` and handles what has come, after `before` each.
  template <typename Before>
  std::size_t run(int epoll, int timeout_ms, Before before);

  UniqueFd epoll_;
  UniqueFd urgent_;  // an epoll in that epoll
  std::map<int, Registration> registrations_;
  std::uint32_t last_serial_ = 0;
  bool stopping_ = false;
};

/// A timer of an EventLoop, off until it is started.
class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> expired, Urgency urgency = Urgency::kUsual);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void start_once(std::chrono::milliseconds delay);
  void start_periodic(std::chrono::milliseconds period);
  void stop();
  [[nodiscard]] bool running() const noexcept { return running_; }
  /// Until it expires next; 0 when it is off.
  [[nodiscard]] std::chrono::milliseconds left() const;

 private:
  void set(std::chrono::milliseconds first, std::chrono::milliseconds period);
  EventLoop& loop_;
  UniqueFd fd_;
  std::function<void()> expired_;
  bool running_ = false;
  bool periodic_ = false;
};

}  // namespace rb
