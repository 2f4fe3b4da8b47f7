// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/spanning_trees.hpp"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/control/model_fixture.hpp"

namespace rb {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using stp::Bpdu;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A bridge with tap0 and tap1. The test plays its neighbours.
class SpanningTreesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(call("bridge.add", {{"name", "br0"}}), json::object());
    for (const char* name : {"tap0", "tap1"})
      ASSERT_EQ(call("port.add", {{"bridge", "br0"}, {"port", {{"name", name}}}}), json::object());
    fake.on_event = [this](const ModelEvent& event) {
      if (event.kind != ModelEvent::Kind::kTree) return;
      told.push_back(std::string(event.what) + (event.port == nullptr ? std::string() : " " + event.port->name) +
                     (event.on ? "" : " off"));
    };
  }
  json call(const std::string& method, const json& params) { return fake.call(method, params); }
  void begin(const char* stp) { ASSERT_TRUE(call("bridge.set", {{"name", "br0"}, {"stp", stp}}).contains("warnings")); }
  json port(const std::string& name) { return call("port.list", {{"name", name}})["ports"][0]; }
  json bridge() { return call("bridge.list", json::object())["bridges"][0]; }
  json tree_port(const std::string& name) {
    const json tree = call("spanning_tree.list", {{"bridge", "br0"}})["bridges"][0];
    for (const json& found : tree["ports"]) {
      if (found["name"] == name) return found;
    }
    return {};
  }
  PortGate gate(const std::string& name) {
    return fake.engine->state().port((*fake.model->find_port(name))->index).gate;
  }
  static constexpr MacAddress kNeighbour{{0x02, 0, 0, 0, 0, 0x99}};
  void receive(const std::string& port, const Bpdu& bpdu) {
    fake.punt(port, stp::encode(bpdu, kNeighbour));
    fake.model->trees().take_punted();
  }
  static Bpdu from_better_bridge(Bpdu::Kind kind = Bpdu::Kind::kRapid, std::uint16_t bridge_priority = 4096) {
    const auto id = stp::BridgeId::of(bridge_priority, kNeighbour);
    Bpdu bpdu;
    bpdu.kind = kind;
    bpdu.priority = {.root = id, .root_path_cost = 0, .designated_bridge = id, .designated_port = 0x8001};
    bpdu.proposal = kind == Bpdu::Kind::kRapid;
    return bpdu;
  }

  testing::FakeSwitch fake;
  std::vector<std::string> told;
};

TEST_F(SpanningTreesTest, WithStpPortsListenLearnAndForwardAsTheKernelsDo) {
  EXPECT_EQ(gate("tap0"), PortGate::kForwarding);
  begin("on");
  EXPECT_EQ(gate("tap0"), PortGate::kDiscarding);
  EXPECT_EQ(port("tap0")["state"], "listening");
  EXPECT_DOUBLE_EQ(port("tap0")["forward_delay_timer_s"], 15);
  const std::optional<Bpdu> sent = fake.sent_by("tap0");
  ASSERT_TRUE(sent.has_value());
  EXPECT_EQ(sent->kind, Bpdu::Kind::kConfiguration);
  fake.pass(15s);
  EXPECT_EQ(gate("tap0"), PortGate::kLearning);
  EXPECT_EQ(port("tap0")["state"], "learning");
  fake.pass(15s);
  EXPECT_EQ(gate("tap0"), PortGate::kForwarding);
  EXPECT_EQ(bridge()["root_id"], bridge()["id"]);
  EXPECT_TRUE(fake.engine->state().bridge(0).stp);
}

TEST_F(SpanningTreesTest, OffForwardsAtOnce) {
  begin("on");
  told.clear();
  std::vector<std::string> states;
  fake.on_event = [&](const ModelEvent& event) {
    if (event.kind == ModelEvent::Kind::kPort)
      states.push_back(event.port->name + " " +
                       std::string(kStpStateNames.name(fake.model->trees().state_of(*event.port))));
  };
  begin("off");
  EXPECT_EQ(gate("tap0"), PortGate::kForwarding);
  EXPECT_FALSE(fake.engine->state().bridge(0).stp);
  EXPECT_EQ(port("tap0")["state"], "forwarding");
  EXPECT_THAT(states, ElementsAre("tap0 forwarding", "tap1 forwarding"));
}

