// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/base/close_elsewhere.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace rb {
namespace {

/// Strangers can make each thread wait. When all of them wait, further descriptors wait with them.
constexpr unsigned kMaxThreads = 32;

struct Waiting {
  std::mutex mutex;
  std::deque<UniqueFd> fds;
  unsigned threads = 0;
};

/// The object is never destroyed: a thread may still wait when the process ends.
Waiting& waiting() {
  static auto* const all = new Waiting;
  return *all;
}

void close_all() {
  Waiting& all = waiting();
  std::unique_lock lock(all.mutex);
  while (!all.fds.empty()) {
    UniqueFd fd = std::move(all.fds.front());
    all.fds.pop_front();
    lock.unlock();
    fd.reset();
    lock.lock();
  }
  --all.threads;
}

}  // namespace

void close_elsewhere(UniqueFd fd) {
  Waiting& all = waiting();
  const std::lock_guard lock(all.mutex);
  all.fds.push_back(std::move(fd));
  if (all.threads == kMaxThreads) return;
  ++all.threads;
  try {
    std::thread(close_all).detach();
  } catch (const std::system_error&) {
    --all.threads;  // the system has no thread now; the next descriptor starts one
  }
}

SentFile kind_of_sent_file(int fd) {
  // Only files in memory have seals. For all others the kernel refuses the question without asking the file.
  if (::fcntl(fd, F_GET_SEALS) >= 0) return SentFile::kMemory;
  // The kernel names such a descriptor; the name of a file begins with a slash.
  std::array<char, 64> name{};
  const ssize_t size = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), name.data(), name.size() - 1);
  const bool eventfd =
      size > 0 && std::string_view(name.data(), static_cast<std::size_t>(size)).starts_with("anon_inode:[eventfd");
  return eventfd ? SentFile::kEventfd : SentFile::kOther;
}

}  // namespace rb
