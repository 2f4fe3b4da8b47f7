// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/api/commands.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "control/daemon/config_file.hpp"
#include "control/words/command_line.hpp"
#include "tests/control/model_fixture.hpp"

namespace rb {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class CommandsTest : public ::testing::Test {
 protected:
  json call(const std::string& method, const json& params) { return fake.call(method, params); }
  void make_bridge_with_two_ports() {
    ASSERT_EQ(call("bridge.add", {{"name", "br0"}}), json::object());
    ASSERT_EQ(call("port.add", {{"bridge", "br0"}, {"port", {{"name", "tap0"}}}}), json::object());
    ASSERT_EQ(call("port.add", {{"bridge", "br0"}, {"port", {{"name", "tap1"}, {"queues", 2}}}}), json::object());
  }
  testing::FakeSwitch fake;
};

TEST_F(CommandsTest, BridgesAndPortsComeAndGo) {
  make_bridge_with_two_ports();
  const json bridges = call("bridge.list", json::object())["bridges"];
  ASSERT_EQ(bridges.size(), 1U);
  EXPECT_EQ(bridges[0]["ports"][0]["name"], "tap0");
  EXPECT_EQ(bridges[0]["ports"][1]["number"], 2);
  EXPECT_EQ(bridges[0]["ports"][1]["queues"], 2);
  EXPECT_EQ(call("port.delete", {{"bridge", "br0"}, {"name", "tap0"}}), json::object());
  EXPECT_EQ(call("port.list", {{"bridge", "br0"}})["ports"].size(), 1U);
  EXPECT_EQ(call("bridge.delete", {{"name", "br0"}}), json::object());
  EXPECT_TRUE(call("bridge.list", json::object())["bridges"].empty());
}

TEST_F(CommandsTest, SaysWhatIsWrongAndLeavesTheStateAsItWas) {
  make_bridge_with_two_ports();
  const json before = call("config.dump", json::object());
  const auto kind = [&](const std::string& method, const json& params) {
    return call(method, params).value("kind", "none");
  };
  EXPECT_EQ(kind("bridge.add", {{"name", "br0"}}), "bridge_exists");
  EXPECT_EQ(kind("bridge.add", {{"name", "sixteencharacter"}}), "invalid_argument");
  EXPECT_EQ(kind("bridge.add", {{"name", "a/b"}}), "invalid_argument");
  EXPECT_EQ(kind("bridge.add", {{"name", ""}}), "invalid_argument");
  EXPECT_EQ(kind("bridge.delete", {{"name", "br9"}}), "no_such_bridge");
  EXPECT_EQ(kind("port.add", {{"bridge", "br9"}, {"port", {{"name", "tap5"}}}}), "no_such_bridge");
  EXPECT_EQ(kind("port.add", {{"bridge", "br0"}, {"port", {{"name", "tap0"}}}}), "already_member");
  EXPECT_EQ(kind("port.add", {{"bridge", "br0"}, {"port", {{"name", "br0"}}}}), "is_bridge");
  EXPECT_EQ(kind("port.add", {{"bridge", "br0"}, {"port", {{"name", "missing0"}}}}), "no_such_interface");
  EXPECT_EQ(kind("port.add", {{"bridge", "br0"}, {"port", {{"name", "tap5"}, {"owner", 1}}}}), "invalid_argument");
  EXPECT_EQ(kind("port.add", {{"bridge", "br0"}, {"port", {{"name", "tap5"}, {"netns", "blue"}}}}), "invalid_argument");
  EXPECT_EQ(kind("port.add", {{"bridge", "br0"}, {"port", {{"name", "tap5"}, {"netns_fd", 0}}}}), "invalid_argument");
  EXPECT_EQ(kind("port.add", {{"bridge", "br0"}, {"port", {{"name", "tap5"}, {"kind", "carrier-pigeon"}}}}),
            "not_supported");
  EXPECT_EQ(kind("bridge.set", {{"name", "br0"}, {"priority", 70000}}), "out_of_range");
  EXPECT_EQ(kind("bridge.set", {{"name", "br0"}, {"hello_s", 20}}), "out_of_range");
  EXPECT_EQ(kind("bridge.set", {{"name", "br0"}, {"ageing_s", -1}}), "out_of_range");
  EXPECT_EQ(kind("bridge.set", {{"name", "br0"}, {"path_cost", "long"}, {"hello_s", 20}}), "out_of_range");
  EXPECT_EQ(kind("bridge.set", {{"name", "br0"}, {"forward", {"pause"}}}), "invalid_argument");
  EXPECT_EQ(kind("bridge.set", {{"name", "br0"}, {"loop_probe_s", 0.01}}), "out_of_range");
  EXPECT_EQ(kind("bridge.set", {{"name", "br0"}, {"loop_probe_s", -1}}), "out_of_range");
  EXPECT_EQ(kind("bridge.set", {{"name", "br0"}, {"loop_hold_s", 0}}), "out_of_range");
  EXPECT_EQ(kind("bridge.set", {{"name", "br0"}, {"loop_guard", "block"}, {"loop_probe_s", 0}}), "invalid_argument");
  EXPECT_EQ(kind("bridge.set", {{"name", "br0"}, {"group_fwd_mask", 2}}), "invalid_argument");
  EXPECT_EQ(kind("port.set", {{"name", "tap0"}, {"cost", 0}}), "out_of_range");
  EXPECT_EQ(kind("port.set", {{"name", "tap0"}, {"priority", 64}}), "out_of_range");
  EXPECT_EQ(kind("spanning_tree.mcheck", {{"port", "tap0"}}), "not_supported");
  EXPECT_EQ(kind("port.set", {{"name", "tap9"}, {"hairpin", true}}), "no_such_port");
  EXPECT_EQ(kind("fdb.add", {{"mac", "01:00:00:00:00:01"}, {"port", "tap0"}}), "invalid_argument");
  EXPECT_EQ(kind("fdb.delete", {{"mac", "02:00:00:00:00:01"}, {"port", "tap0"}}), "no_such_entry");
  EXPECT_EQ(call("config.dump", json::object()), before);
}

TEST_F(CommandsTest, RefusesParametersItDoesNotKnowOrThatHaveAWrongType) {
  make_bridge_with_two_ports();
  for (const json& params : {json{{"name", "br1"}, {"colour", "red"}}, json{{"name", 5}}, json::object(),
                             json{{"name", "br1"}, {"host_port", "no"}}}) {
    EXPECT_EQ(call("bridge.add", params)["code"], kRpcInvalidParams) << params;
  }
  EXPECT_EQ(call("port.set", {{"name", "tap0"}, {"cost", 1.5}})["code"], kRpcInvalidParams);
  EXPECT_EQ(call("fdb.flush", json::object())["code"], kRpcInvalidParams);
  EXPECT_EQ(call("trace", {{"bridge", "br0"}, {"port", "tap0"}, {"frame", "xyz"}})["code"], kRpcInvalidParams);
  EXPECT_EQ(call("no.such", json::object())["code"], kRpcMethodNotFound);
}

TEST_F(CommandsTest, EntersFindsAndFlushesFdbEntries) {
  make_bridge_with_two_ports();
  EXPECT_EQ(call("fdb.add", {{"mac", "02:00:00:00:00:01"}, {"port", "tap0"}}), json::object());
  EXPECT_EQ(call("fdb.add", {{"mac", "02:00:00:00:00:01"}, {"port", "tap1"}})["kind"], "exists");
  EXPECT_EQ(call("fdb.replace", {{"mac", "02:00:00:00:00:01"}, {"port", "tap1"}}), json::object());
  EXPECT_EQ(call("fdb.add", {{"mac", "02:00:00:00:00:02"}, {"port", "tap1"}, {"kind", "dynamic"}}), json::object());
  EXPECT_EQ(call("fdb.get", {{"mac", "02:00:00:00:00:01"}, {"bridge", "br0"}})["entry"]["port"], "tap1");
  EXPECT_EQ(call("fdb.list", {{"port", "tap1"}})["entries"].size(), 2U);
  call("fdb.flush", {{"port", "tap1"}});
  const json left = call("fdb.list", {{"bridge", "br0"}})["entries"];
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0]["kind"], "static");
  call("fdb.flush", {{"bridge", "br0"}, {"kind", "all"}});
  EXPECT_TRUE(call("fdb.list", json::object())["entries"].empty());
}