TEST_F(SpanningTreesTest, WhatWasLearnedIsForgottenWhenPortsCloseAndWhatWasEnteredIsNot) {
  call("fdb.add", {{"mac", "02:00:00:00:00:01"}, {"port", "tap0"}, {"kind", "dynamic"}});
  call("fdb.add", {{"mac", "02:00:00:00:00:02"}, {"port", "tap0"}, {"kind", "static"}});
  begin("rstp");
  const json left = call("fdb.list", json::object())["entries"];
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0]["mac"], "02:00:00:00:00:02");
}

TEST_F(SpanningTreesTest, ATopologyChangeFlushesOtherPortsWithoutTheirStaticEntries) {
  begin("rstp");
  receive("tap0", from_better_bridge());
  fake.pass(5s);  // tap1 is an edge port by then
  ASSERT_EQ(port("tap0")["state"], "forwarding");
  call("fdb.add", {{"mac", "02:00:00:00:00:01"}, {"port", "tap0"}, {"kind", "dynamic"}});
  call("fdb.add", {{"mac", "02:00:00:00:00:02"}, {"port", "tap0"}, {"kind", "static"}});
  receive("tap1", from_better_bridge(Bpdu::Kind::kTopologyChangeNotification));
  const json left = call("fdb.list", {{"port", "tap0"}})["entries"];
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0]["kind"], "static");
}

TEST_F(SpanningTreesTest, WithStpATopologyChangeHasStationsAgeFaster) {
  begin("on");
  EXPECT_DOUBLE_EQ(bridge()["ageing_now_s"], 300);
  Bpdu hello = from_better_bridge(Bpdu::Kind::kConfiguration);
  hello.times.forward_delay = 7000;
  hello.topology_change = true;
  receive("tap0", hello);
  EXPECT_DOUBLE_EQ(bridge()["ageing_now_s"], 7) << "as long as the root's forward delay";
  EXPECT_DOUBLE_EQ(bridge()["ageing_s"], 300);
  EXPECT_TRUE(bridge()["topology_change"]);
  hello.topology_change = false;
  receive("tap0", hello);
  EXPECT_DOUBLE_EQ(bridge()["ageing_now_s"], 300);
}

TEST_F(SpanningTreesTest, ShowsTheRootAndTheWayToIt) {
  begin("on");
  receive("tap1", from_better_bridge(Bpdu::Kind::kConfiguration));
  EXPECT_EQ(bridge()["root_id"], "1000.020000000099");
  EXPECT_EQ(bridge()["root_port"], 2);
  EXPECT_EQ(bridge()["root_path_cost"], 2);
  EXPECT_EQ(port("tap1")["designated_bridge"], "1000.020000000099");
  EXPECT_EQ(port("tap1")["designated_port"], 0x8001);
  EXPECT_DOUBLE_EQ(port("tap1")["message_age_timer_s"], 20);
  EXPECT_EQ(port("tap0")["designated_cost"], 2);
  fake.pass(1s);
  EXPECT_DOUBLE_EQ(port("tap1")["message_age_timer_s"], 19);
  EXPECT_THAT(told, Contains("root"));
}

TEST_F(SpanningTreesTest, SettingsActAtOnce) {
  begin("on");
  for (const char* name : {"tap0", "tap1"}) receive(name, from_better_bridge(Bpdu::Kind::kConfiguration));
  EXPECT_EQ(bridge()["root_port"], 1);
  EXPECT_EQ(port("tap1")["state"], "blocking");
  call("port.set", {{"name", "tap0"}, {"cost", 100}});
  EXPECT_EQ(bridge()["root_port"], 2);
  call("port.set", {{"name", "tap0"}, {"cost", "auto"}});
  EXPECT_EQ(bridge()["root_port"], 1);
  call("port.set", {{"name", "tap0"}, {"root_block", true}});
  EXPECT_EQ(bridge()["root_port"], 2);
  call("bridge.set", {{"name", "br0"}, {"priority", 0}});
  EXPECT_EQ(bridge()["root_port"], 0);
  call("bridge.set", {{"name", "br0"}, {"forward_delay_s", 5}});
  EXPECT_DOUBLE_EQ(bridge()["forward_delay_s"], 5);
  call("port.set", {{"name", "tap1"}, {"priority", 16}});
  EXPECT_EQ(port("tap1")["designated_port"], 16 << 10 | 2);
}

