// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/brctl_words.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "control/rbctl/brctl_text.hpp"
#include "control/words/command_table.hpp"
#include "tests/control/golden.hpp"
#include "tests/control/objects.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// Runs brctl with a daemon that gives one answer to everything, and keeps the requests.
struct Brctl {
  Result<json> answer = json::object();
  std::vector<Request> requests;
  std::string out, err;
  int status = -1;

  Brctl& run(const std::string& line) {
    std::ostringstream out_stream, err_stream;
    const auto call = [this](const Request& request) {
      requests.push_back(request);
      return answer;
    };
    status = run_brctl(split_words(line).value(), call, out_stream, err_stream);
    out = out_stream.str();
    err = err_stream.str();
    return *this;
  }
};

Brctl run_against(ErrorCode code, const std::string& line) {
  Brctl brctl;
  brctl.answer = fail(code, "the daemon's own words");
  brctl.run(line);
  return brctl;
}

// "lo" is an interface that exists but is no port. The transcript's tap1 does not exist on this machine.
TEST(BrctlWords, AnswersErrorsInTheWordsOfBridgeUtils) {
  const struct {
    const char* line;
    int occurrence;
    ErrorCode code;
  } cases[] = {
      {"brctl addbr br0", 1, ErrorCode::kBridgeExists},
      {"brctl addif br0 tap0", 0, ErrorCode::kAlreadyMember},
      {"brctl addif br0 nosuch", 0, ErrorCode::kNoSuchInterface},
      {"brctl addif br1 tap0", 0, ErrorCode::kAlreadyMember},
      {"brctl show nosuch", 0, ErrorCode::kNoSuchBridge},
      {"brctl showmacs nosuch", 0, ErrorCode::kNoSuchBridge},
      {"brctl setfd br0 1", 0, ErrorCode::kOutOfRange},
      {"brctl sethello br0 20", 0, ErrorCode::kOutOfRange},
      {"brctl setmaxage br0 100", 0, ErrorCode::kOutOfRange},
      {"brctl setpathcost br0 tap9 50", 0, ErrorCode::kNoSuchPort},
      {"brctl setpathcost br0 tap0 0", 0, ErrorCode::kOutOfRange},
      {"brctl setportprio br0 tap0 300", 0, ErrorCode::kOutOfRange},
      {"brctl hairpin br0 tap9 on", 0, ErrorCode::kNoSuchPort},
      {"brctl delif br0 nosuch", 0, ErrorCode::kNoSuchPort},
      {"brctl delbr br0", 0, ErrorCode::kBridgeUp},
      {"brctl delbr br0", 2, ErrorCode::kNoSuchBridge},
  };
  for (const auto& [line, occurrence, code] : cases) {
    const Brctl brctl = run_against(code, line);
    const test::GoldenStep golden = test::golden_brctl(line, occurrence);
    EXPECT_EQ(brctl.err, golden.output) << line;
    EXPECT_EQ(brctl.out, "") << line;
    EXPECT_EQ(brctl.status, golden.exit_status) << line;
  }
}

TEST(BrctlWords, TellsAnInterfaceThatExistsFromOneThatDoesNot) {
  EXPECT_EQ(run_against(ErrorCode::kNoSuchPort, "brctl delif br0 lo").err, "device lo is not a port of br0\n");
  EXPECT_EQ(run_against(ErrorCode::kNoSuchBridge, "brctl delif nosuch lo").err, "bridge nosuch does not exist!\n");
  EXPECT_EQ(run_against(ErrorCode::kNoSuchBridge, "brctl addif nosuch lo").err, "bridge nosuch does not exist!\n");
  EXPECT_EQ(run_against(ErrorCode::kNoSuchBridge, "brctl addif nosuch nosuch2").err,
            "interface nosuch2 does not exist!\n");
  EXPECT_EQ(run_against(ErrorCode::kNoSuchBridge, "brctl show lo").err, "device lo is not a bridge!\n");
  EXPECT_EQ(run_against(ErrorCode::kNoSuchBridge, "brctl showstp lo").err, "device lo is not a bridge!\n");
  EXPECT_EQ(run_against(ErrorCode::kNoSuchBridge, "brctl showmacs lo").err,
            "read of forward table failed: Operation not supported\n");
  EXPECT_EQ(run_against(ErrorCode::kNoSuchPort, "brctl setpathcost br0 lo 5").err,
            "set path cost failed: No such file or directory\n");
  EXPECT_EQ(run_against(ErrorCode::kNoSuchPort, "brctl hairpin br0 lo on").err,
            "can't set lo to hairpin on bridge br0: No such file or directory\n");
  EXPECT_EQ(run_against(ErrorCode::kNoSuchBridge, "brctl hairpin nosuch lo on").err, "bridge nosuch does not exist!\n");
}

