// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/base/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cassert>

namespace rb {

EventLoop::EventLoop() : epoll_(epoll_create1(EPOLL_CLOEXEC)), urgent_(epoll_create1(EPOLL_CLOEXEC)) {
  add(urgent_.get(), EPOLLIN, [this](std::uint32_t) { (void)run_urgent(); });
}

std::uint64_t EventLoop::tag_of(int fd, std::uint32_t serial) noexcept {
  return std::uint64_t{serial} << 32 | static_cast<std::uint32_t>(fd);
}

void EventLoop::add(int fd, std::uint32_t events, Handler handler, Urgency urgency) {
  const int epoll = urgency == Urgency::kUrgent ? urgent_.get() : epoll_.get();
  const std::uint32_t serial = ++last_serial_;
  epoll_event interest{};
  interest.events = events;
  interest.data.u64 = tag_of(fd, serial);
  [[maybe_unused]] const int added = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest);
  assert(added == 0);
  registrations_[fd] = {serial, std::make_shared<Handler>(std::move(handler)), epoll};
}

void EventLoop::change(int fd, std::uint32_t events) {
  const auto found = registrations_.find(fd);
  if (found == registrations_.end()) return;
  epoll_event interest{};
  interest.events = events;
  interest.data.u64 = tag_of(fd, found->second.serial);
  (void)epoll_ctl(found->second.epoll, EPOLL_CTL_MOD, fd, &interest);
}

void EventLoop::remove(int fd) {
  const auto found = registrations_.find(fd);
  if (found == registrations_.end()) return;
  (void)epoll_ctl(found->second.epoll, EPOLL_CTL_DEL, fd, nullptr);
  registrations_.erase(found);
}

void EventLoop::run() {
  while (!stopping_) (void)run_once(-1);
}

std::size_t EventLoop::run_once(int timeout_ms) {
  return run(epoll_.get(), timeout_ms, [this](int fd) { return fd == urgent_.get() ? 0 : run_urgent(); });
}

std::size_t EventLoop::run_urgent() {
  return run(urgent_.get(), 0, [](int) { return std::size_t{0}; });
}

template <typename Before>
std::size_t EventLoop::run(int epoll, int timeout_ms, Before before) {
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), timeout_ms);
  std::size_t handled = 0;
  for (int i = 0; i < count && !stopping_; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const auto fd = static_cast<int>(event.data.u64 & 0xffffffff);
    handled += before(fd);
    const auto found = registrations_.find(fd);
    // An earlier handler of this round may have removed it, and another descriptor may have got its number since.
    if (found == registrations_.end() || tag_of(fd, found->second.serial) != event.data.u64) continue;
    const std::shared_ptr<Handler> handler = found->second.handler;  // it may remove itself
    (*handler)(event.events);
    ++handled;
  }
  return handled;
}

Timer::Timer(EventLoop& loop, std::function<void()> expired, Urgency urgency)
    : loop_(loop), fd_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)), expired_(std::move(expired)) {
  const auto handle = [this](std::uint32_t) {
    std::uint64_t count = 0;
    if (read(fd_.get(), &count, sizeof count) != static_cast<ssize_t>(sizeof count)) return;
    running_ = periodic_;
    expired_();
  };
  loop_.add(fd_.get(), EPOLLIN, handle, urgency);
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

std::chrono::milliseconds Timer::left() const {
  itimerspec spec{};
  timerfd_gettime(fd_.get(), &spec);
  return std::chrono::milliseconds(spec.it_value.tv_sec * 1000 + spec.it_value.tv_nsec / 1000000);
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
