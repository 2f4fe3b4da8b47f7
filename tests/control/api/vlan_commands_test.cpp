// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the methods vlan.* of the control protocol, fdb.* where VLANs matter, and batch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "control/daemon/config_file.hpp"
#include "tests/control/model_fixture.hpp"

namespace rb {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class VlanCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    done("bridge.add", {{"name", "br0"}});
    for (const char* name : {"tap0", "tap1", "tap2"}) done("port.add", {{"bridge", "br0"}, {"port", {{"name", name}}}});
    done("bridge.set", {{"name", "br0"}, {"vlan_filtering", true}});
  }
  json call(const std::string& method, const json& params) { return fake.call(method, params); }
  void done(const std::string& method, const json& params) {
    const json answer = call(method, params);
    EXPECT_FALSE(answer.contains("error")) << method << answer;
  }
  /// Returns the message with which the call is refused, and checks that nothing has changed.
  std::string refusal(const std::string& method, const json& params) {
    const json before = call("config.dump", json::object());
    const json answer = call(method, params);
    EXPECT_EQ(call("config.dump", json::object()), before) << method << params;
    return answer.value("error", "");
  }
  void add(const std::string& port, int vid, bool untagged = false, int last = 0) {
    json params = {{"port", port}, {"vid", vid}, {"untagged", untagged}, {"pvid", untagged}};
    if (last != 0) params["vid_end"] = last;
    done("vlan.add", params);
  }
  json vlans(const std::string& port) { return call("vlan.list", {{"port", port}})["ports"][0]["vlans"]; }
  /// Returns "MAC vlan N" of each entry that `filter` selects.
  std::vector<std::string> stations(const json& filter) {
    std::vector<std::string> found;
    const json listed = call("fdb.list", filter);
    for (const json& entry : listed["entries"]) {
      found.push_back(entry["mac"].get<std::string>().substr(15) + " " + entry["port"].get<std::string>() +
                      (entry.contains("vlan") ? " " + std::to_string(entry["vlan"].get<int>()) : ""));
    }
    return found;
  }
  /// Enters a station by the last digits of its address.
  void enter(const std::string& digits, const std::string& port, int vlan, const std::string& kind = "static") {
    json params = {{"mac", "02:00:00:00:00:" + digits}, {"port", port}, {"kind", kind}};
    if (vlan != 0) params["vlan"] = vlan;
    done("fdb.add", params);
  }
  /// Returns the `trace` of a frame that is given as hex digits and blanks.
  json traced(const std::string& frame, const std::string& port = "tap0") {
    std::string octets = frame;
    std::erase(octets, ' ');
    octets.resize(120, '0');
    json trace = call("trace", {{"bridge", "br0"}, {"port", port}, {"frame", octets}});
    EXPECT_FALSE(trace.contains("error")) << trace;
    return trace;
  }

  testing::FakeSwitch fake;
};

TEST_F(VlanCommands, PortsBeginInTheDefaultVlanAndJoinOthers) {
  EXPECT_EQ(vlans("tap0"), json::parse(R"([{"vid":1,"pvid":true,"untagged":true}])"));
  add("tap0", 10, true);
  add("tap0", 100, false, 199);
  EXPECT_EQ(vlans("tap0"),
            json::parse(R"([{"vid":1,"pvid":false,"untagged":true},{"vid":10,"pvid":true,"untagged":true},
                                           {"vid":100,"vid_end":199,"pvid":false,"untagged":false}])"));
  done("vlan.delete", {{"port", "tap0"}, {"vid", 1}, {"vid_end", 150}});
  EXPECT_EQ(vlans("tap0"), json::parse(R"([{"vid":151,"vid_end":199,"pvid":false,"untagged":false}])"));
  EXPECT_EQ(call("vlan.list", {{"vid", 160}})["ports"].size(), 1U);
  EXPECT_EQ(call("vlan.list", json::object())["ports"].size(), 3U);
}

