// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/read_command.hpp"

#include <gtest/gtest.h>

#include "tests/control/objects.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// Runs a command against a daemon that gives one answer, and keeps the request.
struct Reading {
  json answer;
  OutputOptions options = {};
  Request asked = {};
  Result<std::string> text = {};

  Reading& run(const std::string& line) {
    asked = {};
    const auto call = [this](const Request& request) -> Result<json> {
      asked = request;
      return answer;
    };
    text = run_read_command(split_words(line).value(), options, call);
    return *this;
  }
};

void expect_request(const std::string& line, const std::string& method, const std::string& params) {
  const Request asked = Reading{}.run(line).asked;
  EXPECT_EQ(asked.method, method) << line;
  EXPECT_EQ(asked.params, json::parse(params)) << line;
}

TEST(ReadCommand, AsksForWhatTheWordsSay) {
  expect_request("show", "bridge.list", "{}");
  expect_request("show br0 br1", "bridge.list", R"({"names":["br0","br1"]})");
  expect_request("showmacs br0", "fdb.list", R"({"bridge":"br0"})");
  expect_request("showstp br0", "bridge.list", R"({"names":["br0"]})");
  expect_request("spanning-tree", "spanning_tree.list", "{}");
  expect_request("spanning-tree br0", "spanning_tree.list", R"({"bridge":"br0"})");
  expect_request("spanning-tree show mcheck", "spanning_tree.list", R"({"bridge":"mcheck"})");
  expect_request("fdb", "fdb.list", "{}");
  expect_request("fdb show br br0 brport tap0 permanent", "fdb.list",
                 R"({"bridge":"br0","port":"tap0","kind":"local"})");
  expect_request("fdb get 2:0:0:0:0:1 br br0", "fdb.get", R"({"mac":"02:00:00:00:00:01","bridge":"br0"})");
  expect_request("link show dev tap0 master br0", "port.list", R"({"name":"tap0","bridge":"br0"})");
  expect_request("stats dev tap0", "stats.get", R"({"port":"tap0"})");
  expect_request("dump", "config.dump", "{}");
  expect_request("info", "daemon.info", "{}");
}

TEST(ReadCommand, BuildsTheFrameToTrace) {
  expect_request("trace br0 --in tap0 02:00:00:00:00:02 02000000 0001 0800", "trace",
                 R"({"bridge":"br0","port":"tap0","frame":"0200000000020200000000010800"})");
  expect_request("trace br0 in tap0 dst ff:ff:ff:ff:ff:ff src 02:00:00:00:00:01 vlan 5 type 0x806 size 20", "trace",
                 R"({"bridge":"br0","port":"tap0","frame":"ffffffffffff02000000000181000005)"
                 R"(08060000"})");
  expect_request("trace br0 --in tap0 size 4 dst ff:ff:ff:ff:ff:ff src 02:00:00:00:00:01", "trace",
                 R"({"bridge":"br0","port":"tap0","frame":"ffffffff"})");
}

TEST(ReadCommand, RefusesWhatItDoesNotUnderstandWithoutAsking) {
  for (const char* line : {"foo", "", "showmacs", "showmacs br0 br1", "fdb show vlan x", "fdb get 02:00:00:00:00:01",
                           "link show tap0", "dump all", "trace br0", "trace br0 --in tap0", "trace br0 --in tap0 0",
                           "trace br0 --in tap0 xy", "trace br0 --in tap0 src 02:00:00:00:00:01",
                           "trace br0 --in tap0 dst 02:00:00:00:00:01 src 02:00:00:00:00:02 vlan 4095",
                           "trace br0 --in tap0 dst 02:00:00:00:00:01 src 02:00:00:00:00:02 size 99999"}) {
    Reading reading;
    reading.run(line);
    EXPECT_FALSE(reading.text.has_value()) << line;
    EXPECT_TRUE(reading.asked.method.empty()) << line;
  }
}

