// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

namespace bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::array<std::size_t, 4> kMostOctets{9018, 9018, 9018, 65'553};  // maximum of each of four ports

std::expected<Request, std::string> read(std::string_view line) {
  return parse_request(line, kMostOctets);
}
std::string complaint(std::string_view line) {
  const auto request = read(line);
  return request ? "" : request.error();
}
/// Returns the complaint about a trial of frames with one flow from 0 to 1 and these further members.
std::string flow_complaint(const std::string& members) {
  return complaint(R"({"trial":"frames","flows":[{"from":0,"to":1,)" + members + "}]}");
}

TEST(Request, HasDefaults) {
  const auto request = read(R"({"trial":"frames","flows":[{"from":0,"to":1}]})");
  ASSERT_TRUE(request) << request.error();
  const auto& trial = std::get<FrameTrial>(*request);
  EXPECT_FALSE(trial.latency);
  EXPECT_FALSE(trial.counted());
  ASSERT_EQ(trial.flows.size(), 1U);
  const Flow& flow = trial.flows.front();
  EXPECT_EQ(flow.from, 0U);
  EXPECT_THAT(flow.to, ElementsAre(1U));
  EXPECT_EQ(flow.rate, 0);
  EXPECT_THAT(flow.sizes, ElementsAre(64U));
  EXPECT_EQ(flow.ethertype, 0x88b5);
}

TEST(Request, ReadsEverythingOfFrames) {
  const auto request = read(
      R"({"trial":"frames","seconds":0.5,"warm_up":0.2,"drain":0.3,"cpus":[0,1],"pids":[123],"latency":false,"sleep":true,)"
      R"("idle_ports":[3],"flows":[{"from":3,"to":[1,2],"rate":1000.5,"count":7,"sizes":[64,1518],"vlan":10,)"
      R"("stations":100,"first_station":5,"to_stations":1000000,"to_first_station":6,"retry":true,"window":64,)"
      R"("source":"02:00:00:00:00:09","ethertype":2048},{"from":0,"to":"broadcast","count":1,"vlan":null,"source":null},)"
      R"({"from":0,"to":"02:aa:00:00:00:01","count":1}]})");
  ASSERT_TRUE(request) << request.error();
  const auto& trial = std::get<FrameTrial>(*request);
  EXPECT_EQ(trial.seconds, 0.5);
  EXPECT_EQ(trial.warm_up_s, 0.2);
  EXPECT_EQ(trial.drain_s, 0.3);
  EXPECT_THAT(trial.cpus, ElementsAre(0, 1));
  EXPECT_THAT(trial.pids, ElementsAre(123));
  EXPECT_TRUE(trial.sleep);
  EXPECT_TRUE(trial.counted());
  EXPECT_THAT(trial.idle_ports, ElementsAre(3U));
  const Flow& flow = trial.flows[0];
  EXPECT_THAT(flow.to, ElementsAre(1U, 2U));
  EXPECT_EQ(flow.rate, 1000.5);
  EXPECT_EQ(flow.count, 7U);
  EXPECT_THAT(flow.sizes, ElementsAre(64U, 1518U));
  EXPECT_EQ(flow.vlan, 10);
  EXPECT_EQ(flow.stations, 100U);
  EXPECT_EQ(flow.first_station, 5U);
  EXPECT_EQ(flow.to_stations, 1'000'000U);
  EXPECT_EQ(flow.to_first_station, 6U);
  EXPECT_TRUE(flow.retry);
  EXPECT_EQ(flow.window, 64U);
  EXPECT_EQ(flow.source, rb::parse_mac("02:00:00:00:00:09"));
  EXPECT_EQ(flow.ethertype, 0x0800);
  EXPECT_TRUE(trial.flows[1].to_address->is_broadcast());
  EXPECT_EQ(trial.flows[2].to_address, rb::parse_mac("02:aa:00:00:00:01"));
}

TEST(Request, ReadsTcp) {
  const auto request = read(
      R"({"trial":"tcp","from":"a","to":"b","address":"192.168.223.2","streams":4,"seconds":1,"warm_up":0.1,"pids":[1]})");
  ASSERT_TRUE(request) << request.error();
  const auto& trial = std::get<TcpTrial>(*request);
  EXPECT_EQ(trial.from, "a");
  EXPECT_EQ(trial.to, "b");
  EXPECT_EQ(trial.address, "192.168.223.2");
  EXPECT_EQ(trial.streams, 4U);
  EXPECT_EQ(trial.warm_up_s, 0.1);
}

TEST(Request, IsNotAnything) {
  EXPECT_THAT(complaint(""), HasSubstr("no JSON"));
  EXPECT_THAT(complaint(std::string(100'000, '[')), HasSubstr("no JSON"));
  EXPECT_THAT(complaint("\xff"), HasSubstr("no JSON"));
  EXPECT_THAT(complaint("[]"), HasSubstr("the request is []; it has to be an object"));
  EXPECT_THAT(complaint("{}"), HasSubstr("trial is"));
  EXPECT_THAT(complaint(R"({"trial":"x"})"), HasSubstr(R"(trial is "x")"));
  EXPECT_THAT(complaint(R"({"trial":"frames"})"), HasSubstr("flows"));
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[]})"), HasSubstr("flows"));
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[3]})"), HasSubstr("flows[0] is 3"));
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[{"from":0,"to":1}],"speed":1})"), HasSubstr("\"speed\""));
  EXPECT_THAT(complaint(R"({"trial":"tcp"})"), HasSubstr("address"));
}

