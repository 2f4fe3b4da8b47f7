// What the load programs share: devices in network namespaces, the machine's processor time, and giving up.
#pragma once

#include <fcntl.h>
#include <fmt/core.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>

#include "ports/unique_fd.hpp"

namespace bench {

/// Ends the program with a message; a measurement that cannot be made is not reported.
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

/// A namespace made by `ip netns add`; empty for "".
[[nodiscard]] inline rb::UniqueFd open_netns(const std::string& name) {
  if (name.empty()) return {};
  rb::UniqueFd netns(open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns) die_of_errno("namespace " + name);
  return netns;
}

/// The calling thread enters a namespace, and stays there.
inline void enter_netns(const std::string& name) {
  const rb::UniqueFd netns = open_netns(name);
  if (netns && setns(netns.get(), CLONE_NEWNET) != 0) die_of_errno("namespace " + name);
}

/// Keeps the calling thread on one processor; -1 leaves it where the scheduler likes.
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

/// Processor time spent since boot, in seconds.
struct CpuTime {
  double machine_s = 0;  // all processors together: /proc/stat without idle, iowait and steal; steps of a tick
  double process_s = 0;  // the threads of one process, to the last tick; 0 when there is none

  /// `process` is 0, or the process id of the switch that is measured.
  [[nodiscard]] static CpuTime now(pid_t process) {
    CpuTime result;
    std::ifstream stat("/proc/stat");
    std::string word;
    double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0;
    stat >> word >> user >> nice >> system >> idle >> iowait >> irq >> softirq;
    if (!stat) die("/proc/stat cannot be read");
    result.machine_s = (user + nice + system + irq + softirq) / static_cast<double>(sysconf(_SC_CLK_TCK));
    if (process == 0) return result;
    for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process))) {
      double running_ns = 0;
      std::ifstream(task.path() / "schedstat") >> running_ns;
      result.process_s += running_ns * 1e-9;
    }
    return result;
  }
  [[nodiscard]] CpuTime since(const CpuTime& earlier) const {
    return {machine_s - earlier.machine_s, process_s - earlier.process_s};
  }
};

/// Reads how many frames a device has received. The file that is opened stays with the device's namespace.
class ReceiveCounter {
 public:
  explicit ReceiveCounter(const Endpoint& device) : device_(device) {
    std::thread([this] {
      enter_netns(device_.netns);
      file_.reset(open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC));
    }).join();
    if (!file_) die_of_errno("/proc/thread-self/net/dev");
  }

  [[nodiscard]] std::uint64_t frames() const {
    std::array<char, 16384> text{};
    const ssize_t size = pread(file_.get(), text.data(), text.size(), 0);
    std::istringstream lines(std::string(text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream fields(line);
      std::string name;
      std::uint64_t octets = 0;
      std::uint64_t frames = 0;
      if (std::getline(fields >> std::ws, name, ':') && name == device_.name && fields >> octets >> frames) {
        return frames;
      }
    }
    die("no device " + device_.name);
  }

 private:
  Endpoint device_;
  rb::UniqueFd file_;
};

}  // namespace bench
