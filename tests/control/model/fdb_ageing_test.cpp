// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/fdb_ageing.hpp"

#include <gtest/gtest.h>

#include "tests/control/model_fixture.hpp"

namespace rb {
namespace {

class FdbAgeingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(fake.call("bridge.add", {{"name", "br0"}}), nlohmann::json::object());
    ASSERT_EQ(fake.call("port.add", {{"bridge", "br0"}, {"port", {{"name", "tap0"}}}}), nlohmann::json::object());
  }
  void add_station(const std::string& mac, const char* kind = "dynamic") {
    ASSERT_EQ(fake.call("fdb.add", {{"mac", mac}, {"port", "tap0"}, {"kind", kind}}), nlohmann::json::object());
  }
  /// Makes stations age at once, so that every tick walks the whole table.
  void age_at_once() { fake.call("bridge.set", {{"name", "br0"}, {"ageing_s", 0}}); }

  testing::FakeSwitch fake;
  EventLoop loop;
  std::vector<FdbEntry> aged;
  FdbAgeing ageing{loop, *fake.model, [this](const FdbEntry& entry) { aged.push_back(entry); }};
};

TEST_F(FdbAgeingTest, SleepsUntilSomethingIsLearnedAndAgainWhenAllHasAged) {
  EXPECT_TRUE(ageing.asleep());
  EXPECT_EQ(loop.run_once(0), 0U);
  age_at_once();
  add_station("02:00:00:00:00:01");
  ageing.learned();
  EXPECT_FALSE(ageing.asleep());
  ageing.tick();
  ASSERT_EQ(aged.size(), 1U);
  EXPECT_EQ(to_string(aged[0].mac), "02:00:00:00:00:01");
  ageing.tick();
  EXPECT_FALSE(ageing.asleep()) << "a station may have been learned behind the position of this walk";
  ageing.tick();
  ageing.tick();
  EXPECT_TRUE(ageing.asleep());
}

TEST_F(FdbAgeingTest, MeetsWhatWasLearnedWithoutAWordBeforeItSleeps) {
  age_at_once();
  ageing.learned();
  ageing.tick();
  ageing.tick();
  ASSERT_FALSE(ageing.asleep());
  add_station("02:00:00:00:00:02");
  while (!ageing.asleep()) ageing.tick();
  ASSERT_EQ(aged.size(), 1U);
}

TEST_F(FdbAgeingTest, StaysAwakeWhileAStationIsThereAndIsNotHeldByStaticOnes) {
  add_station("02:00:00:00:00:03");
  add_station("02:00:00:00:00:04", "static");
  ageing.learned();
  for (int tick = 0; tick < 200; ++tick) ageing.tick();  // several walks of thirty ticks
  EXPECT_FALSE(ageing.asleep());
  EXPECT_TRUE(aged.empty());
  fake.call("fdb.flush", {{"bridge", "br0"}});
  for (int tick = 0; tick < 200; ++tick) ageing.tick();
  EXPECT_TRUE(ageing.asleep()) << "only a static entry is left";
  EXPECT_EQ(fake.call("fdb.list", nlohmann::json::object())["entries"].size(), 1U);
}

}  // namespace
}  // namespace rb
