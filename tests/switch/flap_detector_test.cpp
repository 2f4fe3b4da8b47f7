// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/flap_detector.hpp"

#include <gtest/gtest.h>

namespace rb {
namespace {

constexpr FdbKey station(std::uint16_t number) {
  return FdbKey::of(
      MacAddress{{0x02, 0, 0, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}}, 1);
}

/// Moves a station to and fro between two ports, with `pause_ms` between moves. Returns the reported flaps.
std::vector<Flap> go_to_and_fro(FlapDetector& detector, FdbKey mover, PortIndex a, PortIndex b, unsigned moves,
                                std::int64_t pause_ms, std::int64_t& now_ms) {
  std::vector<Flap> told;
  for (unsigned i = 0; i < moves; ++i) {
    now_ms += pause_ms;
    const bool back = i % 2 == 1;
    if (const auto flap = detector.moved(mover, back ? b : a, back ? a : b, now_ms)) told.push_back(*flap);
  }
  return told;
}

TEST(FlapDetector, TellsOfAStationBetweenTwoPortsOnce) {
  FlapDetector detector;
  std::int64_t now_ms = 0;
  const std::vector<Flap> told = go_to_and_fro(detector, station(1), 7, 3, 100, 1, now_ms);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].station, station(1));
  EXPECT_EQ(told[0].low, 3);
  EXPECT_EQ(told[0].high, 7);
  EXPECT_EQ(told[0].moves, 2 * FlapDetector::kMoves);
}

TEST(FlapDetector, TellsAgainWhenItHasBeenSilentForLongAndItGoesOn) {
  FlapDetector detector;
  std::int64_t now_ms = 0;
  EXPECT_EQ(go_to_and_fro(detector, station(1), 0, 1, 700, 100, now_ms).size(), 3U);  // 70 s, reported at 0, 30 and 60
}

TEST(FlapDetector, IsSilentAboutOneThatMovesOnceOrSlowly) {
  FlapDetector detector;
  std::int64_t now_ms = 0;
  EXPECT_TRUE(go_to_and_fro(detector, station(1), 0, 1, 1, 1, now_ms).empty());
  EXPECT_TRUE(go_to_and_fro(detector, station(2), 0, 1, 50, FlapDetector::kWindow_ms + 1, now_ms).empty());
}

TEST(FlapDetector, IsSilentAboutOneThatWandersOn) {
  FlapDetector detector;
  for (PortIndex port = 0; port < 100; ++port)
    EXPECT_FALSE(detector.moved(station(1), port, static_cast<PortIndex>(port + 1), port));
}

TEST(FlapDetector, IsSilentAboutManyThatMoveOneWay) {
  FlapDetector detector;
  for (std::uint16_t number = 0; number < 5000; ++number) EXPECT_FALSE(detector.moved(station(number), 0, 1, number));
}

TEST(FlapDetector, TellsOfPairsOfPortsApart) {
  FlapDetector detector;
  std::int64_t now_ms = 0;
  EXPECT_EQ(go_to_and_fro(detector, station(1), 0, 1, 10, 1, now_ms).size(), 1U);
  EXPECT_EQ(go_to_and_fro(detector, station(1), 0, 2, 10, 1, now_ms).size(), 1U);
  EXPECT_EQ(go_to_and_fro(detector, station(2), 1, 0, 10, 1, now_ms).size(), 0U);
}

TEST(FlapDetector, HearsWhoeverFlapsBesideAFloodOfMovers) {
  FlapDetector detector;
  std::int64_t now_ms = 0;
  bool told = false;
  // A port forges addresses of others, and each address moves once. The flapping station keeps its place in the
  // detector.
  for (std::uint16_t number = 100; number < 20'000 && !told; ++number) {
    (void)detector.moved(station(number), 5, 6, now_ms);
    now_ms += 1;
    told = go_to_and_fro(detector, station(1), 0, 1, 2, 0, now_ms).size() == 1;
  }
  EXPECT_TRUE(told);
}

TEST(FlapDetector, ForgetsAPortThatHasGone) {
  FlapDetector detector;
  std::int64_t now_ms = 0;
  EXPECT_EQ(go_to_and_fro(detector, station(1), 0, 1, 10, 1, now_ms).size(), 1U);
  detector.forget(1);
  EXPECT_EQ(go_to_and_fro(detector, station(1), 0, 1, 10, 1, now_ms).size(), 1U);
}

TEST(FlapDetector, SaysNoMoreThanItCanRemember) {
  FlapDetector detector;
  std::int64_t now_ms = 0;
  std::size_t told = 0;
  for (PortIndex port = 0; port < 200; ++port)
    told +=
        go_to_and_fro(detector, station(port), port, static_cast<PortIndex>(port + 300), 6, 0, now_ms += 2000).size();
  EXPECT_LE(told, FlapDetector::kPairs * (400'000 / FlapDetector::kSilence_ms + 1));
  EXPECT_GE(told, FlapDetector::kPairs);
}

}  // namespace
}  // namespace rb
