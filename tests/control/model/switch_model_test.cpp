// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/switch_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/api/model_json.hpp"
#include "tests/control/model_fixture.hpp"

namespace rb {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

class SwitchModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fake.model->add_bridge("br0", false).has_value());
    for (const char* name : {"tap0", "tap1"}) ASSERT_TRUE(add_port("br0", name));
  }
  bool add_port(const std::string& bridge, const std::string& name) {
    return fake.model->add_port(bridge, {.options = PortOptions(any_port_kind(), name)}).has_value();
  }
  const ModelPort& port(const std::string& name) { return **fake.model->find_port(name); }

  testing::FakeSwitch fake;
};

TEST_F(SwitchModelTest, TellsWhatWasDeletedAfterItIsGone) {
  std::vector<std::string> told;
  fake.on_event = [&](const ModelEvent& event) {
    const bool of_port = event.kind == ModelEvent::Kind::kPort;
    const bool there = of_port ? fake.model->find_port(event.port->name).has_value()
                               : fake.model->find_bridge(event.bridge->name).has_value();
    told.push_back(std::string(event.what) + " " + (of_port ? event.port->name : event.bridge->name) + " of " +
                   event.bridge->name + (there ? ", there" : ", gone"));
  };
  ASSERT_TRUE(add_port("br0", "tap2"));
  ASSERT_TRUE(fake.model->delete_port("br0", "tap2").has_value());
  ASSERT_TRUE(fake.model->delete_bridge("br0").has_value());
  EXPECT_THAT(told, ElementsAre("add tap2 of br0, there", "delete tap2 of br0, gone", "delete tap0 of br0, gone",
                                "delete tap1 of br0, gone", "delete br0 of br0, gone"));
}

TEST_F(SwitchModelTest, PortsThatGoWithTheirBridgeCanStillBeShown) {
  std::vector<nlohmann::json> shown;
  fake.on_event = [&](const ModelEvent& event) {
    if (event.port != nullptr) shown.push_back(port_json(*fake.model, *event.bridge, *event.port));
  };
  ASSERT_TRUE(fake.model->delete_bridge("br0").has_value());
  ASSERT_EQ(shown.size(), 2U);
  EXPECT_EQ(shown[0]["name"], "tap0");
  EXPECT_EQ(shown[0]["cost"], 2);
}

TEST_F(SwitchModelTest, IndexesAndNumbersAreUsedAgainOnceTheyAreForgotten) {
  const PortIndex index = port("tap0").index;
  const FdbKey key = FdbKey::of(MacAddress::from_number(0x020000000001), (*fake.model->find_bridge("br0"))->fid);
  ASSERT_TRUE(fake.engine->fdb().add(key, index, FdbKind::kStatic, Fdb::IfExists::kFail, 0).has_value());
  ASSERT_TRUE(fake.model->delete_port("br0", "tap0").has_value());
  EXPECT_EQ(fake.model->port_at(index), nullptr);
  EXPECT_FALSE(fake.engine->fdb().get(key, 0).has_value()) << "static entries are deleted with their port";
  ASSERT_TRUE(add_port("br0", "tap3"));
  EXPECT_EQ(port("tap3").index, index);
  EXPECT_EQ(port("tap3").number, 1U);
  EXPECT_EQ(fake.model->port_at(index), &port("tap3"));
}

TEST_F(SwitchModelTest, WhatMayPassAPortFollowsItsState) {
  const auto gate = [&] { return fake.engine->state().port(port("tap0").index).gate; };
  EXPECT_EQ(gate(), PortGate::kForwarding);
  for (const auto& [state, expected] :
       {std::pair{StpState::kBlocking, PortGate::kDiscarding}, std::pair{StpState::kDisabled, PortGate::kDown},
        std::pair{StpState::kForwarding, PortGate::kForwarding}}) {
    PortSettings settings = port("tap0").settings;
    settings.state = state;
    ASSERT_TRUE(fake.model->set_port("tap0", settings).has_value());
    EXPECT_EQ(gate(), expected);
  }
}

TEST_F(SwitchModelTest, APortTakesItsDeviceBackWhenNobodyElseHoldsItAnyMore) {
  fake.refusal = Error{ErrorCode::kBusy, "held"};
  fake.model->devices().failed(port("tap0").index);
  EXPECT_EQ(port("tap0").device.state, DeviceState::kGone);
  EXPECT_FALSE(port("tap0").attached);
  EXPECT_EQ(fake.engine->state().port(port("tap0").index).gate, PortGate::kDown);
  EXPECT_EQ(fake.retries_needed, 1U);
  fake.refusal.reset();
  EXPECT_FALSE(fake.model->devices().retry()) << "there is no device left to wait for";
  EXPECT_TRUE(port("tap0").attached);
  EXPECT_NE(port("tap0").device.state, DeviceState::kGone);
}

TEST_F(SwitchModelTest, APortWhoseDeviceIsGoneKeepsItsPlaceAndCanBeTakenOut) {
  fake.refusal = Error{ErrorCode::kNoSuchInterface, "gone"};
  fake.model->devices().failed(port("tap0").index);
  EXPECT_EQ(port("tap0").device.state, DeviceState::kGone);
  EXPECT_EQ(port("tap0").number, 1U);
  EXPECT_EQ(fake.call("port.list", {{"name", "tap0"}})["ports"][0]["device"], "gone");
  EXPECT_TRUE(fake.model->delete_port("br0", "tap0").has_value());
  EXPECT_FALSE(fake.model->find_port("tap0").has_value());
}

TEST_F(SwitchModelTest, APortThatCannotBeOpenedLeavesNothingBehind) {
  fake.refusal = Error{ErrorCode::kPermission, "not yours"};
  EXPECT_FALSE(add_port("br0", "tap7"));
  EXPECT_FALSE(fake.model->find_port("tap7").has_value());
  fake.refusal.reset();
  ASSERT_TRUE(add_port("br0", "tap8"));
  EXPECT_EQ(port("tap8").number, 3U);
}

TEST_F(SwitchModelTest, BridgesAreFoundByEachOfTheirNumbers) {
  ASSERT_TRUE(fake.model->add_bridge("br1", false).has_value());
  const ModelBridge& bridge = **fake.model->find_bridge("br1");
  EXPECT_EQ(fake.model->bridge_at(bridge.index), &bridge);
  EXPECT_EQ(fake.model->vlans().bridge_of_fid(bridge.fid), &bridge);
  EXPECT_EQ(fake.model->vlans().bridge_of_fid(0), nullptr);
  EXPECT_EQ(fake.model->bridge_at(kNoBridge), nullptr);
  const BridgeIndex index = bridge.index;
  ASSERT_TRUE(fake.model->delete_bridge("br1").has_value());
  EXPECT_EQ(fake.model->bridge_at(index), nullptr);
}

}  // namespace
}  // namespace rb