TEST_F(CommandsTest, ADumpMakesTheSameSwitchAgain) {
  make_bridge_with_two_ports();
  call("bridge.set",
       {{"name", "br0"}, {"ageing_s", 100}, {"priority", 4096}, {"forward", {"lldp", "lacp"}}, {"hello_s", 1}});
  call("port.set", {{"name", "tap1"},
                    {"isolated", true},
                    {"learning", false},
                    {"cost", 50},
                    {"priority", 16},
                    {"state", "blocking"}});
  call("port.set", {{"name", "tap0"},
                    {"edge", "on"},
                    {"p2p", "off"},
                    {"guard", true},
                    {"root_block", true},
                    {"loop_guard", true},
                    {"bpdu_filter", true},
                    {"restricted_tcn", true}});
  call("fdb.add", {{"mac", "02:00:00:00:00:01"}, {"port", "tap1"}});
  call("bridge.add", {{"name", "br1"}, {"host_port", false}});
  call("port.add",
       {{"bridge", "br1"}, {"port", {{"name", "tap2"}, {"create", true}, {"owner", 1000}, {"offload", false}}}});
  call("bridge.set", {{"name", "br1"}, {"stp", "rstp"}, {"path_cost", "long"}, {"loop_guard", "block"}});
  call("port.set", {{"name", "tap2"}, {"cost", 150000000}, {"state", "disabled"}});
  std::string dump;
  const json dumped = call("config.dump", json::object());
  for (const json& line : dumped["lines"]) dump += line.get<std::string>() + "\n";
  testing::FakeSwitch again;
  std::istringstream input(dump);
  const Result<> applied = apply_configuration(input, "dump", *again.commands);
  ASSERT_TRUE(applied.has_value()) << applied.error().message;
  EXPECT_EQ(again.call("config.dump", json::object()), call("config.dump", json::object())) << dump;
  EXPECT_EQ(again.call("bridge.list", json::object()), call("bridge.list", json::object()));
}

