// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/path_cost.hpp"

#include <gtest/gtest.h>

#include "tests/control/model_fixture.hpp"

namespace rb {
namespace {

using nlohmann::json;

TEST(PathCost, IsTheKernelsByDefault) {
  // Linux 6.18 gives these costs to a tap whose speed was set by ethtool.
  for (const auto& [speed, cost] : {std::pair{10U, 100U},
                                    {100U, 19U},
                                    {1000U, 5U},
                                    {2500U, 4U},
                                    {5000U, 3U},
                                    {10000U, 2U},
                                    {20000U, 1U},
                                    {400000U, 1U},
                                    {1234U, 100U}}) {
    EXPECT_EQ(path_cost_of_speed(speed, PathCosts::kShort), cost) << speed;
  }
  EXPECT_EQ(path_cost_of_speed(std::nullopt, PathCosts::kShort), 100U);
}

TEST(PathCost, LongOnesAreThoseOfTheStandard) {
  EXPECT_EQ(path_cost_of_speed(10, PathCosts::kLong), 2'000'000U);
  EXPECT_EQ(path_cost_of_speed(1000, PathCosts::kLong), 20'000U);
  EXPECT_EQ(path_cost_of_speed(100'000'000, PathCosts::kLong), 1U);
  EXPECT_EQ(path_cost_of_speed(0, PathCosts::kLong), 20'000'000U);
  EXPECT_EQ(path_cost_of_speed(std::nullopt, PathCosts::kLong), 2'000'000U);
}

class PortCostTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fake.call("bridge.add", {{"name", "br0"}});
    fake.call("port.add", {{"bridge", "br0"}, {"port", {{"name", "tap0"}}}});
  }
  json set_port(const json& cost) { return fake.call("port.set", {{"name", "tap0"}, {"cost", cost}}); }
  json set_bridge(const char* costs) { return fake.call("bridge.set", {{"name", "br0"}, {"path_cost", costs}}); }
  json port() { return fake.call("port.list", {{"name", "tap0"}})["ports"][0]; }
  testing::FakeSwitch fake;
};

TEST_F(PortCostTest, OfATapIsThatOfItsTable) {
  EXPECT_EQ(port()["cost"], 2);
  EXPECT_EQ(port()["cost_auto"], true);
  set_bridge("long");
  EXPECT_EQ(port()["cost"], 2000);
  EXPECT_EQ(fake.call("bridge.list", json::object())["bridges"][0]["path_cost"], "long");
  set_bridge("short");
  EXPECT_EQ(port()["cost"], 2);
}

TEST_F(PortCostTest, SetByHandStaysUntilItIsTakenBack) {
  EXPECT_EQ(set_port(50), json::object());
  set_bridge("long");
  EXPECT_EQ(port()["cost"], 50);
  EXPECT_EQ(port()["cost_auto"], false);
  EXPECT_EQ(set_port("auto"), json::object());
  EXPECT_EQ(port()["cost"], 2000);
}

TEST_F(PortCostTest, HasTheRangeOfItsTable) {
  for (const json& wrong : {json(0), json(-1), json(65536), json(INT64_MAX)})
    EXPECT_EQ(set_port(wrong)["kind"], "out_of_range") << wrong;
  EXPECT_EQ(set_port("cheap")["code"], kRpcInvalidParams);
  EXPECT_EQ(set_bridge("medium")["code"], kRpcInvalidParams);
  set_bridge("long");
  EXPECT_EQ(set_port(200'000'000), json::object());
  EXPECT_EQ(set_port(200'000'001)["kind"], "out_of_range");
  EXPECT_EQ(set_bridge("short")["kind"], "out_of_range") << "tap0 would cost more than there is";
  EXPECT_EQ(fake.call("bridge.list", json::object())["bridges"][0]["path_cost"], "long");
  set_port("auto");
  EXPECT_TRUE(set_bridge("short").contains("warnings"));
}

}  // namespace
}  // namespace rb
