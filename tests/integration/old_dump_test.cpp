// SPDX-License-Identifier: GPL-2.0-or-later
// Tests that a dump of an earlier version loads, and that a new dump has the same settings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "lab.hpp"
#include "test_paths.hpp"

namespace rb::test {
namespace {

using OldDump = LabTest;

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  return {std::istream_iterator<std::string>(stream), {}};
}

/// Returns one statement a line: `link set` with several settings becomes one line for each of them.
std::set<std::string> statements_of(const std::string& dump) {
  std::set<std::string> statements;
  std::istringstream lines(dump);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> words = words_of(line);
    if (words.size() < 4 || words[0] != "link" || words[1] != "set") {
      statements.insert(line);
      continue;
    }
    const bool port = words[2] == "dev";
    const std::string target = port ? "port " + words[3] : words[2];
    std::size_t next = port ? 4 : 3;
    for (; next + 1 < words.size(); next += 2) {
      std::string value = words[next + 1];
      // Version 0.1.0 wrote the number of a state, and on as 1.
      if (words[next] == "state" && value == "0") value = "disabled";
      if (words[next] == "vlan_filtering" && value == "1") value = "on";
      statements.insert(target + " has " + words[next] + ' ' + value);
    }
  }
  return statements;
}

TEST_F(OldDump, Of0_1_0LoadsAndIsDumpedWithTheSameMeaning) {
  Lab lab;
  const std::string directory = lab.daemon.directory();
  std::ifstream golden(RB_SOURCE_DIR "/tests/golden/dump-0.1.0.txt");
  std::string old_dump{std::istreambuf_iterator<char>(golden), {}};
  ASSERT_FALSE(old_dump.empty());
  for (std::size_t at = 0; (at = old_dump.find("@DIRECTORY@", at)) != std::string::npos;)
    old_dump.replace(at, std::string("@DIRECTORY@").size(), directory);
  const std::string file = directory + "/old";
  std::ofstream(file) << old_dump;
  Lab::ok("ip tuntap add dev tap0 mode tap && ip link add veth0 type veth peer name veth1");
  (void)lab.daemon.stop();
  lab.daemon.start({"--no-host-port", "--config", file});
  const std::string dump = Lab::ok("rbctl dump | tee " + directory + "/new");
  EXPECT_EQ(statements_of(dump), statements_of(old_dump)) << dump;
  (void)lab.daemon.stop();
  lab.daemon.start({"--no-host-port", "--config", directory + "/new"});
  EXPECT_EQ(Lab::ok("rbctl dump"), dump) << "a dump of this version gives the same lines";
}

}  // namespace
}  // namespace rb::test
