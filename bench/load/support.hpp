// SPDX-License-Identifier: GPL-2.0-or-later
// Helpers that the parts of the load generator share: devices in network namespaces, waiting, and giving up.
#pragma once

#include <fcntl.h>
#include <fmt/core.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "ports/base/unique_fd.hpp"

namespace bench {

/// Ends the program with a message, so that a failed measurement is not reported.
[[noreturn]] inline void die(std::string_view message) {
  fmt::print(stderr, "{}: {}\n", program_invocation_short_name, message);
  std::exit(1);
}
[[noreturn]] inline void die_of_errno(std::string_view what) {
  die(fmt::format("{}: {}", what, std::strerror(errno)));
}

/// NAME@NETNS, or NAME in the namespace of the caller.
struct Endpoint {
  std::string name;
  std::string netns;

  [[nodiscard]] static Endpoint parse(const std::string& text) {
    const std::size_t at = text.find('@');
    return {text.substr(0, at), at == std::string::npos ? "" : text.substr(at + 1)};
  }
};

/// Opens a namespace that `ip netns add` made; the result is empty for "". The error is a sentence.
[[nodiscard]] inline std::expected<rb::UniqueFd, std::string> open_netns(const std::string& name) {
  if (name.empty()) return {};
  rb::UniqueFd netns(open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns) return std::unexpected(fmt::format("namespace {}: {}", name, std::strerror(errno)));
  return netns;
}
[[nodiscard]] inline rb::UniqueFd open_netns_or_die(const std::string& name) {
  auto netns = open_netns(name);
  if (!netns) die(netns.error());
  return std::move(*netns);
}

/// Keeps the calling thread on one processor. -1 lets the scheduler choose.
inline void pin(int cpu) {
  if (cpu < 0) return;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(static_cast<std::size_t>(cpu), &cpus);
  if (pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus) != 0) die(fmt::format("no processor {}", cpu));
}

[[nodiscard]] inline double now_s() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

inline void sleep_s(double seconds) {
  timespec rest{static_cast<time_t>(seconds),
                static_cast<long>((seconds - static_cast<double>(static_cast<time_t>(seconds))) * 1e9)};
  while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {
  }
}

}  // namespace bench