TEST_F(VlanCommands, SaysWhatIsWrongInOneSentence) {
  EXPECT_THAT(refusal("vlan.add", {{"port", "tap0"}, {"vid", 0}}), HasSubstr("VLAN 0 is out of range"));
  EXPECT_THAT(refusal("vlan.add", {{"port", "tap0"}, {"vid", 4095}}), HasSubstr("4095 is reserved"));
  EXPECT_THAT(refusal("vlan.add", {{"port", "tap0"}, {"vid", 5000}}), HasSubstr("VLAN 5000 is out of range"));
  EXPECT_THAT(refusal("vlan.add", {{"port", "tap0"}, {"vid", 20}, {"vid_end", 10}}), HasSubstr("runs backwards"));
  EXPECT_THAT(refusal("vlan.add", {{"port", "tap0"}, {"vid", 10}, {"vid_end", 20}, {"pvid", true}}),
              HasSubstr("tap0: VLANs 10-20 cannot all be the PVID"));
  EXPECT_THAT(refusal("vlan.add", {{"port", "nosuch"}, {"vid", 10}}), HasSubstr("nosuch"));
  EXPECT_THAT(refusal("vlan.add", {{"port", "br0"}, {"vid", 10}}), HasSubstr("br0 has no interface of its own"));
  EXPECT_THAT(refusal("vlan.mode", {{"port", "tap0"}, {"mode", "hybrid"}}), HasSubstr("'hybrid' is no mode"));
  EXPECT_THAT(refusal("vlan.mode", {{"port", "tap0"}, {"mode", "trunk"}, {"vids", {"10", "x"}}}), HasSubstr("'x'"));
  EXPECT_THAT(refusal("vlan.map.delete", {{"port", "tap0"}, {"vid", 10}}), HasSubstr("VID 10 is not translated"));
  EXPECT_THAT(refusal("bridge.set", {{"name", "br0"}, {"vlan_default_pvid", 4095}}), HasSubstr("4095"));
  EXPECT_THAT(refusal("bridge.set", {{"name", "br0"}, {"vlan_protocol", "802.3"}}), HasSubstr("802.1Q or 802.1ad"));
  EXPECT_THAT(refusal("port.set", {{"name", "tap0"}, {"admit", "none"}}), HasSubstr("all, tagged or untagged"));
  EXPECT_THAT(refusal("port.set", {{"name", "tap0"}, {"pcp_map", {1, 2}}}), HasSubstr("a list of 8 numbers"));
  EXPECT_THAT(refusal("port.set", {{"name", "tap0"}, {"default_pcp", 8}}), HasSubstr("default_pcp"));
  EXPECT_THAT(refusal("vlan.private", {{"bridge", "br0"}, {"vid", 10}, {"kind", "isolated"}, {"primary", 5}}),
              HasSubstr("VLAN 5 is no primary VLAN"));
  EXPECT_THAT(refusal("fdb.add", {{"mac", "02:00:00:00:00:01"}, {"port", "tap0"}, {"vlan", 77}}),
              HasSubstr("tap0 is not a member of VLAN 77; 'vlan add dev tap0 vid 77'"));
}

