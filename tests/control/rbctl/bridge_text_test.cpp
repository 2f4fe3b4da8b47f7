// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/bridge_text.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/control/golden.hpp"
#include "tests/control/objects.hpp"

namespace rb {
namespace {

using nlohmann::json;
using test::fdb_entry;
using test::golden_bridge;
using test::port_object;

/// Returns the transcript's lines of entries that belong to the bridge. "self" entries are filters of the kernel's
/// devices.
std::string lines_with_master(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" master ") != std::string::npos) out += line + '\n';
  }
  return out;
}

json golden_entries() {
  return json::array({fdb_entry("02:aa:00:00:00:03", "tap0", 1, "local"),
                      fdb_entry("02:aa:00:00:00:01", "tap0", 1, "static"),
                      fdb_entry("02:00:00:00:00:10", "tap0", 1, "local")});
}

std::string fdb_lines(const BridgeTextOptions& options) {
  std::string out;
  for (const json& entry : golden_entries()) out += fdb_line(entry, options);
  return out;
}

TEST(BridgeText, PrintsFdbEntriesAsIproute2Does) {
  EXPECT_EQ(fdb_lines({}), lines_with_master(golden_bridge("bridge fdb show br br0")));
  EXPECT_EQ(fdb_lines({.statistics = true}), lines_with_master(golden_bridge("bridge -s fdb show br br0")));
  EXPECT_EQ(fdb_line(fdb_entry("02:aa:00:00:00:01", "tap0", 1, "static"), {}),
            golden_bridge("bridge fdb get 02:aa:00:00:00:01 br br0"));
}

TEST(BridgeText, PrintsLearnedEntriesWithoutAState) {
  const json entry = fdb_entry("02:00:00:00:00:77", "tap0", 1, "dynamic", 7);
  EXPECT_EQ(fdb_line(entry, {}), "02:00:00:00:00:77 dev tap0 master br0 \n");
  EXPECT_EQ(fdb_line(entry, {.statistics = true}), "02:00:00:00:00:77 dev tap0 used 7/7 master br0 \n");
  EXPECT_EQ(json_text(fdb_object(entry, {}), JsonLayout::kLine),
            R"({"mac":"02:00:00:00:00:77","ifname":"tap0","flags":[],"master":"br0","state":""})"
            "\n");
}

TEST(BridgeText, PrintsFdbEntriesAsIproute2sPrettyJson) {
  OrderedJson list = OrderedJson::array();
  for (const json& entry : golden_entries()) list.push_back(fdb_object(entry, {.statistics = true}));
  // The transcript's first five entries and its last two are the kernel's own "self" entries.
  const std::string golden = golden_bridge("bridge -j -s -p fdb show br br0");
  const std::size_t begin = golden.find("{\n        \"mac\": \"02:aa:00:00:00:03\"");
  const std::size_t end = golden.find(",{\n        \"mac\": \"33:33:00:00:00:01\",\n        \"ifname\": \"tap0\"");
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  EXPECT_EQ(json_text(list, JsonLayout::kPretty), "[ " + golden.substr(begin, end - begin) + " ]\n");
}

TEST(BridgeText, PrintsLinksAsIproute2Does) {
  json port = port_object("tap0", 1);
  EXPECT_EQ(link_lines(port, {}), golden_bridge("bridge link show"));
  EXPECT_EQ(link_lines(port, {.details = true}), golden_bridge("bridge -d link show"));
  EXPECT_EQ(json_text(OrderedJson::array({link_object(port, {.details = true})}), JsonLayout::kPretty),
            golden_bridge("bridge -j -d -p link show dev tap0"));
  port.update({{"learning", false},
               {"flood", false},
               {"guard", true},
               {"hairpin", true},
               {"isolated", true},
               {"root_block", false},
               {"cost", 20},
               {"priority", 8}});
  EXPECT_EQ(link_lines(port, {.details = true}), golden_bridge("bridge -d link show dev tap0"));
}