TEST(Request, NeedsPortsThatAreThere) {
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[{"from":4,"to":1}]})"),
              HasSubstr("flows[0].from is 4; it has to be 0 to 3"));
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[{"from":-1,"to":1}]})"), HasSubstr("flows[0].from is -1"));
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[{"from":0.5,"to":1}]})"), HasSubstr("whole number"));
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[{"to":1}]})"), HasSubstr("flows[0].from is missing"));
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[{"from":0}]})"), HasSubstr("flows[0].to is missing"));
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[{"from":0,"to":[1,4]}]})"), HasSubstr("flows[0].to is 4"));
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[{"from":0,"to":[]}]})"), HasSubstr("empty"));
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[{"from":0,"to":"all"}]})"), HasSubstr("broadcast"));
  EXPECT_THAT(complaint(R"({"trial":"frames","idle_ports":[4],"flows":[{"from":0,"to":1}]})"),
              HasSubstr("idle_ports is 4"));
  const auto none = parse_request(R"({"trial":"frames","flows":[{"from":0,"to":1}]})", {});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error(), HasSubstr("needs ports"));
}

TEST(Request, NeedsFlowsThatMakeSense) {
  EXPECT_EQ(flow_complaint(R"("sizes":[18,9022])"), "");
  EXPECT_THAT(flow_complaint(R"("sizes":[0])"), HasSubstr("sizes is 0; it has to be 18 to 9022"));
  EXPECT_THAT(flow_complaint(R"("sizes":[9023])"), HasSubstr("sizes is 9023"));
  EXPECT_THAT(flow_complaint(R"("sizes":[])"), HasSubstr("empty"));
  EXPECT_THAT(flow_complaint(R"("sizes":64)"), HasSubstr("list"));
  EXPECT_THAT(flow_complaint(R"("vlan":1,"sizes":[20])"), HasSubstr("22"));
  EXPECT_THAT(flow_complaint(R"("vlan":4095)"), HasSubstr("vlan is 4095"));
  EXPECT_THAT(flow_complaint(R"("rate":-1)"), HasSubstr("rate"));
  EXPECT_THAT(flow_complaint(R"("rate":"1")"), HasSubstr("a number"));
  EXPECT_THAT(flow_complaint(R"("stations":0)"), HasSubstr("stations"));
  EXPECT_THAT(flow_complaint(R"("stations":16777216,"first_station":1)"), HasSubstr("first_station"));
  EXPECT_THAT(flow_complaint(R"("retry":1)"), HasSubstr("true or false"));
  EXPECT_THAT(flow_complaint(R"("source":"02:00")"), HasSubstr("MAC address"));
  EXPECT_THAT(flow_complaint(R"("ethertype":65536)"), HasSubstr("ethertype"));
  EXPECT_THAT(flow_complaint(R"("size":64)"), HasSubstr("nothing is known as flows[0].\"size\""));
}

TEST(Request, TakesSuperFramesWhereAPortDoes) {
  EXPECT_EQ(complaint(R"({"trial":"frames","flows":[{"from":3,"to":1,"sizes":[64018]}]})"), "");
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[{"from":3,"to":1,"sizes":[64018,64]}]})"),
              HasSubstr("only one size"));
  EXPECT_THAT(complaint(R"({"trial":"frames","latency":true,"flows":[{"from":3,"to":1,"sizes":[64018]}]})"),
              HasSubstr("latency"));
}

TEST(Request, HasCountsInAllFlowsOrInNone) {
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[{"from":0,"to":1,"count":1},{"from":0,"to":1}]})"),
              HasSubstr("count"));
  EXPECT_THAT(complaint(R"({"trial":"frames","flows":[{"from":0,"to":1},{"from":0,"to":1,"count":1}]})"),
              HasSubstr("count"));
}

TEST(Request, HasRoomForStampsWhereTheyAreNeeded) {
  EXPECT_THAT(complaint(R"({"trial":"frames","latency":true,"flows":[{"from":0,"to":1,"sizes":[64,41]}]})"),
              HasSubstr("42 or more"));
  EXPECT_THAT(complaint(R"({"trial":"frames","latency":true,"flows":[{"from":0,"to":1,"ethertype":1}]})"),
              HasSubstr("0x88b5"));
  EXPECT_THAT(flow_complaint(R"("window":1,"to":"broadcast")"), HasSubstr("window"));
  EXPECT_EQ(flow_complaint(R"("window":1,"sizes":[18])"), "");
  EXPECT_THAT(flow_complaint(R"("window":1,"sizes":[18]},{"from":2,"to":[0,1],"window":1)"),
              HasSubstr("several windows"));
}

}  // namespace
}  // namespace bench