TEST_F(VlanCommands, EachVlanHasStationsOfItsOwn) {
  add("tap0", 10);
  add("tap1", 10);
  add("tap1", 20);
  enter("01", "tap0", 10);
  enter("01", "tap1", 20);
  EXPECT_THAT(stations({{"vlan", 10}}), ElementsAre("01 tap0 10"));
  EXPECT_THAT(stations({{"bridge", "br0"}}), ElementsAre("01 tap0 10", "01 tap1 20"));
  EXPECT_EQ(call("fdb.add", {{"mac", "02:00:00:00:00:01"}, {"port", "tap1"}, {"vlan", 10}})["kind"], "exists");
  EXPECT_EQ(call("fdb.get", {{"mac", "02:00:00:00:00:01"}, {"bridge", "br0"}, {"vlan", 20}})["entry"]["port"], "tap1");
  EXPECT_EQ(call("fdb.get", {{"mac", "02:00:00:00:00:01"}, {"bridge", "br0"}})["kind"], "no_such_entry");
  EXPECT_THAT(refusal("fdb.delete", {{"mac", "02:00:00:00:00:01"}, {"port", "tap1"}, {"vlan", 1}}),
              HasSubstr("not in the FDB behind tap1 in VLAN 1"));
  done("fdb.delete", {{"mac", "02:00:00:00:00:01"}, {"port", "tap1"}, {"vlan", 20}});
  EXPECT_THAT(stations({{"bridge", "br0"}}), ElementsAre("01 tap0 10"));
}

TEST_F(VlanCommands, AnEntryWithoutAVlanIsMadeInEachOfThePorts) {
  add("tap0", 10);
  add("tap0", 20);
  enter("01", "tap0", 0);
  EXPECT_THAT(stations({{"port", "tap0"}}), ElementsAre("01 tap0", "01 tap0 1", "01 tap0 10", "01 tap0 20"));
  done("fdb.delete", {{"mac", "02:00:00:00:00:01"}, {"port", "tap0"}});
  EXPECT_THAT(stations({{"port", "tap0"}}), IsEmpty());
}

TEST_F(VlanCommands, FlushesByPortVlanAndKind) {
  for (const char* port : {"tap0", "tap1"}) {
    for (const int vid : {10, 20}) add(port, vid);
  }
  const auto refill = [&] {
    done("fdb.flush", {{"bridge", "br0"}, {"kind", "all"}});
    enter("01", "tap0", 10, "dynamic");
    enter("02", "tap0", 20, "dynamic");
    enter("03", "tap1", 10, "dynamic");
    enter("04", "tap0", 10, "static");
    enter("05", "tap1", 20, "static");
  };
  const auto left_after = [&](const json& flush) {
    refill();
    done("fdb.flush", flush);
    std::string left;
    for (const std::string& station : stations({{"bridge", "br0"}})) left += station[1];
    return left;
  };
  EXPECT_EQ(left_after({{"bridge", "br0"}}), "45");
  EXPECT_EQ(left_after({{"port", "tap0"}}), "345");
  EXPECT_EQ(left_after({{"bridge", "br0"}, {"vlan", 10}}), "245");
  EXPECT_EQ(left_after({{"port", "tap0"}, {"vlan", 10}}), "2345");
  EXPECT_EQ(left_after({{"port", "tap0"}, {"kind", "static"}}), "1235");
  EXPECT_EQ(left_after({{"bridge", "br0"}, {"vlan", 20}, {"kind", "all"}}), "134");
  EXPECT_EQ(left_after({{"bridge", "br0"}, {"port", "tap1"}, {"vlan", 20}, {"kind", "static"}}), "1234");
  EXPECT_EQ(left_after({{"bridge", "br0"}, {"kind", "all"}}), "");
  EXPECT_EQ(left_after({{"bridge", "br0"}, {"vlan", 30}}), "12345") << "a VLAN without members";
}

TEST_F(VlanCommands, WhoLeavesAVlanIsForgottenThereAndNowhereElse) {
  for (const int vid : {10, 20}) {
    add("tap0", vid);
    add("tap1", vid);
  }
  enter("01", "tap0", 10, "dynamic");
  enter("02", "tap0", 10, "static");
  enter("03", "tap0", 20, "dynamic");
  enter("04", "tap1", 10, "dynamic");
  done("vlan.delete", {{"port", "tap0"}, {"vid", 10}});
  EXPECT_THAT(stations({{"bridge", "br0"}}), ElementsAre("03 tap0 20", "04 tap1 10"));
  done("vlan.delete", {{"port", "tap1"}, {"vid", 10}});
  add("tap2", 10);
  EXPECT_THAT(stations({{"bridge", "br0"}}), ElementsAre("03 tap0 20")) << "the last member has left";
}

