// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/base/event_loop.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string>

namespace rb {
namespace {

constexpr std::uint64_t kOne = 1;  // the value that the test writes into an eventfd

TEST(EventLoop, AnEventIsNotTakenForOneOfALaterDescriptorOfTheSameNumber) {
  EventLoop loop;
  UniqueFd one(eventfd(1, EFD_CLOEXEC)), two(eventfd(1, EFD_CLOEXEC));
  int late_calls = 0, calls = 0;
  // Both descriptors are ready in one round. The first handler replaces the other descriptor by a new one of its
  // number.
  const auto replace = [&](UniqueFd& other) {
    ++calls;
    loop.remove(other.get());
    const int number = other.get();
    other.reset();
    other.reset(eventfd(0, EFD_CLOEXEC));
    ASSERT_EQ(other.get(), number);
    loop.add(number, EPOLLIN, [&](std::uint32_t) { ++late_calls; });
  };
  loop.add(one.get(), EPOLLIN, [&](std::uint32_t) { replace(two); });
  loop.add(two.get(), EPOLLIN, [&](std::uint32_t) { replace(one); });
  EXPECT_EQ(loop.run_once(0), 1U);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(late_calls, 0);
}

TEST(EventLoop, AHandlerMayRemoveItself) {
  EventLoop loop;
  const UniqueFd fd(eventfd(1, EFD_CLOEXEC));
  loop.add(fd.get(), EPOLLIN, [&](std::uint32_t) { loop.remove(fd.get()); });
  EXPECT_EQ(loop.run_once(0), 1U);
  EXPECT_EQ(loop.run_once(0), 0U);
}

TEST(EventLoop, AnUrgentDescriptorIsHandledFirstAndAgainBetweenAnyTwoOthers) {
  EventLoop loop;
  const UniqueFd one(eventfd(1, EFD_CLOEXEC)), two(eventfd(1, EFD_CLOEXEC)), urgent(eventfd(1, EFD_CLOEXEC));
  std::string order;
  const auto clear = [](const UniqueFd& fd) {
    std::uint64_t count = 0;
    ASSERT_EQ(read(fd.get(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
  };
  for (const UniqueFd* other : {&one, &two}) {
    loop.add(other->get(), EPOLLIN, [&, other](std::uint32_t) {
      clear(*other);
      ASSERT_EQ(write(urgent.get(), &kOne, sizeof kOne), static_cast<ssize_t>(sizeof kOne));
      order += 'o';
    });
  }
  loop.add(
      urgent.get(), EPOLLIN,
      [&](std::uint32_t) {
        clear(urgent);
        order += 'u';
      },
      Urgency::kUrgent);
  while (order.size() < 5) (void)loop.run_once(10000);
  EXPECT_EQ(order, "uouou");
  ASSERT_EQ(write(urgent.get(), &kOne, sizeof kOne), static_cast<ssize_t>(sizeof kOne));
  loop.remove(urgent.get());
  EXPECT_EQ(loop.run_once(0), 0U);
}

TEST(Timer, RunsOnceOrUntilItIsStopped) {
  EventLoop loop;
  int count = 0;
  Timer timer(loop, [&] { ++count; });
  EXPECT_FALSE(timer.running());
  timer.start_once(std::chrono::milliseconds(1));
  EXPECT_TRUE(timer.running());
  (void)loop.run_once(-1);
  EXPECT_EQ(count, 1);
  EXPECT_FALSE(timer.running());
  timer.start_periodic(std::chrono::milliseconds(1));
  while (count < 3) (void)loop.run_once(-1);
  EXPECT_TRUE(timer.running());
  timer.stop();
  EXPECT_FALSE(timer.running());
}

}  // namespace
}  // namespace rb
