// SPDX-License-Identifier: GPL-2.0-or-later
// Processor time of the whole machine, and of the measured processes.
#pragma once

#include <sys/types.h>

#include <expected>
#include <span>
#include <string>

namespace bench {

struct ProcessorTime {
  double machine_s = 0;    // all processors together, without idle, iowait and steal, in steps of a tick
  double processes_s = 0;  // all threads of the processes, including those that have ended

  /// Returns the times since boot. The error names the process that does not exist.
  [[nodiscard]] static std::expected<ProcessorTime, std::string> now(std::span<const pid_t> pids);
  [[nodiscard]] ProcessorTime since(const ProcessorTime& earlier) const {
    return {machine_s - earlier.machine_s, processes_s - earlier.processes_s};
  }
};

}  // namespace bench