TEST_F(VlanCommands, WhoComesBackWithinOneBatchHasNeverLeft) {
  const auto request = [](const char* method, json params) {
    return json{{"method", method}, {"params", std::move(params)}};
  };
  add("tap0", 10);
  enter("01", "tap0", 10);
  const json made = {{"mac", "02:00:00:00:00:02"}, {"port", "tap0"}, {"vlan", 10}};
  done("batch", {{"requests",
                  {request("vlan.delete", {{"port", "tap0"}, {"vid", 10}}),
                   request("vlan.add", {{"port", "tap0"}, {"vid", 10}}), request("fdb.add", made)}}});
  EXPECT_THAT(stations({{"bridge", "br0"}}), ElementsAre("01 tap0 10", "02 tap0 10"));
}

TEST_F(VlanCommands, WhoLeavesOnePrivateVlanKeepsWhatTheOthersLearnedTogether) {
  done("vlan.private", {{"bridge", "br0"}, {"vid", 100}, {"kind", "primary"}});
  done("vlan.private", {{"bridge", "br0"}, {"vid", 101}, {"kind", "isolated"}, {"primary", 100}});
  add("tap0", 100, false, 101);
  add("tap1", 101, true);
  enter("01", "tap0", 101);
  enter("02", "tap1", 101);
  EXPECT_THAT(stations({{"vlan", 100}}), ElementsAre("01 tap0 100", "02 tap1 100"))
      << "the entries are under their primary VLAN";
  EXPECT_THAT(stations({{"vlan", 101}}), ElementsAre("01 tap0 100", "02 tap1 100"));
  done("vlan.delete", {{"port", "tap0"}, {"vid", 101}});
  EXPECT_THAT(stations({{"port", "tap0"}}), ElementsAre("01 tap0 100"));
  done("fdb.flush", {{"port", "tap0"}, {"vlan", 101}, {"kind", "static"}});
  EXPECT_THAT(stations({{"port", "tap0"}}), IsEmpty());
  // tap1 is in VLAN 101 alone. The dump of its entry can still be loaded.
  done("fdb.delete", {{"mac", "02:00:00:00:00:02"}, {"port", "tap1"}, {"vlan", 100}});
  enter("02", "tap1", 100);
  // Without the domain the entry belongs to the VLAN that the port is in.
  done("vlan.private", {{"bridge", "br0"}, {"vid", 101}, {"kind", "none"}});
  EXPECT_THAT(stations({{"port", "tap1"}}), ElementsAre("02 tap1 101"));
}

TEST_F(VlanCommands, WhatWasEnteredByHandOutlivesAChangeOfLearning) {
  add("tap0", 10);
  enter("01", "tap0", 10);
  enter("02", "tap1", 1, "dynamic");
  done("bridge.set", {{"name", "br0"}, {"vlan_learning", "shared"}});
  EXPECT_THAT(stations({{"bridge", "br0"}}), ElementsAre("01 tap0"));
  done("bridge.set", {{"name", "br0"}, {"vlan_learning", "independent"}});
  EXPECT_THAT(stations({{"bridge", "br0"}}), ElementsAre("01 tap0", "01 tap0 1", "01 tap0 10"));
}

TEST_F(VlanCommands, AnotherDefaultPvidTakesStationsOutOfTheOldOne) {
  add("tap1", 5, true);
  enter("01", "tap0", 1);
  enter("02", "tap1", 1);
  done("bridge.set", {{"name", "br0"}, {"vlan_default_pvid", 7}});
  EXPECT_THAT(stations({{"bridge", "br0"}}), ElementsAre("02 tap1 1")) << "tap1 has a PVID of its own and stays";
}

