// SPDX-License-Identifier: GPL-2.0-or-later
// Frames of one flow leave in the order in which they came, with any number of workers under any load.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "lab.hpp"

namespace rb::test {
namespace {

using Order = LabTest;

constexpr unsigned kFrames = 30000;
constexpr std::uint32_t kLast = 0xffffffff;
const std::string kA = "02:aa:00:00:00:01", kB = "02:bb:00:00:00:02";

Octets numbered(const std::string& to, const std::string& from, std::uint32_t number) {
  Octets rest = {0x88, 0xb5};
  for (const unsigned shift : {24U, 16U, 8U, 0U}) rest.push_back(static_cast<std::uint8_t>(number >> shift & 0xff));
  rest.resize(48);
  return ethernet_frame(to, from, rest);
}

std::uint32_t number_of(const Octets& frame) {
  std::uint32_t number = 0;
  for (std::size_t i = 14; i < 18; ++i) number = number << 8 | frame.at(i);
  return number;
}

/// Reads up to the frame kLast. Every other number must be larger than the number before. Returns how many came.
unsigned expect_ascending(const Wire& wire) {
  unsigned count = 0;
  std::int64_t previous = -1;
  for (Octets frame = wire.receive(10000); !frame.empty(); frame = wire.receive(10000)) {
    const std::uint32_t number = number_of(frame);
    if (number == kLast) return count;
    EXPECT_GT(number, previous);
    previous = number;
    ++count;
  }
  ADD_FAILURE() << "the last frame did not come";
  return count;
}

TEST_F(Order, IsKeptInBothDirectionsWithTwoWorkersAndTwoQueues) {
  for (const std::string queues : {"", ",queues=2"}) {
    Lab lab({"--no-host-port", "--workers", "2"});
    Lab::ok("rbctl addbr br0");
    const Wire a = lab.add_host("br0", queues).wire(), b = lab.add_host("br0", queues).wire();
    b.send(numbered("ff:ff:ff:ff:ff:ff", kB, 0));
    ASSERT_TRUE(a.sees(numbered("ff:ff:ff:ff:ff:ff", kB, 0)));
    // The kernel delivers a flow on the queue on which it last received the reverse direction (Linux
    // tun_automq_select_queue), so the two ends of a conversation settle on one queue, and one worker, within the first
    // exchanges.
    for (int exchange = 0; exchange < 4; ++exchange) {
      a.send(numbered(kB, kA, 0));
      ASSERT_TRUE(b.sees(numbered(kB, kA, 0)));
      b.send(numbered(kA, kB, 0));
      ASSERT_TRUE(a.sees(numbered(kA, kB, 0)));
    }
    std::atomic<int> arrived{0};
    const auto flood = [&](const Wire& wire, const std::string& to, const std::string& from) {
      // Frames that do not fit are lost, and the kernel does not always report this. The frames that come must be in
      // order.
      for (std::uint32_t number = 0; number < kFrames; ++number) (void)wire.try_send(numbered(to, from, number));
      for (; arrived != 2; ::poll(nullptr, 0, 1)) (void)wire.try_send(numbered(to, from, kLast));
    };
    const auto watch = [&](const Wire& wire) {
      EXPECT_GT(expect_ascending(wire), 0U);
      ++arrived;
    };
    const std::jthread there([&] { flood(a, kB, kA); }), back([&] { flood(b, kA, kB); });
    watch(b);
    watch(a);
  }
}

}  // namespace
}  // namespace rb::test