TEST(BridgeText, PrintsSettingsThatTheKernelsBridgeLacksBehindTheDetailsWhereTheyDiffer) {
  json port = port_object("tap0", 1);
  const std::string usual = link_lines(port, {.details = true});
  port.update({{"edge", "on"}, {"bpdu_filter", true}});
  EXPECT_EQ(link_lines(port, {.details = true}), usual + "    bpdu_filter on edge on\n");
  EXPECT_EQ(link_object(port, {.details = true})["edge"], "on");
  EXPECT_FALSE(link_object(port, {}).contains("edge"));
}

TEST(BridgeText, LaysOutNestedJsonAsIproute2Does) {
  const std::string golden = golden_bridge("bridge -j -p mdb show");
  EXPECT_EQ(json_text(OrderedJson::parse(golden), JsonLayout::kPretty), golden);
  EXPECT_EQ(json_text(OrderedJson::parse(R"([{"a":[],"b":{},"c":"\"\n"},{}])"), JsonLayout::kLine),
            R"([{"a":[],"b":{},"c":"\"\n"},{}])"
            "\n");
}

TEST(BridgeText, PrintsEventsAsTheMonitorDoes) {
  json event = {{"kind", "fdb"},  {"event", "add"},  {"mac", "02:00:00:00:00:77"},
                {"port", "tap0"}, {"bridge", "br0"}, {"entry", "dynamic"}};
  EXPECT_EQ(event_line(event, MonitorBanner::kWith), "[NEIGH]02:00:00:00:00:77 dev tap0 master br0 \n");
  event["entry"] = "static";
  EXPECT_EQ(event_line(event, MonitorBanner::kWithout), "02:00:00:00:00:77 dev tap0 master br0 static\n");
  event.update({{"event", "age"}, {"entry", "dynamic"}});
  EXPECT_EQ(event_line(event, MonitorBanner::kWithout), "Deleted 02:00:00:00:00:77 dev tap0 master br0 \n");
  event.update({{"event", "move"}, {"from", "tap1"}});
  EXPECT_EQ(event_line(event, MonitorBanner::kWithout), "02:00:00:00:00:77 dev tap0 master br0 moved from tap1\n");
  event = {
      {"kind", "port"}, {"event", "delete"}, {"name", "tap0"}, {"bridge", "br0"}, {"port", port_object("tap0", 1)}};
  EXPECT_EQ(event_line(event, MonitorBanner::kWith), "[LINK]Deleted " + golden_bridge("bridge link show"));
  event = {{"kind", "bridge"}, {"event", "delete"}, {"name", "br0"}};
  EXPECT_EQ(event_line(event, MonitorBanner::kWithout), "Deleted bridge br0\n");
  event = {{"kind", "stp"},       {"event", "root"},     {"bridge", "br0"},      {"root_id", "1000.020000000020"},
           {"root_port", "tap0"}, {"root_path_cost", 2}, {"topology_changes", 5}};
  EXPECT_EQ(event_line(event, MonitorBanner::kWith), "[STP]br0 root root 1000.020000000020 by tap0 cost 2 changes 5\n");
  event["root_port"] = nullptr;
  EXPECT_EQ(event_line(event, MonitorBanner::kWithout), "br0 root root 1000.020000000020 cost 2 changes 5\n");
  event = {{"kind", "loop"}, {"event", "closed"}, {"bridge", "br0"}, {"ports", {"tap0", "tap1"}}, {"closed_s", 60}};
  EXPECT_EQ(event_line(event, MonitorBanner::kWithout), "br0 closed dev tap0 dev tap1 for 60 s\n");
  event = {{"kind", "loop"},
           {"event", "flapping"},
           {"bridge", "br0"},
           {"ports", {"tap0", "tap1"}},
           {"mac", "02:00:00:00:00:01"},
           {"moves", 6},
           {"vlan", 10}};
  EXPECT_EQ(event_line(event, MonitorBanner::kWith),
            "[LOOP]br0 flapping dev tap0 dev tap1 02:00:00:00:00:01 vlan 10 moves 6\n");
  event = {{"kind", "stp"}, {"event", "root_guard"}, {"bridge", "br0"}, {"port", "tap0"}, {"on", false}};
  EXPECT_EQ(event_line(event, MonitorBanner::kWithout), "br0 root_guard tap0 off\n");
  EXPECT_EQ(event_line({{"kind", "lost"}, {"count", 12}}, MonitorBanner::kWith), "12 events were lost\n");
}

}  // namespace
}  // namespace rb
