// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/token_bucket.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace rb {
namespace {

constexpr TokenBucket::Limit kLimit{.burst = 1000, .most_owed = 5000};

TEST(TokenBucket, GivesABurstAndThenWhatTimeBrings) {
  TokenBucket bucket;
  int taken = 0;
  while (bucket.take(100, kLimit, 1'000'000)) ++taken;
  EXPECT_EQ(taken, 11) << "ten that fill the burst, and the one that finds it not empty";
  EXPECT_FALSE(bucket.has_tokens(kLimit, 1'000'099));
  EXPECT_TRUE(bucket.has_tokens(kLimit, 1'000'100));
  EXPECT_TRUE(bucket.take(100, kLimit, 1'000'100));
  EXPECT_FALSE(bucket.take(100, kLimit, 1'000'100));
}

TEST(TokenBucket, LetsALargeTakerPayAfterwards) {
  TokenBucket bucket;
  EXPECT_TRUE(bucket.take(4000, kLimit, 0)) << "more than the whole burst";
  EXPECT_FALSE(bucket.take(1, kLimit, 2999));
  EXPECT_TRUE(bucket.take(1, kLimit, 3000));
}

TEST(TokenBucket, TakesBackWhatWasNotUsed) {
  TokenBucket bucket;
  EXPECT_TRUE(bucket.take(2000, kLimit, 0));
  EXPECT_FALSE(bucket.has_tokens(kLimit, 0));
  bucket.give_back(2000);
  EXPECT_TRUE(bucket.has_tokens(kLimit, 0));
}

TEST(TokenBucket, ForgetsADebtThatThePresentLimitCannotHaveMade) {
  TokenBucket bucket;
  EXPECT_TRUE(bucket.take(6000, kLimit, 0));
  EXPECT_FALSE(bucket.has_tokens(kLimit, 0)) << "a debt under this limit: burst and the largest take";
  const TokenBucket::Limit higher{.burst = 1000, .most_owed = 50};
  EXPECT_TRUE(bucket.take(1, higher, 0));
  EXPECT_TRUE(bucket.has_tokens(kLimit, 0)) << "and it is forgotten for good";
}

TEST(TokenBucketConcurrency, TwoTakersGetNoMoreThanOne) {
  TokenBucket bucket;
  static constexpr TokenBucket::Limit kMany{.burst = 1'000'000, .most_owed = 10};
  std::vector<int> taken(2);
  std::vector<std::thread> takers;
  for (int& count : taken) {
    takers.emplace_back([&bucket, &count] {
      for (int i = 0; i < 200'000; ++i) count += bucket.take(10, kMany, 7) ? 1 : 0;
    });
  }
  for (std::thread& taker : takers) taker.join();
  EXPECT_EQ(taken[0] + taken[1], 100'001);
}

}  // namespace
}  // namespace rb