TEST(BrctlWords, SaysMissingPermissionAsBridgeUtilsDoes) {
  const auto words = [](const std::string& line) { return run_against(ErrorCode::kPermission, line).err; };
  EXPECT_EQ(words("brctl addbr x"), "add bridge failed: Operation not permitted\n");
  EXPECT_EQ(words("brctl delbr br0"), "can't delete bridge br0: Operation not permitted\n");
  EXPECT_EQ(words("brctl addif br0 tap1"), "can't add tap1 to bridge br0: Operation not permitted\n");
  EXPECT_EQ(words("brctl delif br0 tap0"), "can't delete tap0 from br0: Operation not permitted\n");
  EXPECT_EQ(words("brctl stp br0 on"), "set stp status failed: Operation not permitted\n");
}

TEST(BrctlWords, UsesTheDaemonsSentenceWhereErrnoWouldSayNothing) {
  EXPECT_EQ(run_against(ErrorCode::kNotSupported, "brctl stp br0 on").err,
            "set stp status failed: the daemon's own words\n");
  EXPECT_EQ(run_against(ErrorCode::kInvalidArgument, "brctl addbr thisnameiswaytoolong").err,
            "add bridge failed: the daemon's own words\n");
}

TEST(BrctlWords, RefusesBadArgumentsWithoutAskingTheDaemon) {
  for (const char* line : {"brctl", "brctl foo", "brctl addbr", "brctl stp br0", "brctl stp br0 maybe",
                           "brctl setageing br0 abc", "brctl hairpin br0 tap0 maybe"}) {
    Brctl brctl;
    brctl.run(line);
    const test::GoldenStep golden = test::golden_brctl(line);
    EXPECT_EQ(brctl.err + brctl.out, golden.output) << line;
    EXPECT_EQ(brctl.status, golden.exit_status) << line;
    EXPECT_TRUE(brctl.requests.empty()) << line;
  }
  EXPECT_EQ(Brctl().run("brctl setfd br0 x").err, "bad forward delay value\n");
  EXPECT_EQ(Brctl().run("brctl sethello br0 x").err, "bad hello timer value\n");
  EXPECT_EQ(Brctl().run("brctl setmaxage br0 ''").err, "bad max age value\n");
  EXPECT_EQ(Brctl().run("brctl setbridgeprio br0 x").err, "bad priority\n");
  EXPECT_EQ(Brctl().run("brctl setpathcost br0 tap0 x").err, "bad path cost value\n");
  EXPECT_EQ(Brctl().run("brctl setportprio br0 tap0 x").err, "bad path priority value\n");
}

TEST(BrctlWords, PrintsTooFewArgumentsOnStandardOutput) {
  EXPECT_EQ(Brctl().run("brctl addif br0").err, "");
  EXPECT_EQ(Brctl().run("brctl addif br0").out,
            "Incorrect number of arguments for command\n"
            "Usage: brctl addif <bridge> <device>\tadd interface to bridge\n");
}

