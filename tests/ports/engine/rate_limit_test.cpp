// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/rate_limit.hpp"

#include <gtest/gtest.h>

namespace rb {
namespace {

TEST(RateLimit, LetsSoManyThroughInEachSecond) {
  constexpr std::uint32_t kPerSecond = 3;
  RateLimit limit;
  for (const std::uint32_t now_s : {0U, 1U, 2U, 1000U}) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(now_s, kPerSecond)) << now_s;
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(limit.take(now_s, kPerSecond)) << now_s;
  }
}

}  // namespace
}  // namespace rb
