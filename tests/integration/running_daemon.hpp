// SPDX-License-Identifier: GPL-2.0-or-later
// A ringbridged of the build tree in a network namespace of its own, for tests that run as root.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ports/base/unique_fd.hpp"
#include "test_paths.hpp"

namespace rb::test {

/// The output of a shell command, with both streams together, and its exit status.
struct CommandResult {
  std::string output;
  int exit_status = -1;
};

inline CommandResult run_shell(const std::string& command) {
  // The braces send both streams of the whole command into one pipe.
  FILE* const pipe = ::popen(("{ " + command + "\n} 2>&1").c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  CommandResult result;
  std::array<char, 4096> buffer;
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    result.output.append(buffer.data(), size);
  }
  const int status = ::pclose(pipe);
  result.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

/// While this object lives, this thread and the programs that it starts are in a new network namespace, and a
/// ringbridged serves there. `rbctl` and `brctl` on the PATH are those of the build tree, and they reach this daemon.
class RunningDaemon {
 public:
  explicit RunningDaemon(std::vector<std::string> arguments = {}) {
    std::string directory = (std::filesystem::temp_directory_path() / "ringbridge-test-XXXXXX").string();
    if (::mkdtemp(directory.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = directory;
    std::filesystem::permissions(directory_, std::filesystem::perms(0755));
    const std::filesystem::path rbctl = RB_BINARY_DIR "/control/rbctl";
    std::filesystem::create_symlink(rbctl, directory_ / "rbctl");
    std::filesystem::create_symlink(rbctl, directory_ / "brctl");
    ::setenv("PATH", (directory + ":" + old_path_).c_str(), 1);
    ::setenv("RINGBRIDGE_SOCKET", (directory + "/control.sock").c_str(), 1);
    if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("unshare");
    start(std::move(arguments));
  }
  ~RunningDaemon() {
    if (pid_ > 0) (void)stop();
    (void)::setns(old_netns_.get(), CLONE_NEWNET);
    ::setenv("PATH", old_path_.c_str(), 1);
    ::unsetenv("RINGBRIDGE_SOCKET");
    std::filesystem::remove_all(directory_);
  }
  RunningDaemon(const RunningDaemon&) = delete;
  RunningDaemon& operator=(const RunningDaemon&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  /// Ends the daemon as a service manager does. Returns its exit status, or minus the signal that ended it.
  int stop() { return end_by(SIGTERM); }
  int kill_hard() { return end_by(SIGKILL); }

  /// Starts the daemon (again) and waits until it reports that it is ready.
  void start(std::vector<std::string> arguments = {}) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    output_.reset(ends[0]);
    UniqueFd write_end(ends[1]);
    // This argument is used in the whole test run, e.g. "--without=nowait,uso".
    if (const char* for_all = std::getenv("RINGBRIDGE_TEST_ARGUMENT")) arguments.insert(arguments.begin(), for_all);
    arguments.insert(arguments.begin(), "ringbridged");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves no daemon behind
      ::dup2(write_end.get(), STDOUT_FILENO);
      ::dup2(write_end.get(), STDERR_FILENO);
      ::execv(RB_BINARY_DIR "/control/ringbridged", argv.data());
      ::_exit(127);
    }
    write_end.reset();
    std::string text;
    std::array<char, 512> buffer;
    while (text.find("ready") == std::string::npos) {
      const ssize_t size = ::read(output_.get(), buffer.data(), buffer.size());
      if (size <= 0) throw std::runtime_error("ringbridged did not start: " + text);
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }

 private:
  int end_by(int signal) {
    if (pid_ <= 0) throw std::logic_error("the daemon has ended already");  // kill(-1) would end everything
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  const std::string old_path_ = std::getenv("PATH") != nullptr ? std::getenv("PATH") : "/usr/sbin:/usr/bin:/sbin:/bin";
  UniqueFd old_netns_{::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)};
  std::filesystem::path directory_;
  UniqueFd output_;  // kept open, so that the daemon can go on logging
  pid_t pid_ = -1;
};

}  // namespace rb::test
