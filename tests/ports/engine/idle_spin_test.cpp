// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/idle_spin.hpp"

#include <gtest/gtest.h>

namespace rb {
namespace {

/// Looks every `step_ns` until the spin ends. Returns its duration.
std::int64_t look_in_vain(IdleSpin& spin, std::int64_t step_ns) {
  std::int64_t now_ns = 1'000'000;
  spin.start(now_ns);
  do {
    now_ns += step_ns;
  } while (spin.goes_on(now_ns));
  return now_ns - 1'000'000;
}

/// Returns the number of rounds without a look before the next one.
unsigned rounds(IdleSpin& spin) {
  unsigned count = 0;
  while (!spin.worth_it()) ++count;
  return count;
}

TEST(IdleSpin, LooksForAMomentFirst) {
  IdleSpin spin;
  EXPECT_TRUE(spin.worth_it());
  EXPECT_EQ(look_in_vain(spin, 100), IdleSpin::kLongestNs);
}

TEST(IdleSpin, LooksHalfAsOftenAfterEachLookInVain) {
  IdleSpin spin;
  for (unsigned expected = 1; expected <= IdleSpin::kMostRounds; expected *= 2) {
    (void)look_in_vain(spin, 100);
    EXPECT_EQ(rounds(spin), expected);
  }
  (void)look_in_vain(spin, 100);
  EXPECT_EQ(rounds(spin), IdleSpin::kMostRounds);
}

TEST(IdleSpin, LooksAgainAndAgainWhereThatFindsSomething) {
  IdleSpin spin;
  (void)look_in_vain(spin, 100);
  EXPECT_EQ(rounds(spin), 1U);
  for (int i = 0; i < 10; ++i) {
    spin.start(0);
    spin.found(100);
    EXPECT_TRUE(spin.worth_it());
  }
  (void)look_in_vain(spin, 100);
  EXPECT_EQ(rounds(spin), 1U) << "earlier finds still count";
}

TEST(IdleSpin, GivesWayToWhoeverWantsTheProcessor) {
  IdleSpin spin;
  spin.start(0);
  EXPECT_TRUE(spin.goes_on(100));
  EXPECT_FALSE(spin.goes_on(100 + IdleSpin::kPreemptedNs + 1));
  EXPECT_EQ(rounds(spin), 1U);
  // The same holds if the awaited event came meanwhile.
  spin.start(0);
  spin.found(IdleSpin::kPreemptedNs + 1);
  EXPECT_EQ(rounds(spin), 2U);
}

}  // namespace
}  // namespace rb
