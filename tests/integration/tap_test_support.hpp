// SPDX-License-Identifier: GPL-2.0-or-later
// Helpers for the tap and link tests: private namespaces, ordinary users, awaited events.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

#include "ports/base/netns.hpp"
#include "ports/base/unique_fd.hpp"
#include "switch/result.hpp"

namespace rb::tap_test {

inline constexpr int kPatience_ms = 10'000;    // an awaited event counts as missing after this time
inline constexpr std::uint32_t kUser = 54321;  // the id of an ordinary user and group that does not exist
inline constexpr std::uint32_t kStranger = 54322;

/// Makes a network namespace that lives as long as the descriptor (and other references to it).
[[nodiscard]] inline UniqueFd make_netns() {
  UniqueFd made;
  std::thread([&made] {
    if (::unshare(CLONE_NEWNET) == 0) made.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  }).join();
  return made;
}

/// Each test runs in a network namespace of its own, which disappears with all its contents when the test ends.
class PrivateNetns : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    home_.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(home_);
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
  }
  void TearDown() override {
    if (home_ && ::setns(home_.get(), CLONE_NEWNET) != 0) std::abort();
  }

 private:
  UniqueFd home_;
};

/// The path by which another process finds this process's descriptor.
[[nodiscard]] inline std::string path_of(const UniqueFd& fd) {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd.get());
}

/// Runs `ip ARGUMENTS` in the calling thread's namespace.
[[nodiscard]] inline bool ip(const std::string& arguments) {
  return std::system(("ip " + arguments).c_str()) == 0;
}

/// Runs `ip ARGUMENTS` in another namespace.
[[nodiscard]] inline bool ip_in(int netns_fd, const std::string& arguments) {
  const Result<NetnsScope> scope = NetnsScope::enter(netns_fd);
  return scope && ip(arguments);
}

/// True if the descriptor has become readable or has an error.
[[nodiscard]] inline bool await_readable(int fd) {
  pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&wanted, 1, kPatience_ms) == 1;
}

/// Gives the calling process a /dev/net/tun of its own that everybody may open, as udev makes it. The machine's device
/// may be for root only.
[[nodiscard]] inline bool make_tun_device_public() {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", "/dev/net", "tmpfs", 0, "mode=0755") == 0 &&
         ::mknod("/dev/net/tun", S_IFCHR, makedev(10, 200)) == 0 && ::chmod("/dev/net/tun", 0666) == 0;
}

/// Returns the result of `action` in a child process that is an ordinary user without any capability.
[[nodiscard]] inline std::string as_user(std::uint32_t uid, std::uint32_t gid,
                                         const std::function<std::string()>& action) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    std::string answer = "cannot become that user";
    if (make_tun_device_public() && ::setgroups(0, nullptr) == 0 && ::setresgid(gid, gid, gid) == 0 &&
        ::setresuid(uid, uid, uid) == 0) {
      answer = action();
    }
    const bool written = ::write(write_end.get(), answer.data(), answer.size()) >= 0;
    ::_exit(written ? 0 : 1);
  }
  write_end.reset();
  std::string answer;
  char piece[512];
  for (ssize_t size = 0; (size = ::read(read_end.get(), piece, sizeof piece)) > 0;) {
    answer.append(piece, static_cast<std::size_t>(size));
  }
  ::waitpid(child, nullptr, 0);
  return answer;
}

/// Returns "ok", or the error's name and message.
template <typename T>
[[nodiscard]] std::string outcome(const Result<T>& result) {
  return result ? "ok" : std::string(error_name(result.error().code)) + ": " + result.error().message;
}

}  // namespace rb::tap_test
