// SPDX-License-Identifier: GPL-2.0-or-later
// How far words may be shortened, by the name that rbctl is called by and by whether a person types.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "running_daemon.hpp"

namespace rb::test {
namespace {

using ::testing::HasSubstr;

class RbctlNames : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: it creates a tap in a network namespace";
    daemon_.emplace();
    for (const char* name : {"bridge", "ip"})
      std::filesystem::create_symlink(RB_BINARY_DIR "/control/rbctl", daemon_->directory() / name);
    ASSERT_EQ(run_shell("rbctl addbr br0 && rbctl addif br0 tap:tap0,create").exit_status, 0);
  }
  static void expect(const std::string& command, int status, const std::string& output) {
    const CommandResult result = run_shell(command);
    EXPECT_EQ(result.exit_status, status) << command << '\n' << result.output;
    EXPECT_THAT(result.output, HasSubstr(output)) << command;
  }

  std::optional<RunningDaemon> daemon_;
};

TEST_F(RbctlNames, BridgeAndIpTakeIproute2sWords) {
  expect("bridge f a 02:aa:00:00:00:01 dev tap0 master static", 0, "");
  expect("bridge f s dev tap0", 0, "02:aa:00:00:00:01 dev tap0 master br0 static");
  expect("bridge f d 02:aa:00:00:00:01 dev tap0", 0, "");
  expect("bridge f fl dev tap0", 255, "'fl' has no meaning here");
  expect("bridge m", 255, "'mdb' is not a command");
  expect("bridge frob", 255, "'frob' is not a command");
  expect("printf 'v a dev tap0 vid 10\\nv s\\n' | bridge -batch -", 0, "10");
  expect("ip tuntap add dev tap7 mode tap && ip tunt d tap7", 0, "");
}

TEST_F(RbctlNames, RbctlTakesPrefixesAtATerminalOnly) {
  expect("rbctl v s", 1, "'v' is not a command");
  expect("printf 'v s\\n' | rbctl -batch -", 1, "Command failed -:1");
  expect("script --quiet --return --command 'rbctl v s' /dev/null", 0, "PVID");
  expect("script --quiet --return --command 'rbctl l s' /dev/null", 1, "'s' is ambiguous; it could be set, show");
}

TEST_F(RbctlNames, CompletionAsksTheDaemonThatTheSocketNames) {
  expect("rbctl --complete delif br0 ''", 0, "tap0\n");
  expect("RINGBRIDGE_SOCKET=/none rbctl --socket $RINGBRIDGE_SOCKET --complete showmacs ''", 0, "br0\n");
  const CommandResult silent = run_shell("RINGBRIDGE_SOCKET=/none rbctl --complete showmacs ''");
  EXPECT_EQ(silent.exit_status, 0);
  EXPECT_EQ(silent.output, "");
}

}  // namespace
}  // namespace rb::test
