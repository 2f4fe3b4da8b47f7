// SPDX-License-Identifier: GPL-2.0-or-later
// The messages of a real ringbridged: their levels, and their form for a terminal and for systemd's journal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "lab.hpp"
#include "test_paths.hpp"

namespace rb::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// A ringbridged beside the lab's own, with its standard error in a file.
class LogOfTheDaemon : public LabTest {
 protected:
  enum class Journal : std::uint8_t { kNo, kYes };

  void SetUp() override {
    LabTest::SetUp();
    if (!IsSkipped()) lab.emplace();
  }
  /// Starts the daemon with the words `options`, has one command carried out, ends the daemon, and returns its
  /// messages.
  std::string messages(const std::string& options, const std::string& command, Journal journal = Journal::kNo) {
    const std::string directory = lab->daemon.directory(), file = directory + "/log", socket = directory + "/log.sock";
    const pid_t child = ::fork();
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int log = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
      struct stat status{};
      ::fstat(log, &status);
      ::dup2(log, STDERR_FILENO);
      const std::string stream = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
      if (journal == Journal::kYes) ::setenv("JOURNAL_STREAM", stream.c_str(), 1);
      const std::string line =
          "exec " RB_BINARY_DIR "/control/ringbridged --no-host-port --socket " + socket + " " + options;
      ::execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
      ::_exit(127);
    }
    EXPECT_TRUE(eventually([&] { return run_shell("rbctl --socket " + socket + " info").exit_status == 0; }));
    Lab::ok("rbctl --socket " + socket + " " + command);
    ::kill(child, SIGTERM);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    std::ifstream text(file);
    return {std::istreambuf_iterator<char>(text), {}};
  }

  std::optional<Lab> lab;
};

TEST_F(LogOfTheDaemon, NamesTheProgramAndTheLevelWhereNoJournalReadsIt) {
  EXPECT_THAT(messages("", "addbr br0"),
              AllOf(StartsWith("ringbridged: notice: ready, version "), HasSubstr("\nringbridged: notice: stopping\n"),
                    Not(HasSubstr("debug"))));
}

TEST_F(LogOfTheDaemon, CarriesLevelsAsTheJournalReadsThem) {
  const std::string log = messages("--log-level debug", "addbr br0", Journal::kYes);
  EXPECT_THAT(log, AllOf(StartsWith("<5>ready, version "), HasSubstr("\n<7>user 0 calls bridge.add\n"),
                         HasSubstr("\n<5>stopping\n"), Not(HasSubstr("ringbridged: "))));
}

TEST_F(LogOfTheDaemon, HoldsWhatItsLevelAsksFor) {
  EXPECT_THAT(messages("--log-level debug", "addbr br0"), HasSubstr("ringbridged: debug: user 0 calls bridge.add\n"));
  EXPECT_EQ(messages("--log-level warning", "addbr br0"), "");
}

TEST_F(LogOfTheDaemon, ALevelThatDoesNotExistIsRefusedWithTheLevelsThatDo) {
  const CommandResult result = run_shell(RB_BINARY_DIR "/control/ringbridged --log-level loud");
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.output, AllOf(HasSubstr("'loud'"), HasSubstr("error, warning, notice, info, debug")));
}

}  // namespace
}  // namespace rb::test