TEST(ReadCommand, PrintsTextOrJson) {
  Reading reading{{{"entries", {test::fdb_entry("02:00:00:00:00:01", "tap0", 1, "static")}}}};
  EXPECT_EQ(reading.run("fdb show").text.value(), "02:00:00:00:00:01 dev tap0 master br0 static\n");
  reading.options.json = true;
  EXPECT_EQ(reading.run("fdb show").text.value(),
            R"([{"mac":"02:00:00:00:00:01","ifname":"tap0","flags":[],"master":"br0","state":"static"}])"
            "\n");
}

TEST(ReadCommand, PrintsStatisticsWithTheDropsThatHappened) {
  const json traffic = json::parse(R"({"unicast":{"frames":1,"bytes":60},"multicast":{"frames":0,"bytes":0},
                                       "broadcast":{"frames":2,"bytes":120}})");
  Reading reading{{{"ports", json::array({{{"name", "tap0"},
                                           {"bridge", "br0"},
                                           {"rx", traffic},
                                           {"tx", traffic},
                                           {"forwarded", 1},
                                           {"flooded", 1},
                                           {"copies", 3},
                                           {"drops", {{"runt", 0}, {"locked", 1}}}}})}}};
  EXPECT_EQ(reading.run("stats").text.value(),
            "tap0: master br0\n"
            "    rx unicast                1 frames                 60 bytes\n"
            "    rx multicast              0 frames                  0 bytes\n"
            "    rx broadcast              2 frames                120 bytes\n"
            "    tx unicast                1 frames                 60 bytes\n"
            "    tx multicast              0 frames                  0 bytes\n"
            "    tx broadcast              2 frames                120 bytes\n"
            "    forwarded 1 flooded 1 copies 3\n"
            "    dropped locked                 1 frames\n");
}

TEST(ReadCommand, PrintsATraceInOrder) {
  Reading reading{json::parse(R"({"steps":[{"stage":"parse","text":"14 octets"},{"stage":"look_up","text":"unknown"}],
                                  "egress":["tap1"],"drop":null})")};
  EXPECT_EQ(reading.run("trace br0 --in tap0 src 02:00:00:00:00:01 dst 02:00:00:00:00:02").text.value(),
            "parse    14 octets\nlook_up  unknown\nresult   leaves by tap1\n");
  reading.answer.update({{"egress", json::array()}, {"drop", "no_egress"}});
  EXPECT_EQ(reading.run("trace br0 --in tap0 src 02:00:00:00:00:01 dst 02:00:00:00:00:02").text.value(),
            "parse    14 octets\nlook_up  unknown\nresult   dropped: no_egress\n");
}

TEST(ReadCommand, GivesTheDaemonsErrorOn) {
  const auto call = [](const Request&) -> Result<json> { return fail(ErrorCode::kNoSuchBridge, "no bridge br9"); };
  const std::vector<std::string> words = {"showmacs", "br9"};
  EXPECT_EQ(run_read_command(words, {}, call).error().message, "no bridge br9");
}

TEST(ReadCommand, SurvivesAnAnswerOfAnotherShape) {
  for (const char* line : {"show", "fdb", "link", "stats", "dump", "trace br0 --in tap0 00"}) {
    Reading reading{{{"entries", 5}}};
    EXPECT_FALSE(reading.run(line).text.has_value()) << line;
  }
}

TEST(MonitorCommand, SaysWhichEventsAreWanted) {
  const auto parse = [](const char* line) { return parse_monitor_command(split_words(line).value()); };
  EXPECT_EQ(parse("")->request.params, json::object());
  EXPECT_EQ(parse("")->banner, MonitorBanner::kWithout);
  EXPECT_EQ(parse("all")->banner, MonitorBanner::kWith);
  EXPECT_EQ(parse("fdb")->request.params, json::parse(R"({"kinds":["fdb"]})"));
  EXPECT_EQ(parse("link")->request.params, json::parse(R"({"kinds":["port","bridge"]})"));
  EXPECT_FALSE(parse("mdb").has_value());
}

}  // namespace
}  // namespace rb
