// EventLoop: the control thread's epoll, with timers and signals as descriptors like any other.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "ports/unique_fd.hpp"

struct epoll_event;

namespace rb {

/// One thread. Handlers may add and remove any descriptor, their own included.
class EventLoop {
 public:
  /// Gets the epoll events that came (EPOLLIN, EPOLLOUT, EPOLLHUP, ...).
  using Handler = std::function<void(std::uint32_t events)>;

  /// Who is handled first. Urgent descriptors are looked at before each ordinary one that is ready, again and again, so
  /// they wait for one handler at most; theirs are to be short.
  enum class Priority : std::uint8_t { kOrdinary, kUrgent };

  EventLoop();
  /// `fd` is borrowed and must be removed before it is closed.
  void add(int fd, std::uint32_t events, Handler handler, Priority priority = Priority::kOrdinary);
  void change(int fd, std::uint32_t events);
  void remove(int fd);

  /// Runs until stop().
  void run();
  void stop() noexcept { stopping_ = true; }
  /// Waits at most `timeout_ms` (-1: for ever), handles what has come, and says how many descriptors that was.
  std::size_t run_once(int timeout_ms);

 private:
  struct Registration {
    std::uint32_t serial;  // tells this registration from earlier ones of the same descriptor
    Priority priority;
    std::shared_ptr<Handler> handler;
  };
  /// What epoll gives back with an event: the descriptor and the serial number of its registration.
  [[nodiscard]] static std::uint64_t tag_of(int fd, std::uint32_t serial) noexcept;

  [[nodiscard]] int epoll_of(Priority priority) const noexcept {
    return priority == Priority::kUrgent ? urgent_.get() : epoll_.get();
  }
  std::size_t handle_urgent();
  /// Calls the handler of an event that epoll gave; false: it is one of a registration that is gone.
  bool handle(const epoll_event& event);

  UniqueFd epoll_;
  UniqueFd urgent_;  // an epoll of its own, which stands in epoll_ itself
  std::size_t urgent_count_ = 0;
  std::map<int, Registration> registrations_;
  std::uint32_t last_serial_ = 0;
  bool stopping_ = false;
};

/// A timer of an EventLoop, off until it is started.
class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> expired);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void start_once(std::chrono::milliseconds delay);
  void start_periodic(std::chrono::milliseconds period);
  void stop();
  [[nodiscard]] bool running() const noexcept { return running_; }

 private:
  void set(std::chrono::milliseconds first, std::chrono::milliseconds period);
  EventLoop& loop_;
  UniqueFd fd_;
  std::function<void()> expired_;
  bool running_ = false;
  bool periodic_ = false;
};

}  // namespace rb