TEST_F(CommandsTest, AConfigurationNamesTheLineThatFails) {
  std::istringstream input("# two bridges\naddbr br0\n\naddif br0 tap0\naddif br0 tap0\n");
  const Result<> applied = apply_configuration(input, "lab.conf", *fake.commands);
  ASSERT_FALSE(applied.has_value());
  EXPECT_THAT(applied.error().message, HasSubstr("lab.conf:5: tap0 is a port of bridge br0 already"));
}

TEST_F(CommandsTest, TracesAFrame) {
  make_bridge_with_two_ports();
  const json traced = call("trace", {{"bridge", "br0"}, {"port", "tap0"}, {"frame", "ffffffffffff0200000000010800"}});
  EXPECT_EQ(traced["steps"][0]["stage"], "parse");
  EXPECT_EQ(traced["egress"], json::array({"tap1"}));
  EXPECT_TRUE(traced["drop"].is_null());
}

TEST_F(CommandsTest, BlockingLoopsAsksForProbes) {
  make_bridge_with_two_ports();
  const auto loop = [&] {
    const json bridge = call("bridge.list", json::object())["bridges"][0];
    return json{bridge["loop_guard"], bridge["loop_probe_s"], bridge["loop_hold_s"]};
  };
  EXPECT_EQ(loop(), (json{"report", 0, 60}));
  call("bridge.set", {{"name", "br0"}, {"loop_guard", "block"}});
  EXPECT_EQ(loop(), (json{"block", 2, 60}));
  call("bridge.set", {{"name", "br0"}, {"loop_probe_s", 0.5}, {"loop_hold_s", 5}});
  EXPECT_EQ(loop(), (json{"block", 0.5, 5}));
  EXPECT_THAT(call("bridge.set", {{"name", "br0"}, {"loop_probe_s", 0}})["error"].get<std::string>(),
              HasSubstr("finds loops by probes"));
  EXPECT_EQ(loop(), (json{"block", 0.5, 5}));
  call("bridge.set", {{"name", "br0"}, {"loop_guard", "off"}, {"loop_probe_s", 0}});
  EXPECT_EQ(loop(), (json{"off", 0, 5}));
}

