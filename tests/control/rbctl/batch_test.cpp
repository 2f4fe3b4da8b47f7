// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/control/model_fixture.hpp"

namespace rb {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Runs batches against a switch in this process and records the methods that were called.
class BatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(run("addbr br0\naddif br0 tap0 tap1\n"));
    called.clear();
  }
  bool run(const std::string& text, bool force = false) {
    out.str("");
    err.str("");
    std::istringstream input(text);
    const BatchOptions options{.name = "lab.batch", .force = force, .output = {}};
    return run_batch(input, options, [this](const Request& request) { return answer(request); }, out, err);
  }
  Result<json> answer(const Request& request) {
    called.push_back(request.method);
    if (request.method == "batch") sizes.push_back(request.params.at("requests").size());
    const json result = fake.call(request.method, request.params);
    if (result.contains("error")) return fail(ErrorCode::kInvalidArgument, result.at("error").get<std::string>());
    return result;
  }

  testing::FakeSwitch fake;
  std::vector<std::string> called;
  std::vector<std::size_t> sizes;
  std::ostringstream out, err;
};

TEST_F(BatchTest, GivesChangesToTheDaemonTogether) {
  sizes.clear();
  EXPECT_TRUE(
      run("# access ports\nvlan add dev tap0 vid 10 pvid untagged\n\nvlan add dev tap1 vid 10\n"
          "rbctl vlan show vid 10   # what it looks like\nvlan del dev tap1 vid 10"));
  EXPECT_THAT(called, ElementsAre("batch", "vlan.list", "batch"));
  EXPECT_THAT(sizes, ElementsAre(2U, 1U));
  EXPECT_EQ(out.str(),
            "port              vlan-id  \ntap0              10 PVID Egress Untagged\n"
            "tap1              10\n");
  EXPECT_EQ(err.str(), "");
}

TEST_F(BatchTest, EndsAtTheLineThatFailsAndNamesIt) {
  EXPECT_FALSE(run("vlan add dev tap0 vid 10\nvlan add dev nosuch vid 10\nvlan add dev tap0 vid 11\n"));
  EXPECT_THAT(err.str(), HasSubstr("nosuch"));
  EXPECT_THAT(err.str(), ::testing::EndsWith("\nCommand failed lab.batch:2\n"));
  EXPECT_TRUE(run("vlan show dev tap0"));
  EXPECT_EQ(out.str(), "port              vlan-id  \ntap0              1 PVID Egress Untagged\n                  10\n");
}

TEST_F(BatchTest, WhatCannotBeReadFailsAfterAllBeforeIt) {
  for (const char* bad : {"vlan add dev tap0 vid", "frobnicate", "addbr 'br1", "vlan show dev nosuch"}) {
    EXPECT_FALSE(run(std::string("vlan add dev tap0 vid 20\n") + bad + "\nvlan add dev tap0 vid 21\n")) << bad;
    EXPECT_THAT(err.str(), ::testing::EndsWith("\nCommand failed lab.batch:2\n")) << bad;
    EXPECT_TRUE(run("vlan show dev tap0\nvlan del dev tap0 vid 20"));
    EXPECT_THAT(out.str(), ::testing::EndsWith("\n                  20\n")) << bad;
  }
}

TEST_F(BatchTest, ForceGoesOnAndStillEndsAsAFailure) {
  EXPECT_FALSE(
      run("vlan add dev nosuch vid 10\nfrobnicate\nvlan add dev tap0 vid 11\nvlan show dev nosuch\n"
          "vlan add dev tap0 vid 0\nvlan add dev tap0 vid 12\n",
          true));
  for (const char* line : {":1", ":2", ":4", ":5"}) EXPECT_THAT(err.str(), HasSubstr(std::string("lab.batch") + line));
  EXPECT_TRUE(run("vlan show dev tap0"));
  EXPECT_THAT(out.str(), ::testing::EndsWith("\n                  11\n                  12\n"));
}

TEST_F(BatchTest, ALongFileTakesSeveralCallsAndKeepsItsLineNumbers) {
  std::string text = "# one comment\n";
  for (int vid = 1; vid <= 2500; ++vid) text += "vlan add dev tap1 vid " + std::to_string(vid) + "\n";
  sizes.clear();
  EXPECT_FALSE(run(text + "vlan add dev tap1 vid 4095\n"));
  EXPECT_THAT(sizes, ElementsAre(1000U, 1000U, 501U));
  EXPECT_THAT(err.str(), HasSubstr("Command failed lab.batch:2502\n"));
  EXPECT_TRUE(run("vlan show dev tap1 vid 2500"));
  EXPECT_THAT(out.str(), HasSubstr("2500"));
}

TEST_F(BatchTest, LongLinesGoInAsManyCallsAsTheyNeed) {
  std::string vids, text;
  for (int vid = 2; vid < 4094; vid += 2) vids += (vids.empty() ? "" : ",") + std::to_string(vid);
  for (int i = 0; i < 100; ++i) text += "port tap1 mode trunk vids " + vids + "\n";
  sizes.clear();
  EXPECT_TRUE(run(text)) << err.str();
  EXPECT_GT(sizes.size(), 1U);
}

}  // namespace
}  // namespace rb