TEST_F(VlanCommands, AnEntryIsMadeInAllVlansOfThePortOrInNone) {
  add("tap0", 2, false, 4094);
  const json refused = call("fdb.add", {{"mac", "02:00:00:00:00:01"}, {"port", "tap0"}});
  EXPECT_EQ(refused["kind"], "table_full") << refused;
  EXPECT_THAT(stations({{"bridge", "br0"}}), IsEmpty());
  enter("02", "tap0", 1);
  EXPECT_EQ(call("fdb.replace", {{"mac", "02:00:00:00:00:02"}, {"port", "tap0"}})["kind"], "table_full");
  EXPECT_THAT(stations({{"kind", "static"}}), ElementsAre("02 tap0 1"));
}

TEST_F(VlanCommands, WhatCouldNotBeMadeTakesNoFids) {
  for (int i = 0; i < 15; ++i) {
    const std::string number = std::to_string(i);
    done("bridge.add", {{"name", "full" + number}});
    done("port.add", {{"bridge", "full" + number}, {"port", {{"name", "p" + number}}}});
    done("vlan.add", {{"port", "p" + number}, {"vid", 1}, {"vid_end", 4094}});
  }
  done("bridge.add", {{"name", "last"}});
  for (int vid = 4000; vid < 4060; ++vid) {
    done("bridge.set", {{"name", "last"}, {"vlan_default_pvid", vid}});
    EXPECT_EQ(call("port.add", {{"bridge", "last"}, {"port", {{"name", "missing"}}}})["kind"], "no_such_interface");
  }
  done("port.add", {{"bridge", "last"}, {"port", {{"name", "tap9"}}}});
  done("vlan.add", {{"port", "tap9"}, {"vid", 1}, {"vid_end", 3060}});
}

TEST_F(VlanCommands, TurningFilteringOnOrOffForgetsWhatWasLearned) {
  enter("01", "tap0", 1, "dynamic");
  enter("02", "tap0", 1, "static");
  done("bridge.set", {{"name", "br0"}, {"vlan_filtering", false}});
  EXPECT_THAT(stations({{"bridge", "br0"}}), ElementsAre("02 tap0 1"));
  enter("03", "tap0", 0, "dynamic");
  EXPECT_THAT(stations({{"bridge", "br0"}}), ElementsAre("02 tap0 1", "03 tap0"));
  done("bridge.set", {{"name", "br0"}, {"vlan_filtering", true}});
  EXPECT_THAT(stations({{"bridge", "br0"}}), ElementsAre("02 tap0 1"));
}

TEST_F(VlanCommands, WithSharedLearningAStationIsKnownInEveryVlan) {
  done("bridge.set", {{"name", "br0"}, {"vlan_learning", "shared"}});
  add("tap0", 10);
  add("tap1", 20);
  enter("01", "tap0", 10);
  EXPECT_THAT(stations({{"bridge", "br0"}}), ElementsAre("01 tap0"));
  EXPECT_EQ(call("fdb.get", {{"mac", "02:00:00:00:00:01"}, {"bridge", "br0"}, {"vlan", 20}})["entry"]["port"], "tap0");
  // A frame of VLAN 20 for the station has no way out, because the station's port is no member.
  EXPECT_EQ(traced("020000000001 020000000009 8100 0014 88b5", "tap1")["drop"], "vlan_egress");
}

