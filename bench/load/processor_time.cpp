// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/processor_time.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <fstream>

#include "bench/load/support.hpp"

namespace bench {

std::expected<ProcessorTime, std::string> ProcessorTime::now(std::span<const pid_t> pids) {
  ProcessorTime result;
  for (const pid_t pid : pids) {
    // The clock of a process includes all its threads, and is exact while they run.
    clockid_t clock{};
    timespec time{};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) {
      return std::unexpected(fmt::format("there is no process {}", pid));
    }
    result.processes_s += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }
  std::ifstream stat("/proc/stat");
  std::string word;
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0;
  stat >> word >> user >> nice >> system >> idle >> iowait >> irq >> softirq;
  if (!stat) die("/proc/stat cannot be read");
  result.machine_s = (user + nice + system + irq + softirq) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return result;
}

}  // namespace bench
