#include "control/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cassert>

namespace rb {

EventLoop::EventLoop() : epoll_(epoll_create1(EPOLL_CLOEXEC)), urgent_(epoll_create1(EPOLL_CLOEXEC)) {
  // It wakes the loop and has no handler.
  epoll_event interest{};
  interest.events = EPOLLIN;
  interest.data.u64 = tag_of(urgent_.get(), ++last_serial_);
  [[maybe_unused]] const int added = epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, urgent_.get(), &interest);
  assert(added == 0);
}

std::uint64_t EventLoop::tag_of(int fd, std::uint32_t serial) noexcept {
  return std::uint64_t{serial} << 32 | static_cast<std::uint32_t>(fd);
}

void EventLoop::add(int fd, std::uint32_t events, Handler handler, Priority priority) {
  const std::uint32_t serial = ++last_serial_;
  epoll_event interest{};
  interest.events = events;
  interest.data.u64 = tag_of(fd, serial);
  [[maybe_unused]] const int added = epoll_ctl(epoll_of(priority), EPOLL_CTL_ADD, fd, &interest);
  assert(added == 0);
  registrations_[fd] = {serial, priority, std::make_shared<Handler>(std::move(handler))};
  if (priority == Priority::kUrgent) ++urgent_count_;
}

void EventLoop::change(int fd, std::uint32_t events) {
  const auto found = registrations_.find(fd);
  if (found == registrations_.end()) return;
  epoll_event interest{};
  interest.events = events;
  interest.data.u64 = tag_of(fd, found->second.serial);
  (void)epoll_ctl(epoll_of(found->second.priority), EPOLL_CTL_MOD, fd, &interest);
}

void EventLoop::remove(int fd) {
  const auto found = registrations_.find(fd);
  if (found == registrations_.end()) return;
  (void)epoll_ctl(epoll_of(found->second.priority), EPOLL_CTL_DEL, fd, nullptr);
  if (found->second.priority == Priority::kUrgent) --urgent_count_;
  registrations_.erase(found);
}

void EventLoop::run() {
  while (!stopping_) (void)run_once(-1);
}

std::size_t EventLoop::run_once(int timeout_ms) {
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  std::size_t handled = 0;
  for (int i = 0; i < count && !stopping_; ++i) {
    handled += handle_urgent();
    if (!stopping_ && handle(events[static_cast<std::size_t>(i)])) ++handled;
  }
  return handled;
}

std::size_t EventLoop::handle_urgent() {
  if (urgent_count_ == 0) return 0;
  std::array<epoll_event, 8> events;
  const int count = epoll_wait(urgent_.get(), events.data(), static_cast<int>(events.size()), 0);
  std::size_t handled = 0;
  for (int i = 0; i < count && !stopping_; ++i) {
    if (handle(events[static_cast<std::size_t>(i)])) ++handled;
  }
  return handled;
}

bool EventLoop::handle(const epoll_event& event) {
  const auto fd = static_cast<int>(event.data.u64 & 0xffffffff);
  const auto found = registrations_.find(fd);
  // An earlier handler of this round may have removed it, and another descriptor may have got its number since.
  if (found == registrations_.end() || tag_of(fd, found->second.serial) != event.data.u64) return false;
  const std::shared_ptr<Handler> handler = found->second.handler;  // it may remove itself
  (*handler)(event.events);
  return true;
}

Timer::Timer(EventLoop& loop, std::function<void()> expired)
    : loop_(loop), fd_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)), expired_(std::move(expired)) {
  loop_.add(fd_.get(), EPOLLIN, [this](std::uint32_t) {
    std::uint64_t count = 0;
    if (read(fd_.get(), &count, sizeof count) != static_cast<ssize_t>(sizeof count)) return;
    running_ = periodic_;
    expired_();
  });
}

Timer::~Timer() {
  loop_.remove(fd_.get());
}

void Timer::set(std::chrono::milliseconds first, std::chrono::milliseconds period) {
  const auto spec_of = [](std::chrono::milliseconds time) {
    return timespec{time.count() / 1000, time.count() % 1000 * 1000000};
  };
  const itimerspec spec{spec_of(period), spec_of(first)};
  timerfd_settime(fd_.get(), 0, &spec, nullptr);
  running_ = first.count() != 0;
  periodic_ = period.count() != 0;
}

void Timer::start_once(std::chrono::milliseconds delay) {
  set(delay, std::chrono::milliseconds(0));
}
void Timer::start_periodic(std::chrono::milliseconds period) {
  set(period, period);
}
void Timer::stop() {
  set(std::chrono::milliseconds(0), std::chrono::milliseconds(0));
}

}  // namespace rb
