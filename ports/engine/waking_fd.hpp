// SPDX-License-Identifier: GPL-2.0-or-later
// WakingFd: an eventfd by which any worker wakes the control thread.
#pragma once

#include <atomic>

#include "ports/base/unique_fd.hpp"

namespace rb {

/// However many workers call wake(), the eventfd is written once until the control thread has called clear().
class WakingFd {
 public:
  WakingFd();
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// Any worker, after it has put its news into its queue.
  void wake() noexcept;
  /// The control thread, before it reads the queues: whoever adds to a queue after this call wakes the thread again.
  void clear() noexcept;

 private:
  UniqueFd fd_;
  std::atomic<bool> pending_{false};  // fd_ has been written and has not been read since
};

}  // namespace rb
