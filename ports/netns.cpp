#include "ports/netns.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace rb {
namespace {

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";

}  // namespace

Result<NetnsVisit> NetnsVisit::enter(int netns_fd) {
  if (netns_fd < 0) return NetnsVisit(UniqueFd());
  UniqueFd home(open(kOwnNamespace, O_RDONLY | O_CLOEXEC));
  if (!home) return fail(ErrorCode::kSystem, fmt::format("cannot open {}: {}", kOwnNamespace, std::strerror(errno)));
  if (setns(netns_fd, CLONE_NEWNET) == 0) return NetnsVisit(std::move(home));
  if (errno == EPERM) {
    return fail(ErrorCode::kPermission,
                "ringbridged may not enter that network namespace: it lacks CAP_SYS_ADMIN over it; run it as root");
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("that is no network namespace that can be entered: {}", std::strerror(errno)));
}

NetnsVisit::~NetnsVisit() {
  if (!home_) return;
  if (setns(home_.get(), CLONE_NEWNET) == 0) return;
  // To go on in a foreign namespace would make taps in the wrong place from here on.
  std::perror("ringbridged: cannot return to its own network namespace");
  std::abort();
}

std::uint64_t netns_id(int netns_fd) {
  struct stat status{};
  const int result = netns_fd < 0 ? stat(kOwnNamespace, &status) : fstat(netns_fd, &status);
  return result == 0 ? status.st_ino : 0;
}

}  // namespace rb