TEST_F(CommandsTest, WarnsAboutTimesThatDoNotFitEachOther) {
  make_bridge_with_two_ports();
  EXPECT_TRUE(call("bridge.set", {{"name", "br0"}, {"hello_s", 2}})["warnings"].empty());
  EXPECT_EQ(call("bridge.set", {{"name", "br0"}, {"forward_delay_s", 4}})["warnings"].size(), 1U);
  EXPECT_TRUE(call("bridge.set", {{"name", "br0"}, {"ageing_s", 100}})["warnings"].empty())
      << "other settings are not checked";
  EXPECT_EQ(call("bridge.set", {{"name", "br0"}, {"stp", "on"}})["warnings"].size(), 1U);
}

TEST_F(CommandsTest, AnswersEachBridgeOnceHoweverOftenItIsNamed) {
  make_bridge_with_two_ports();
  call("bridge.add", {{"name", "br1"}});
  const json bridges = call("bridge.list", {{"names", {"br1", "br0", "br1", "br1"}}})["bridges"];
  ASSERT_EQ(bridges.size(), 2U);
  EXPECT_EQ(bridges[0]["name"], "br1");
  EXPECT_EQ(bridges[1]["name"], "br0");
}

TEST_F(CommandsTest, TellsEntriesThatAreMadeOrTakenAwayByHand) {
  make_bridge_with_two_ports();
  std::vector<std::string> told;
  fake.on_fdb_change = [&](const char* what, const FdbEntry& entry) {
    told.push_back(what + (" " + to_string(entry.mac)));
  };
  call("fdb.add", {{"mac", "02:00:00:00:00:01"}, {"port", "tap0"}});
  call("fdb.add", {{"mac", "02:00:00:00:00:01"}, {"port", "tap0"}});     // there is such an entry
  call("fdb.delete", {{"mac", "02:00:00:00:00:01"}, {"port", "tap1"}});  // there is no such entry
  call("fdb.delete", {{"mac", "02:00:00:00:00:01"}, {"port", "tap0"}});
  EXPECT_EQ(told, (std::vector<std::string>{"add 02:00:00:00:00:01", "delete 02:00:00:00:00:01"}));
}

TEST_F(CommandsTest, ALabelOfANamespaceIsDumpedAsOneWordAndCannotAddALine) {
  call("bridge.add", {{"name", "br0"}});
  const auto add = [&](const std::string& name, const std::string& label) {
    Caller caller;
    caller.descriptors.emplace_back(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    const json port = {{"name", name}, {"netns", label}, {"netns_fd", 0}};
    return fake.commands->call("port.add", {{"bridge", "br0"}, {"port", port}}, caller).has_value();
  };
  EXPECT_FALSE(add("tap0", "blue\ndelbr br0"));
  EXPECT_FALSE(add("tap0", "blue,create"));
  EXPECT_FALSE(add("tap0", std::string(5000, 'x')));
  ASSERT_TRUE(add("tap0", "/run/it's a \"name\" # of mine"));
  const std::string line = call("config.dump", json::object())["lines"][1];
  const Result<std::vector<std::string>> words = split_words(line);
  ASSERT_TRUE(words.has_value()) << line;
  EXPECT_EQ(words->back(), "tap:tap0,netns=/run/it's a \"name\" # of mine");
}

}  // namespace
}  // namespace rb
