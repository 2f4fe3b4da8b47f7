// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the commands of the golden transcript of `bridge vlan` through the built rbctl, against a real ringbridged with
// taps, and compares outputs and exit statuses. differences() lists the deliberate differences.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "running_daemon.hpp"
#include "tests/control/golden.hpp"

namespace rb::test {
namespace {

/// Our exit statuses of commands that end differently with the kernel's bridge.
const std::map<std::string, int>& differences() {
  static const std::map<std::string, int> map = {
      {"bridge vlan add dev tap0 vid 10x", 255},          // rbctl does not take it for 10
      {"bridge vlan add dev tap0 vid 20-20", 0},          // a range of one VLAN
      {"bridge vlan add dev tap0 vid 30 nonsense", 255},  // rbctl does not ignore the word
      {"bridge vlan add dev br0 vid 20", 0},              // the command is clear without "self"
      {"bridge vlan show vid 5000", 255},                 // not the same as a VLAN without members
      {"bridge fdb flush dev tap1 vlan 10", 0},           // Linux 6.1 cannot do this
      {"bridge fdb get 02:aa:00:00:00:01 br br0", 255},   // the same status as for its other errors
      {"ip link set br0 type bridge vlan_default_pvid 4095", 1},
      {"ip link set br0 type bridge vlan_protocol frob", 1},
  };
  return map;
}

/// True for features that rbctl does not have: colours, the kernel's multicast options, a port that is in no bridge.
/// Help is `rbctl --help`.
bool is_left_out(const std::string& command) {
  return command.starts_with("bridge -c ") || command.starts_with("bridge -d ") ||
         command.ends_with("dev alone vid 10") || command.ends_with(" help");
}

/// Undoes a command that the kernel's bridge refuses and rbctl accepts.
void undo_difference(const std::string& command) {
  if (command == "bridge vlan add dev tap0 vid 20-20") run_shell("rbctl vlan del dev tap0 vid 20");
  if (command == "bridge vlan add dev br0 vid 20") run_shell("rbctl vlan del dev br0 vid 20");
  // The kernel's bridge takes the number before the unknown word.
  if (command == "bridge vlan add dev tap0 vid 30 nonsense") run_shell("rbctl vlan add dev tap0 vid 30");
}

/// Returns the lines of `bridge fdb` about entered stations, sorted. The kernel's taps have further entries of their
/// own.
std::set<std::string> entered(const std::string& output) {
  std::set<std::string> lines;
  std::istringstream stream(output);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("02:aa:")) lines.insert(line);
  }
  return lines;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// Removes our additional counter, and the empty flags of a bridge's own interface.
std::string alike(const std::string& output) {
  return replaced(replaced(output, ",\"drops\":0", ""), ",\"flags\":[]", "");
}

class VlanGolden : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: it makes taps in a network namespace";
    daemon_.emplace();
    ASSERT_EQ(run_shell("rbctl addbr br0").exit_status, 0);
    for (const char* tap : {"tap0", "tap1", "tap2"})
      ASSERT_EQ(run_shell(std::string("rbctl addif br0 tap:") + tap + ",create").exit_status, 0);
  }

  /// Writes the files for `-batch`, in this order.
  void write_batch(int occurrence) const {
    std::ofstream(batch())
        << (occurrence < 2
                ? "vlan add dev tap0 vid 50\nvlan add dev nosuch vid 51\nvlan add dev tap0 vid 52\n"
                : "# a comment\n\nvlan add dev tap0 vid 60\nvlan show dev tap0\nvlan add dev tap0 vid 5000\n");
  }
  [[nodiscard]] std::string batch() const { return daemon_->directory() / "b"; }

  void check(const GoldenStep& golden) {
    const std::string& command = golden.command;
    std::string ours = std::regex_replace(command, std::regex("^(bridge|ip link set br0 type bridge) "),
                                          command.starts_with("ip") ? "rbctl link set br0 " : "rbctl ");
    if (command.ends_with("-batch /tmp/b")) {
      write_batch(batches_++);
      ours = replaced(ours, "/tmp/b", batch());
    }
    const CommandResult result = run_shell(ours);
    const auto different = differences().find(command);
    EXPECT_EQ(result.exit_status, different != differences().end() ? different->second : golden.exit_status)
        << command << '\n'
        << result.output;
    undo_difference(command);
    if (different != differences().end()) return;
    if (command.find("fdb") != std::string::npos) {
      EXPECT_EQ(entered(result.output), entered(golden.output)) << command;
    } else if (golden.exit_status == 0) {
      EXPECT_EQ(alike(result.output), alike(golden.output)) << command;
    } else if (command.find("-batch") != std::string::npos) {
      // The output is our own message about the error, then the kernel tool's message about the line.
      const std::string line =
          golden.output.substr(std::min(golden.output.find("Command failed"), golden.output.size()));
      if (line.starts_with("Command failed")) {
        EXPECT_TRUE(result.output.ends_with(replaced(line, "/tmp/b", batch()))) << result.output;
      } else {
        EXPECT_EQ(result.output, golden.output);
      }
    } else {
      const std::string sentence = result.output.substr(0, result.output.find("\nUsage: "));
      EXPECT_FALSE(sentence.empty()) << command;
      EXPECT_EQ(sentence.find('\n'), sentence == result.output ? sentence.size() - 1 : std::string::npos)
          << command << ": " << result.output;
    }
  }

  std::optional<RunningDaemon> daemon_;
  int batches_ = 0;
};

TEST_F(VlanGolden, PrintsWhatIproute2Prints) {
  std::string section;
  for (const GoldenStep& golden : read_transcript("bridge-vlan-transcript.txt")) {
    if (std::exchange(section, golden.section) != golden.section && section == "filtering on") {
      ASSERT_EQ(run_shell("rbctl link set br0 vlan_filtering 1").exit_status, 0);
    }
    if (!is_left_out(golden.command)) check(golden);
  }
}

}  // namespace
}  // namespace rb::test