TEST_F(VlanCommands, TraceNamesThePvidAndTheSetThatRefused) {
  add("tap0", 10, true);
  add("tap1", 10);
  const auto told = [](const json& trace) {
    std::string text;
    for (const json& step : trace["steps"]) text += step["text"].get<std::string>() + "\n";
    return text;
  };
  const json untagged = traced("ffffffffffff 020000000009 88b5");
  EXPECT_THAT(told(untagged), HasSubstr("VLAN 10, the PVID of tap0"));
  EXPECT_THAT(untagged["egress"].get<std::vector<std::string>>(), ElementsAre("tap1"));
  const json refused = traced("ffffffffffff 020000000009 8100 000a 88b5", "tap2");
  EXPECT_EQ(refused["drop"], "vlan_ingress");
  EXPECT_THAT(told(refused), HasSubstr("VLAN 10"));
  EXPECT_EQ(traced("ffffffffffff 020000000009 8100 0fff 88b5")["drop"], "invalid_vid");
  done("port.set", {{"name", "tap1"}, {"admit", "tagged"}});
  EXPECT_EQ(traced("ffffffffffff 020000000009 88b5", "tap1")["drop"], "frame_type");
  done("vlan.delete", {{"port", "tap2"}, {"vid", 1}});
  EXPECT_EQ(traced("ffffffffffff 020000000009 88b5", "tap2")["drop"], "no_pvid");
}

TEST_F(VlanCommands, TheDefaultPvidMovesThePortsThatHaveIt) {
  add("tap0", 10, true);
  done("bridge.set", {{"name", "br0"}, {"vlan_default_pvid", 5}});
  EXPECT_EQ(vlans("tap1"), json::parse(R"([{"vid":5,"pvid":true,"untagged":true}])"));
  EXPECT_EQ(vlans("tap0")[1]["vid"], 10) << "tap0 has a PVID of its own";
  done("bridge.set", {{"name", "br0"}, {"vlan_default_pvid", 0}});
  EXPECT_THAT(vlans("tap1"), IsEmpty());
  done("port.add", {{"bridge", "br0"}, {"port", {{"name", "tap3"}}}});
  EXPECT_THAT(vlans("tap3"), IsEmpty());
}

TEST_F(VlanCommands, ADumpMakesTheSameVlansAgain) {
  done("bridge.set", {{"name", "br0"}, {"vlan_protocol", "802.1ad"}, {"vlan_default_pvid", 3}});
  for (const char* name : {"tap3", "tap4", "tap5"}) done("port.add", {{"bridge", "br0"}, {"port", {{"name", name}}}});
  add("tap0", 10, true);
  add("tap0", 100, false, 199);
  done("vlan.mode", {{"port", "tap1"}, {"mode", "trunk"}, {"vids", {"10", "20-30"}}, {"native", 25}});
  done("vlan.mode", {{"port", "tap2"}, {"mode", "dot1q-tunnel"}, {"vid", 40}});
  done("vlan.mode", {{"port", "tap3"}, {"mode", "access"}, {"vid", 60}});
  done("vlan.delete", {{"port", "tap4"}, {"vid", 3}});
  done("vlan.map.add", {{"port", "tap1"}, {"vid", 500}, {"to", 20}});
  done("port.set",
       {{"name", "tap5"}, {"ingress_filtering", false}, {"default_pcp", 5}, {"pcp_map", {7, 6, 5, 4, 3, 2, 1, 0}}});
  done("vlan.private", {{"bridge", "br0"}, {"vid", 60}, {"kind", "primary"}});
  done("vlan.private", {{"bridge", "br0"}, {"vid", 50}, {"kind", "community"}, {"primary", 60}});
  enter("01", "tap0", 10);
  enter("02", "tap0", 0);
  done("bridge.add", {{"name", "br1"}});
  done("bridge.set", {{"name", "br1"}, {"vlan_learning", "shared"}});
  std::string dump;
  const json dumped = call("config.dump", json::object());
  for (const json& line : dumped["lines"]) dump += line.get<std::string>() + "\n";
  testing::FakeSwitch again;
  std::istringstream input(dump);
  const Result<> applied = apply_configuration(input, "dump", *again.commands);
  ASSERT_TRUE(applied.has_value()) << applied.error().message << dump;
  for (const char* method : {"config.dump", "vlan.list", "vlan.private.list", "bridge.list", "port.list"})
    EXPECT_EQ(again.call(method, json::object()), call(method, json::object())) << method << '\n' << dump;
  const auto entries = [](json listed) {
    for (json& entry : listed["entries"]) entry.erase("age_s");
    return listed;
  };
  EXPECT_EQ(entries(again.call("fdb.list", json::object())), entries(call("fdb.list", json::object()))) << dump;
}