TEST_F(SpanningTreesTest, ARootGuardIsToldOfWhenItHoldsAPortBack) {
  call("port.set", {{"name", "tap0"}, {"root_block", true}});
  begin("rstp");
  fake.pass(1300ms);
  receive("tap0", from_better_bridge());
  EXPECT_EQ(bridge()["root_port"], 0);
  EXPECT_EQ(port("tap0")["state"], "blocking");
  EXPECT_EQ(tree_port("tap0")["root_guarded"], true);
  EXPECT_THAT(tree_port("tap0")["guards"], ElementsAre("root_block"));
  EXPECT_THAT(told, ElementsAre("root_guard tap0"));
  fake.pass(7s);  // the neighbour has fallen silent
  EXPECT_EQ(tree_port("tap0")["root_guarded"], false);
  EXPECT_THAT(told, Contains("root_guard tap0 off"));
}

TEST_F(SpanningTreesTest, ABpduLeavesByAnAddressOfItsPort) {
  begin("rstp");
  ASSERT_TRUE(fake.sent_by("tap0").has_value());
  const MacAddress first = fake.last_source;
  ASSERT_TRUE(fake.sent_by("tap1").has_value());
  EXPECT_NE(fake.last_source, first);
  const std::string id = bridge()["id"];
  EXPECT_NE(id, "8000.000000000000") << "this also holds without an interface of its own";
  for (const MacAddress& source : {first, fake.last_source}) {
    EXPECT_FALSE(source.is_group());
    EXPECT_EQ(source.octets[0] & 2, 2) << "locally administered";
    EXPECT_NE(id.substr(5), fmt::format("{:012x}", source.to_number()));
  }
}

TEST_F(SpanningTreesTest, AGuardClosesAPortUntilSomebodyHasSeenToIt) {
  begin("rstp");
  call("port.set", {{"name", "tap0"}, {"guard", true}});
  EXPECT_EQ(port("tap0")["state"], "listening");
  fake.pass(1300ms);
  receive("tap0", from_better_bridge());
  EXPECT_EQ(gate("tap0"), PortGate::kDown);
  EXPECT_EQ(port("tap0")["state"], "disabled");
  EXPECT_THAT(port("tap0")["trouble"].get<std::string>(), HasSubstr("a BPDU came in"));
  EXPECT_EQ(bridge()["root_port"], 0);
  EXPECT_THAT(told, Contains("guard tap0"));
  EXPECT_THAT(fake.model->notices().list(), Contains(HasSubstr("tap0")));
  fake.pass(1s);
  call("port.set", {{"name", "tap0"}, {"cost", 5}});
  EXPECT_EQ(gate("tap0"), PortGate::kDown) << "the request was about another setting";
  call("port.set", {{"name", "tap0"}, {"guard", true}});
  EXPECT_EQ(gate("tap0"), PortGate::kDiscarding);
  EXPECT_FALSE(port("tap0").contains("trouble"));
  fake.pass(1s);
  EXPECT_THAT(told, Contains("guard tap0 off"));
  receive("tap0", from_better_bridge());
  ASSERT_EQ(gate("tap0"), PortGate::kDown);
  EXPECT_EQ(call("port.set", {{"name", "tap0"}, {"guard", false}, {"state", "forwarding"}}), json::object());
  EXPECT_NE(gate("tap0"), PortGate::kDown);
}

TEST_F(SpanningTreesTest, AGuardedPortOpensAgainWhenItsDeviceHasBeenAway) {
  begin("rstp");
  call("port.set", {{"name", "tap0"}, {"guard", true}});
  receive("tap0", from_better_bridge());
  ASSERT_EQ(gate("tap0"), PortGate::kDown);
  fake.refusal = Error{ErrorCode::kBusy, "held"};
  fake.model->devices().failed((*fake.model->find_port("tap0"))->index);
  fake.refusal.reset();
  EXPECT_FALSE(fake.model->devices().retry());
  EXPECT_EQ(gate("tap0"), PortGate::kDiscarding);
  EXPECT_FALSE(port("tap0").contains("trouble"));
}

TEST_F(SpanningTreesTest, AFilterLetsNoBpduOut) {
  call("port.set", {{"name", "tap0"}, {"bpdu_filter", true}});
  begin("rstp");
  ASSERT_TRUE(fake.sent_by("tap1").has_value());
  EXPECT_FALSE(fake.sent_by("tap0", 0).has_value());
  EXPECT_EQ(tree_port("tap0")["sent"], 0);
  EXPECT_GT(tree_port("tap0")["suppressed"], 0);
  EXPECT_TRUE(fake.engine->state().port((*fake.model->find_port("tap0"))->index).bpdu_filter);
  call("port.set", {{"name", "tap0"}, {"bpdu_filter", false}});
  fake.pass(3s);
  EXPECT_TRUE(fake.sent_by("tap0").has_value());
}

