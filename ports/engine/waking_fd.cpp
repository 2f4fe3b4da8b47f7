// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/waking_fd.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace rb {

WakingFd::WakingFd() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void WakingFd::wake() noexcept {
  if (pending_.exchange(true, std::memory_order_acq_rel)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd_.get(), &one, sizeof one);
}

void WakingFd::clear() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(fd_.get(), &count, sizeof count);
  pending_.exchange(false, std::memory_order_acq_rel);
}

}  // namespace rb
