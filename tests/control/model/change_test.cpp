// SPDX-License-Identifier: GPL-2.0-or-later
// The one transaction: what workers and subscribers see of a change, and of a batch of changes.
#include "control/model/change.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/control/model_fixture.hpp"

namespace rb {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ChangesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fake.call("bridge.add", {{"name", "br0"}, {"host_port", false}});
    for (const char* name : {"tap0", "tap1"}) add_port(name);
    fake.on_event = [this](const ModelEvent& event) {
      told.push_back(std::string(event.what) + ' ' + (event.port != nullptr ? event.port->name : event.bridge->name));
      publications_when_told.push_back(fake.engine->publication_count());
    };
  }
  void add_port(const std::string& name) {
    const json answer = fake.call("port.add", {{"bridge", "br0"}, {"port", {{"name", name}}}});
    ASSERT_FALSE(answer.contains("error")) << answer;
  }
  static json set_port(const std::string& name, const std::string& setting, const json& value) {
    return {{"method", "port.set"}, {"params", {{"name", name}, {setting, value}}}};
  }
  json batch(const json& requests, bool go_on = false) {
    return fake.call("batch", {{"requests", requests}, {"continue", go_on}});
  }
  [[nodiscard]] const PortState& state_of(const std::string& name) {
    return fake.engine->state().port((*fake.model->find_port(name))->index);
  }
  [[nodiscard]] std::uint64_t publications() const { return fake.engine->publication_count(); }

  testing::FakeSwitch fake;
  std::vector<std::string> told;
  std::vector<std::uint64_t> publications_when_told;
};

TEST_F(ChangesTest, ABatchIsOnePublication) {
  const std::uint64_t before = publications();
  const json answer = batch({set_port("tap0", "learning", false),
                             set_port("tap1", "isolated", true),
                             set_port("tap1", "priority", 8),
                             {{"method", "bridge.set"}, {"params", {{"name", "br0"}, {"ageing_s", 60}}}},
                             {{"method", "vlan.add"}, {"params", {{"port", "tap0"}, {"vid", 10}}}}});
  ASSERT_EQ(answer["answers"].size(), 5U) << answer;
  EXPECT_EQ(publications(), before + 1);
  EXPECT_FALSE(state_of("tap0").learning);
  EXPECT_TRUE(state_of("tap1").isolated);
}

TEST_F(ChangesTest, OfABatchNobodyIsToldBeforeTheWorkersHaveAllOfIt) {
  const std::uint64_t before = publications();
  (void)batch(
      {set_port("tap0", "learning", false), set_port("tap1", "isolated", true), set_port("tap0", "flood", false)});
  EXPECT_THAT(told, ElementsAre("change tap0", "change tap1")) << "each object once";
  EXPECT_THAT(publications_when_told, ElementsAre(before + 1, before + 1));
}

TEST_F(ChangesTest, ABatchThatFailsHalfWayPublishesAtOnceWhatCameBefore) {
  const std::uint64_t before = publications();
  const json answer = batch({set_port("tap0", "learning", false), set_port("nosuch", "learning", false),
                             set_port("tap1", "learning", false)});
  ASSERT_EQ(answer["answers"].size(), 2U) << answer;
  EXPECT_THAT(answer["answers"][1]["error"]["message"].dump(), HasSubstr("nosuch"));
  EXPECT_EQ(publications(), before + 1);
  EXPECT_FALSE(state_of("tap0").learning);
  EXPECT_TRUE(state_of("tap1").learning) << "the batch has ended at the error";
}

TEST_F(ChangesTest, ABatchThatIsToGoOnBehindErrorsDoes) {
  const std::uint64_t before = publications();
  const json answer = batch({set_port("nosuch", "learning", false), set_port("tap1", "learning", false)}, true);
  EXPECT_EQ(answer["answers"].size(), 2U);
  EXPECT_EQ(publications(), before + 1);
  EXPECT_FALSE(state_of("tap1").learning);
}

TEST_F(ChangesTest, APortThatIsReplacedInABatchIsAnotherPort) {
  const std::uint64_t before = publications();
  const PortIndex index = (*fake.model->find_port("tap0"))->index;
  const FdbKey key = FdbKey::of(MacAddress::from_number(0x020000000001), (*fake.model->find_bridge("br0"))->fid);
  ASSERT_TRUE(fake.engine->fdb().add(key, index, FdbKind::kStatic, Fdb::IfExists::kFail, 0).has_value());
  const json answer = batch({{{"method", "port.delete"}, {"params", {{"bridge", "br0"}, {"name", "tap0"}}}},
                             {{"method", "port.add"}, {"params", {{"bridge", "br0"}, {"port", {{"name", "tap0"}}}}}}});
  ASSERT_EQ(answer["answers"].size(), 2U) << answer;
  ASSERT_TRUE(answer["answers"][1].contains("result")) << answer;
  EXPECT_EQ(publications(), before + 1);
  EXPECT_NE((*fake.model->find_port("tap0"))->index, index) << "an index is free only behind the flush";
  EXPECT_FALSE(fake.engine->fdb().get(key, 0).has_value());
  EXPECT_THAT(told, ElementsAre("delete tap0", "add tap0"));
  add_port("tap2");
  EXPECT_EQ((*fake.model->find_port("tap2"))->index, index);
}

TEST_F(ChangesTest, WhatMustNotSurviveAChangeIsFlushedBehindThePublication) {
  const Fid fid = (*fake.model->find_bridge("br0"))->fid;
  const FdbKey key = FdbKey::of(MacAddress::from_number(0x020000000001), fid);
  const PortIndex index = (*fake.model->find_port("tap0"))->index;
  (void)fake.engine->fdb().learn(key, index, 0);
  ASSERT_TRUE(fake.engine->fdb().get(key, 0).has_value());
  (void)fake.call("port.set", {{"name", "tap0"}, {"state", "blocking"}});
  EXPECT_FALSE(fake.engine->fdb().get(key, 0).has_value());
  EXPECT_EQ(state_of("tap0").gate, PortGate::kDiscarding);
}

TEST_F(ChangesTest, ARefusedChangeIsNotPublished) {
  const std::uint64_t before = publications();
  EXPECT_TRUE(fake.call("port.set", {{"name", "tap0"}, {"cost", 0}}).contains("error"));
  EXPECT_TRUE(fake.call("bridge.set", {{"name", "br0"}, {"max_age_s", 1}}).contains("error"));
  EXPECT_EQ(publications(), before);
  EXPECT_TRUE(told.empty());
}

}  // namespace
}  // namespace rb