TEST_F(SpanningTreesTest, CountsWhatIsMalformedUnderItsName) {
  begin("rstp");
  stp::BpduFrame frame = stp::encode(from_better_bridge(Bpdu::Kind::kConfiguration), kNeighbour);
  frame[20] = std::byte{0x77};  // the BPDU's type
  fake.punt("tap0", frame);
  fake.model->trees().take_punted();
  EXPECT_EQ(tree_port("tap0")["malformed"]["unknown_type"], 1);
  EXPECT_EQ(tree_port("tap0")["received"], 0);
  EXPECT_EQ(tree_port("tap1")["malformed"]["unknown_type"], 0);
  EXPECT_EQ(bridge()["root_port"], 0);
}

TEST_F(SpanningTreesTest, StatesAreTheTrees) {
  call("port.set", {{"name", "tap1"}, {"state", "blocking"}});
  EXPECT_EQ(gate("tap1"), PortGate::kDiscarding);
  begin("on");
  EXPECT_EQ(port("tap1")["state"], "listening") << "the state that was set by hand ends";
  for (const char* state : {"forwarding", "blocking", "learning"}) {
    EXPECT_EQ(call("port.set", {{"name", "tap0"}, {"state", state}})["kind"], "busy") << state;
  }
  EXPECT_EQ(call("port.set", {{"name", "tap0"}, {"state", "disabled"}}), json::object());
  EXPECT_EQ(gate("tap0"), PortGate::kDown);
  EXPECT_EQ(tree_port("tap0")["role"], "disabled");
  EXPECT_EQ(call("port.set", {{"name", "tap0"}, {"state", "blocking"}})["kind"], "busy");
  EXPECT_EQ(call("port.set", {{"name", "tap0"}, {"state", "forwarding"}}), json::object());
  EXPECT_EQ(port("tap0")["state"], "listening") << "the tree sets the state again";
}

TEST_F(SpanningTreesTest, WithoutATreeAllStatesCanBeSet) {
  for (const auto& [state, gate_wanted] : {std::pair{"listening", PortGate::kDiscarding},
                                           {"learning", PortGate::kLearning},
                                           {"blocking", PortGate::kDiscarding},
                                           {"disabled", PortGate::kDown},
                                           {"forwarding", PortGate::kForwarding}}) {
    EXPECT_EQ(call("port.set", {{"name", "tap0"}, {"state", state}}), json::object());
    EXPECT_EQ(gate("tap0"), gate_wanted) << state;
  }
}

TEST_F(SpanningTreesTest, APortThatGoesTakesItsPartOfTheTreeAlong) {
  begin("on");
  receive("tap1", from_better_bridge(Bpdu::Kind::kConfiguration));
  ASSERT_EQ(bridge()["root_port"], 2);
  // A BPDU that the deleted port has still handed over does not count for its successor.
  fake.punt("tap1", stp::encode(from_better_bridge(Bpdu::Kind::kConfiguration), kNeighbour));
  EXPECT_EQ(call("port.delete", {{"bridge", "br0"}, {"name", "tap1"}}), json::object());
  EXPECT_EQ(bridge()["root_port"], 0);
  call("port.add", {{"bridge", "br0"}, {"port", {{"name", "tap2"}}}});
  fake.model->trees().take_punted();
  EXPECT_EQ(tree_port("tap2")["received"], 0);
  EXPECT_EQ(tree_port("tap2")["number"], 2);
  EXPECT_EQ(call("bridge.delete", {{"name", "br0"}}), json::object());
}

TEST_F(SpanningTreesTest, OtherBridgesAreLeftAlone) {
  call("bridge.add", {{"name", "br1"}});
  call("port.add", {{"bridge", "br1"}, {"port", {{"name", "tap2"}}}});
  begin("rstp");
  EXPECT_EQ(gate("tap2"), PortGate::kForwarding);
  EXPECT_EQ(call("spanning_tree.list", {{"bridge", "br1"}})["bridges"][0], (json{{"name", "br1"}, {"stp", "off"}}));
  EXPECT_NE(call("bridge.list", json::object())["bridges"][0]["id"],
            call("bridge.list", json::object())["bridges"][1]["id"]);
}

