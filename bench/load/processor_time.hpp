// SPDX-License-Identifier: GPL-2.0-or-later
// Processor time: of the whole machine, and of the processes that are measured.
#pragma once

#include <sys/types.h>

#include <expected>
#include <span>
#include <string>

namespace bench {

struct ProcessorTime {
  double machine_s = 0;    // all processors together, without idle, iowait and steal; in steps of a tick
  double processes_s = 0;  // all threads of the processes, also those that ended

  /// Since boot. The error names the process that is not there.
  [[nodiscard]] static std::expected<ProcessorTime, std::string> now(std::span<const pid_t> pids);
  [[nodiscard]] ProcessorTime since(const ProcessorTime& earlier) const {
    return {machine_s - earlier.machine_s, processes_s - earlier.processes_s};
  }
};

}  // namespace bench