TEST(BrctlWords, TakesOptionsAnywhere) {
  EXPECT_EQ(Brctl().run("brctl --version").out, test::golden_brctl("brctl --version").output);
  EXPECT_EQ(Brctl().run("brctl --version").status, 0);
  EXPECT_EQ(Brctl().run("brctl show -h").out, test::golden_brctl("brctl --help").output);
  testing::internal::CaptureStderr();
  const Brctl brctl = Brctl().run("brctl setageing br0 -5");
  EXPECT_EQ(testing::internal::GetCapturedStderr() + brctl.err + brctl.out,
            test::golden_brctl("brctl setageing br0 -5").output);
  EXPECT_EQ(brctl.status, 1);
}

TEST(BrctlWords, ReadsNumbersAsLooselyAsScanf) {
  Brctl brctl;
  brctl.run("brctl setbridgeprio br0 0x1000");
  brctl.run("brctl setbridgeprio br0 010");
  brctl.run("brctl setbridgeprio br0 12abc");
  brctl.run("brctl setageing br0 1.5s");
  brctl.run("brctl setageing br0 1e2 ignored");
  ASSERT_EQ(brctl.requests.size(), 5U);
  EXPECT_EQ(brctl.requests[0].params["priority"], 4096);
  EXPECT_EQ(brctl.requests[1].params["priority"], 8);
  EXPECT_EQ(brctl.requests[2].params["priority"], 12);
  EXPECT_EQ(brctl.requests[3].params["ageing_s"], 1.5);
  EXPECT_EQ(brctl.requests[4].params["ageing_s"], 100);
}

TEST(BrctlWords, StopsAtTheFirstDeviceThatFails) {
  Brctl brctl;
  brctl.answer = fail(ErrorCode::kAlreadyMember, "");
  brctl.run("brctl addif br0 tap0 tap1");
  EXPECT_EQ(brctl.requests.size(), 1U);
  brctl.answer = json::object();
  brctl.requests.clear();
  brctl.run("brctl addif br0 tap0 tap1");
  ASSERT_EQ(brctl.requests.size(), 2U);
  EXPECT_EQ(brctl.requests[1].params, json::parse(R"({"bridge":"br0","port":{"name":"tap1"}})"));
}

TEST(BrctlWords, ShowGoesOnAfterABridgeThatIsMissing) {
  std::ostringstream out, err;
  const auto call = [](const Request& request) -> Result<json> {
    if (request.params["names"][0] == "nosuch") return fail(ErrorCode::kNoSuchBridge, "");
    return json{{"bridges", {test::bridge_object("br1", json::array())}}};
  };
  EXPECT_EQ(run_brctl({"brctl", "show", "nosuch", "br1"}, call, out, err), 1);
  EXPECT_EQ(err.str(), "bridge nosuch does not exist!\n");
  EXPECT_EQ(out.str(), "bridge name\tbridge id\t\tSTP enabled\tinterfaces\nbr1\t\t8000.000000000000\tno\t\t\n");
}

TEST(BrctlWords, PrintsNothingWhenThereAreNoBridges) {
  Brctl brctl;
  brctl.answer = json{{"bridges", json::array()}};
  EXPECT_EQ(brctl.run("brctl show").out, "");
  EXPECT_EQ(brctl.status, 0);
}

TEST(BrctlWords, SurvivesAnAnswerOfAnotherShape) {
  Brctl brctl;
  EXPECT_EQ(brctl.run("brctl show").status, 1);
  EXPECT_NE(brctl.err, "");
}

TEST(BrctlWords, EveryCommandIsOneOfRbctlToo) {
  for (const BrctlCommand& brctl : kBrctlCommands) {
    const std::vector<std::string> words = {std::string(brctl.name)};
    const FoundCommand found = find_command(words);
    ASSERT_NE(found.command, nullptr) << brctl.name;
    const auto needed = std::ranges::count_if(found.command->arguments, [](const Argument& argument) {
      return argument.need == Need::kOne || argument.need == Need::kEach;
    });
    EXPECT_EQ(static_cast<std::size_t>(needed), brctl.argument_count) << brctl.name;
  }
}

}  // namespace
}  // namespace rb
