// SPDX-License-Identifier: GPL-2.0-or-later
// PortErrors: which ports of one worker have failed, for the control thread.
#pragma once

#include <array>
#include <atomic>

#include "ports/engine/waking_fd.hpp"
#include "switch/forwarding_state.hpp"

namespace rb {

/// Unlike an event, no error is ever lost: a port has one place, which keeps its newest error.
class PortErrors {
 public:
  /// `waking` wakes the control thread, and outlives this.
  explicit PortErrors(WakingFd& waking) noexcept : waking_(waking) {}

  /// A port failed with an errno. The worker's thread.
  void report(PortIndex port, int error) noexcept {
    errors_[port].store(error, std::memory_order_release);
    any_.store(true, std::memory_order_release);
    waking_.wake();
  }
  /// Another port gets this index. The worker's thread.
  void forget(PortIndex port) noexcept { errors_[port].store(0, std::memory_order_release); }
  /// Calls `use(port, errno)` for each port that has failed since the last call. The control thread.
  template <typename Use>
  void take(Use use) {
    if (!any_.exchange(false, std::memory_order_acq_rel)) return;
    for (std::size_t port = 0; port < errors_.size(); ++port) {
      if (const int error = errors_[port].exchange(0, std::memory_order_acq_rel); error != 0)
        use(static_cast<PortIndex>(port), error);
    }
  }

 private:
  WakingFd& waking_;
  std::array<std::atomic<int>, kMaxPorts> errors_{};  // the errno of each port that has failed; 0: the port has not
  std::atomic<bool> any_{false};
};

}  // namespace rb
