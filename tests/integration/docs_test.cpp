// SPDX-License-Identifier: GPL-2.0-or-later
// Runs every command of the labs in docs/ and compares its output with the page.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <fstream>

#include "open_vswitch.hpp"
#include "test_paths.hpp"

namespace rb::test {
namespace {

/// One "    $ command" of a page, and the indented lines below it.
struct Step {
  std::string command, output;
};

std::string without_trailing_blanks(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out += line.substr(0, line.find_last_not_of(" \t") + 1) + "\n";
  return out;
}

std::vector<Step> steps_of(const std::string& page) {
  std::ifstream lines(RB_SOURCE_DIR "/docs/" + page);
  const std::string indent = "    ", prompt = indent + "$ ";
  std::vector<Step> steps;
  bool in_output = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(prompt)) {
      steps.push_back({line.substr(prompt.size()), ""});
      in_output = true;
    } else if (in_output && line.starts_with(indent)) {
      steps.back().output += line.substr(indent.size()) + "\n";
    } else {
      in_output = false;
    }
  }
  return steps;
}

class Docs : public LabTest {
 protected:
  void SetUp() override {
    LabTest::SetUp();
    if (IsSkipped()) return;
    // Names of namespaces are files. The names of a page must not appear on the host.
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    std::filesystem::create_directories("/run/netns");
    ASSERT_EQ(::mount("none", "/run/netns", "tmpfs", 0, nullptr), 0);
  }
  static void go_through(const std::string& page, std::size_t least_steps) {
    const std::vector<Step> steps = steps_of(page);
    EXPECT_GT(steps.size(), least_steps);
    for (const auto& [command, output] : steps) {
      const CommandResult result = run_shell("cd " RB_SOURCE_DIR "\n" + command);
      ASSERT_EQ(without_trailing_blanks(result.output), output) << command;
    }
  }
};

TEST_F(Docs, VlansAreAsTheirPageSays) {
  const RunningDaemon daemon;
  const OpenVswitch ovs(daemon.directory(), UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)));
  go_through("vlans.md", 100);
}

TEST_F(Docs, SpanningTreeIsAsItsPageSays) {
  const RunningDaemon daemon;
  go_through("spanning-tree.md", 25);
}

}  // namespace
}  // namespace rb::test