TEST_F(VlanCommands, VlansOverAllBridgesAreAsManyAsCanBeToldApart) {
  const auto full_bridge = [&](int number) {
    const std::string bridge = "full" + std::to_string(number), port = "p" + std::to_string(number);
    done("bridge.add", {{"name", bridge}});
    done("port.add", {{"bridge", bridge}, {"port", {{"name", port}}}});
    return call("vlan.add", {{"port", port}, {"vid", 1}, {"vid_end", 4094}});
  };
  int made = 0;
  json last;
  for (; made < 20 && (last = full_bridge(made)) == json::object();) ++made;
  EXPECT_EQ(made, 15);
  EXPECT_EQ(last["kind"], "table_full");
  EXPECT_THAT(last["error"].get<std::string>(), HasSubstr("vlan_learning shared"));
  EXPECT_EQ(vlans("p15").size(), 1U) << "no part of the request was carried out";
  done("bridge.set", {{"name", "full15"}, {"vlan_learning", "shared"}});
  done("vlan.add", {{"port", "p15"}, {"vid", 1}, {"vid_end", 4094}});
  EXPECT_THAT(refusal("bridge.set", {{"name", "full15"}, {"vlan_learning", "independent"}}),
              HasSubstr("as many VLANs"));
  // FIDs that are given back are free for other bridges.
  done("bridge.delete", {{"name", "full0"}});
  done("bridge.set", {{"name", "full15"}, {"vlan_learning", "independent"}});
}

TEST_F(VlanCommands, ABatchIsDoneUntilSomethingFailsOrToItsEnd) {
  const auto request = [](const char* port, int vid) {
    return json{{"method", "vlan.add"}, {"params", {{"port", port}, {"vid", vid}}}};
  };
  const json requests = {request("tap0", 10), request("nosuch", 11), request("tap0", 12)};
  json answers = call("batch", {{"requests", requests}})["answers"];
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0], json::parse(R"({"result":{}})"));
  EXPECT_EQ(answers[1]["error"]["data"]["kind"], "no_such_port") << answers;
  EXPECT_EQ(vlans("tap0").size(), 2U);
  answers = call("batch", {{"requests", requests}, {"continue", true}})["answers"];
  EXPECT_EQ(answers.size(), 3U);
  EXPECT_EQ(vlans("tap0").size(), 3U);
  // The relay has the settings as well: a tagged frame of each VLAN gets in.
  for (const char* vid : {"000a", "000c"}) {
    EXPECT_EQ(traced(std::string("ffffffffffff 020000000009 8100 ") + vid + " 88b5")["drop"], "no_egress") << vid;
  }
}

TEST_F(VlanCommands, ABatchThatIsNoneIsRefusedAsAWhole) {
  const json good = {{"method", "vlan.add"}, {"params", {{"port", "tap0"}, {"vid", 10}}}};
  for (const json& bad :
       {json(5), json{{"params", json::object()}}, json{{"method", "batch"}, {"params", {{"requests", json::array()}}}},
        json{{"method", "fdb.list"}}, json{{"method", "monitor"}}, json{{"method", "vlan.add"}, {"params", 5}}}) {
    EXPECT_EQ(call("batch", {{"requests", {good, bad}}})["code"], kRpcInvalidParams) << bad;
  }
  EXPECT_EQ(call("batch", {{"requests", "all"}})["code"], kRpcInvalidParams);
  EXPECT_EQ(vlans("tap0").size(), 1U);
  EXPECT_EQ(call("batch", {{"requests", json::array()}}), json::parse(R"({"answers":[]})"));
}

}  // namespace
}  // namespace rb
