// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the frames that leave by a port of each mode of `rbctl port`, for every kind of frame that comes in by a port
// of each mode.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "control/words/vlan_settings.hpp"
#include "test_paths.hpp"
#include "tests/switch/vlan_board.hpp"

namespace rb {
namespace {

using ::testing::ElementsAreArray;

/// The modes are in the order of the table.
const std::vector<PortMode> kModes = {
    {.name = "access", .vid = 10, .vids = {}},
    {.name = "trunk", .vids = {{10, 10}, {20, 20}}},
    {.name = "native-tagged", .native = 10, .vids = {{20, 20}}},
    {.name = "native-untagged", .native = 10, .vids = {{20, 20}}},
    {.name = "dot1q-tunnel", .vid = 10, .vids = {}},
};

std::vector<std::string> split(std::string text, const std::string& at) {
  std::vector<std::string> parts;
  for (std::size_t end; (end = text.find(at)) != std::string::npos; text.erase(0, end + at.size()))
    parts.push_back(text.substr(0, end));
  parts.push_back(text);
  return parts;
}

/// Returns the tags and type of a row's cell, in the form of tags_of(). The result is empty for a dropped frame.
std::string tags_and_type(const std::string& cell) {
  return cell == "dropped" ? "" : cell == "untagged" ? "88b5" : cell + " 88b5";
}

testing::VlanBoard board_of(const std::string& in, std::uint16_t tpid) {
  VidSet all;
  for (const Vid vid : {Vid{10}, Vid{20}}) all.set(vid);
  std::vector<PortVlans> ports;
  const auto add = [&](const PortMode& mode) { ports.push_back(relay_vlans(vlans_of_mode(mode).value(), {}, all)); };
  add(*std::ranges::find(kModes, in, &PortMode::name));
  for (const PortMode& mode : kModes) add(mode);
  return testing::VlanBoard(std::move(ports), tpid);
}

TEST(PortModes, DeliverWhatTheTableSaysForEveryCombination) {
  std::ifstream table(RB_SOURCE_DIR "/tests/golden/port-mode-rules.txt");
  std::size_t rows = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.starts_with('#')) continue;
    const std::vector<std::string> sides = split(line, " -> "), from = split(sides.at(0), " ");
    testing::Tags tags;
    for (std::size_t i = 2; i < from.size() && from[i] != "untagged"; ++i)
      tags.push_back(static_cast<std::uint32_t>(std::stoul(from[i], nullptr, 16)));
    testing::VlanBoard board = board_of(from.at(1), from.at(0) == "802.1ad" ? kTpidService : kTpidCustomer);
    const auto left = board.send(0, tags);
    std::vector<std::string> expected, leaves;
    for (const std::string& cell : split(sides.at(1), " | ")) expected.push_back(tags_and_type(cell));
    for (PortIndex port = 1; port <= kModes.size(); ++port) leaves.push_back(left.contains(port) ? left.at(port) : "");
    EXPECT_THAT(leaves, ElementsAreArray(expected)) << line;
    ++rows;
  }
  EXPECT_EQ(rows, 2 * 7 * kModes.size());
}

}  // namespace
}  // namespace rb
