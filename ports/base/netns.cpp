// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/base/netns.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace rb {
namespace {

constexpr const char* kOwnNetns = "/proc/thread-self/ns/net";

/// The check reads the magic of the file system first: NS_GET_NSTYPE could mean anything to another kind of file.
bool is_netns(int fd) {
  struct statfs file_system{};
  return ::fstatfs(fd, &file_system) == 0 && file_system.f_type == NSFS_MAGIC &&
         ::ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

Result<UniqueFd> open_namespace_file(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd)
    return fail(errno == EACCES ? ErrorCode::kPermission : ErrorCode::kInvalidArgument,
                fmt::format("cannot open the network namespace {}: {}", path, std::strerror(errno)));
  if (!is_netns(fd.get())) return fail(ErrorCode::kInvalidArgument, fmt::format("{} is not a network namespace", path));
  return fd;
}

bool is_process_id(const std::string& label) {
  return !label.empty() && label.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

std::uint64_t netns_id(int netns_fd) {
  struct stat status{};
  if (netns_fd < 0) return ::stat(kOwnNetns, &status) == 0 ? status.st_ino : 0;
  return is_netns(netns_fd) && ::fstat(netns_fd, &status) == 0 ? status.st_ino : 0;
}

Result<> check_netns(int netns_fd) {
  if (netns_fd < 0 || is_netns(netns_fd)) return {};
  return fail(ErrorCode::kInvalidArgument,
              "the descriptor given as a network namespace is not one; open /run/netns/NAME or /proc/PID/ns/net");
}

Result<NetnsScope> NetnsScope::enter(int netns_fd) {
  NetnsScope scope;
  if (Result<> checked = check_netns(netns_fd); !checked) return std::unexpected(checked.error());
  if (netns_fd < 0 || netns_id(netns_fd) == netns_id(-1)) return scope;
  UniqueFd home(::open(kOwnNetns, O_RDONLY | O_CLOEXEC));
  if (!home) {
    return fail(ErrorCode::kSystem,
                fmt::format("cannot open {}: {}; is /proc mounted?", kOwnNetns, std::strerror(errno)));
  }
  if (::setns(netns_fd, CLONE_NEWNET) != 0) {
    if (errno == EPERM) {
      return fail(ErrorCode::kPermission,
                  "entering another network namespace needs CAP_SYS_ADMIN; run as root, or start the switch inside it");
    }
    return fail(ErrorCode::kSystem, fmt::format("cannot enter the network namespace: {}", std::strerror(errno)));
  }
  scope.home_ = std::move(home);
  return scope;
}

NetnsScope::~NetnsScope() {
  if (!home_ || ::setns(home_.get(), CLONE_NEWNET) == 0) return;
  std::perror("ringbridge: cannot return to the own network namespace");
  std::abort();
}

Result<UniqueFd> open_netns(const std::string& label) {
  if (label.find('/') != std::string::npos) return open_namespace_file(label);
  Result<UniqueFd> named = open_namespace_file("/run/netns/" + label);
  if (named || !is_process_id(label)) return named;
  return open_namespace_file(fmt::format("/proc/{}/ns/net", label));
}

}  // namespace rb
