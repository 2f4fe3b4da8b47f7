// SPDX-License-Identifier: GPL-2.0-or-later
// Runs every command of the golden transcript through the built rbctl, called as brctl, against a real ringbridged, and
// compares the outputs. expected() lists the deliberate differences (docs/brctl.md).
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "running_daemon.hpp"
#include "tests/control/golden.hpp"

namespace rb::test {
namespace {

/// Hides values that differ from run to run: the address in bridge ids and in MAC tables, and the phase of a timer.
std::string normalised(std::string text) {
  text = std::regex_replace(text, std::regex("([0-9a-f]{4})\\.[0-9a-f]{12}"), "$1.ADDRESS");
  text = std::regex_replace(text, std::regex("([0-9a-f]{2}:){5}[0-9a-f]{2}"), "MAC");
  return std::regex_replace(text, std::regex("gc timer\\t\\t *[0-9.]+"), "gc timer\t\tTIME");
}

std::string replaced(const std::string& text, const std::string& from, const std::string& to) {
  return std::regex_replace(text, std::regex(from), to);
}

/// Returns the output that ours must print where the kernel's bridge printed `golden`. `occurrence` counts equal
/// commands from 0.
GoldenStep expected(GoldenStep golden, int occurrence) {
  golden.output = normalised(golden.output);
  if (golden.command == "brctl addbr thisnameiswaytoolong") {  // refused, not cut off
    return {golden.command,
            "add bridge failed: 'thisnameiswaytoolong' is no interface name: it has more than 15 octets\n", 1};
  }
  if (golden.command == "brctl setbridgeprio br0 70000") {  // refused, not cut off
    return {golden.command, "set bridge priority failed: Numerical result out of range\n", 1};
  }
  if (golden.command == "brctl showmacs br0") {  // the bridge's own address is local, and addresses of taps are not
    return {golden.command, "port no\tmac addr\t\tis local?\tageing timer\n  0\tMAC\tyes\t\t   0.00\n", 0};
  }
  if (golden.command == "brctl show") golden.output = replaced(golden.output, "thisnameiswayto.*\n", "");
  if (golden.command == "brctl showstp br0" && occurrence == 1) {
    // The priority from before the refused 70000 is still set. A disabled port also shows a new priority at once.
    golden.output = replaced(golden.output, "(1170|8000)\\.", "1000.");
    golden.output = replaced(golden.output, "(4001[^]*designated port\t)8001", "$014001");
  }
  return golden;
}

TEST(BrctlGolden, PrintsWhatBridgeUtilsPrints) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: it makes taps in a network namespace";
  const RunningDaemon daemon;
  std::map<std::string, int> occurrences;
  for (const GoldenStep& golden : read_transcript("brctl-transcript.txt")) {
    const CommandResult result = run_shell(golden.command);
    const int occurrence = occurrences[golden.command]++;
    const GoldenStep wanted = expected(golden, occurrence);
    EXPECT_EQ(normalised(result.output), wanted.output) << golden.command;
    EXPECT_EQ(result.exit_status, wanted.exit_status) << golden.command;
  }
}

}  // namespace
}  // namespace rb::test