TEST_F(SpanningTreesTest, WatchersAreToldALittleAtATimeHoweverMuchHappens) {
  begin("on");
  fake.pass(1500ms);
  told.clear();
  Bpdu hello = from_better_bridge(Bpdu::Kind::kConfiguration);
  for (int i = 0; i < 20; ++i) {
    hello.priority.root_path_cost = static_cast<std::uint32_t>(20 - i);
    receive("tap0", hello);
  }
  EXPECT_THAT(told, ElementsAre("root"));
  EXPECT_EQ(bridge()["root_path_cost"], 3);
  fake.pass(1s);
  EXPECT_THAT(told, ElementsAre("root", "root")) << "the second event tells the final state";
}

TEST_F(SpanningTreesTest, AnotherDaemonOfTheMachineHasOtherBridges) {
  SwitchModel other(*fake.engine, fake.links, fake.kinds, fake,
                    {.socket_path = "/tmp/other.sock", .host_ports = false});
  ASSERT_TRUE(other.add_bridge("br0", false).has_value());
  EXPECT_NE((*other.find_bridge("br0"))->id(), (*fake.model->find_bridge("br0"))->id());
}

/// Tests the order of actions around a publication. The test takes the place of the model.
class SpanningTreesOrderTest : public SpanningTreesTest {
 protected:
  static constexpr BridgeIndex kBridge = 7;

  void renew() {
    std::vector<TreePort> ports;
    for (const char* name : {"tap0", "tap1"}) {
      const ModelPort& of_model = **fake.model->find_port(name);
      TreePort port{.index = of_model.index,
                    .number = static_cast<stp::PortNumber>(of_model.number),
                    .enabled = true,
                    .source = MacAddress::from_number(0x020000000001),
                    .parameters = {.id = of_model.id(), .edge = stp::Choice::kOff}};
      ports.push_back(port);
    }
    trees.renew(kBridge, {.id = stp::BridgeId::of(32768, MacAddress::from_number(0x020000000001))}, ports);
  }
  void publish() {
    ++published;
    if (while_publishing) while_publishing();
    renew();
    trees.settle();
  }
  void pass(int seconds) {
    for (int i = 0; i < 10 * seconds; ++i) {
      fake.now_ms += 100;
      trees.run();
    }
  }

  int published = 0;
  std::function<void()> while_publishing;
  SpanningTrees trees{*fake.engine,
                      nullptr,
                      [this] { return fake.now_ms; },
                      {.publish = [this] { publish(); }, .tell = [](const TreeEvent&) {}, .take_waiting = [] {}}};
};

TEST_F(SpanningTreesOrderTest, AnAgreementLeavesOnlyWhenTheOtherPortsAreKnownToDiscard) {
  renew();
  trees.settle();
  trees.receive(kBridge, 2, stp::encode(from_better_bridge(Bpdu::Kind::kRapid, 8192), kNeighbour));
  trees.run();
  pass(1);
  ASSERT_EQ(trees.port_state(kBridge, 2), StpState::kForwarding);
  ASSERT_TRUE(fake.sent_by("tap0").has_value());
  for (const char* name : {"tap0", "tap1"}) fake.drain(name);
  bool agreed_before = false;
  std::optional<StpState> state_then;
  while_publishing = [&] {
    agreed_before = agreed_before || fake.sent_by("tap0", 100).has_value();
    if (!state_then) state_then = trees.port_state(kBridge, 2);
  };
  published = 0;
  trees.receive(kBridge, 1, stp::encode(from_better_bridge(), kNeighbour));
  trees.run();
  EXPECT_EQ(published, 1);
  EXPECT_FALSE(agreed_before);
  EXPECT_EQ(state_then, StpState::kListening);
  const std::optional<Bpdu> answer = fake.sent_by("tap0");
  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(answer->agreement);
}

TEST_F(SpanningTreesOrderTest, NothingIsPublishedWhenNoStateChanges) {
  renew();
  trees.settle();
  pass(40);
  for (const char* name : {"tap0", "tap1"}) fake.drain(name);
  published = 0;
  pass(10);
  EXPECT_EQ(published, 0);
  EXPECT_TRUE(fake.sent_by("tap0").has_value()) << "hellos still leave";
}

}  // namespace
}  // namespace rb
