// SPDX-License-Identifier: GPL-2.0-or-later
// Repeats the steps of the transcript, which used two kernel bridges, with two bridges of a real ringbridged, and
// compares showstp.
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "lab.hpp"
#include "switch_events.hpp"
#include "tests/control/golden.hpp"

namespace rb::test {
namespace {

/// Replaces the value of a timer by whether the timer runs. Some timers run for milliseconds only.
std::string masked(std::string text) {
  text = std::regex_replace(text, std::regex("(hold|gc|tcn) timer\\t+ *[0-9.]+"), "$1 timer\tTIME");
  for (const char* timer : {"hello", "topology change", "message age", "forward delay"}) {
    const std::string words = timer + std::string(" timer");
    text = std::regex_replace(text, std::regex("(" + words + "\\t+)(?! *0\\.00\\b) *[0-9.]+"), "$1RUNS");
  }
  return text;
}

/// Applies the differences of ours (docs/brctl.md): the ageing time is the time by which stations age now, and a port
/// that stops forwarding is not yet a topology change.
std::string expected(const GoldenStep& golden) {
  std::string text =
      std::regex_replace(masked(golden.output), std::regex("ageing time\t\t   4.00"), "ageing time\t\t   2.00");
  if (golden.section == "another way") text = std::regex_replace(text, std::regex("TOPOLOGY_CHANGE_DETECTED "), "");
  return text;
}

nlohmann::json bridge(const std::string& name) {
  return Lab::call("bridge.list", {{"names", {name}}})["bridges"][0];
}
std::string state(const std::string& port) {
  return Lab::port(port)["state"];
}

using StpGolden = LabTest;

TEST_F(StpGolden, ShowsWhatTheKernelsBridgeShows) {
  const RunningDaemon daemon;
  SwitchEvents events;
  // These conditions begin the sections of the transcript.
  const std::map<std::string, std::function<bool()>> begins = {
      {"", [] { return true; }},
      {"with carrier",
       [] {
         return eventually([] { return run_shell("ip link show up | grep -c '[ab][01].*LOWER_UP'").output == "4\n"; });
       }},
      {"listening",
       [] { return bridge("br0")["root_port"] == 1 && state("a0") == "listening" && state("a1") == "blocking"; }},
      {"forwarding",
       [] {
         return state("a0") == "forwarding" && bridge("br0")["topology_change"] == true &&
                bridge("br0")["topology_change_detected"] == false && state("b0") == "forwarding" &&
                state("b1") == "forwarding" && bridge("br1")["topology_change_detected"] == true &&
                Lab::port("b0")["config_pending"] == false && Lab::port("b1")["config_pending"] == false;
       }},
      {"another way", [] { return true; }},
  };
  std::string section;
  for (const GoldenStep& golden : read_transcript("brctl-stp-transcript.txt")) {
    if (golden.section != section) {
      section = golden.section;
      ASSERT_TRUE(events.until(begins.at(section))) << section << '\n' << run_shell("brctl showstp br0").output;
    }
    const CommandResult result = run_shell(golden.command);
    EXPECT_EQ(masked(result.output), expected(golden)) << section << ": " << golden.command;
    EXPECT_EQ(result.exit_status, golden.exit_status) << golden.command;
  }
}

}  // namespace
}  // namespace rb::test
