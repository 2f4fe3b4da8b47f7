// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/latency.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace bench {
namespace {

std::int64_t exact_percentile(std::vector<std::int64_t> values, double share) {
  std::ranges::sort(values);
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

TEST(LatencyHistogram, IsEmptyAtFirst) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.samples(), 0U);
  EXPECT_EQ(histogram.mean_ns(), 0);
  EXPECT_EQ(histogram.max_ns(), 0);
  EXPECT_EQ(histogram.percentile_ns(0.99), 0);
}

TEST(LatencyHistogram, IsRightToAPercentEverywhere) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(0, 11);
  std::vector<std::int64_t> values;
  LatencyHistogram histogram;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(static_cast<std::int64_t>(std::pow(10, exponent(random))));
    histogram.add(values.back());
  }
  for (const double share : {0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999, 1.0}) {
    const auto exact = static_cast<double>(exact_percentile(values, share));
    EXPECT_NEAR(static_cast<double>(histogram.percentile_ns(share)), exact, exact * 0.005) << share;
  }
  EXPECT_EQ(histogram.max_ns(), std::ranges::max(values));
}

TEST(LatencyHistogram, KnowsSmallValuesExactly) {
  for (std::int64_t value = 0; value < 256; ++value) {
    LatencyHistogram histogram;
    histogram.add(value);
    EXPECT_EQ(histogram.percentile_ns(0.5), value);
  }
}

TEST(LatencyHistogram, TakesAnyValue) {
  LatencyHistogram histogram;
  histogram.add(-5);
  histogram.add(INT64_MAX);
  EXPECT_EQ(histogram.percentile_ns(0.5), 0);
  EXPECT_EQ(histogram.max_ns(), INT64_MAX);
  EXPECT_GT(histogram.percentile_ns(1), std::int64_t{1} << 39);
}

TEST(LatencyHistogram, NeverExceedsItsMaximum) {
  LatencyHistogram histogram;
  histogram.add(1'000'000);
  EXPECT_LE(histogram.percentile_ns(0.999), 1'000'000);
}

TEST(LatencyHistogram, AddsUp) {
  LatencyHistogram one, two, both;
  for (std::int64_t i = 0; i < 1000; ++i) {
    one.add(i);
    two.add(i * 1000);
    both.add(i);
    both.add(i * 1000);
  }
  one.add(two);
  EXPECT_EQ(one.samples(), both.samples());
  EXPECT_DOUBLE_EQ(one.mean_ns(), both.mean_ns());
  EXPECT_EQ(one.max_ns(), both.max_ns());
  EXPECT_EQ(one.percentile_ns(0.9), both.percentile_ns(0.9));
}

TEST(SequenceCheck, TellsWhatComesOutOfTurn) {
  SequenceCheck check;
  EXPECT_TRUE(check.in_order(0));
  EXPECT_TRUE(check.in_order(1));
  EXPECT_TRUE(check.in_order(5));   // a gap is a loss
  EXPECT_FALSE(check.in_order(4));  // late
  EXPECT_FALSE(check.in_order(5));  // a duplicate
  EXPECT_TRUE(check.in_order(6));
}

}  // namespace
}  // namespace bench
