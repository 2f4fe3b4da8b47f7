// SPDX-License-Identifier: GPL-2.0-or-later
// A virtual machine for a test: QEMU by emulation, Debian's 6.1 kernel, busybox; see tests/guest/run_guest.
#pragma once

#include <sys/stat.h>

#include <fstream>
#include <string>
#include <vector>

#include "lab.hpp"
#include "test_paths.hpp"

namespace rb::test {

class Guest {
 public:
  /// Describes how the guest is connected.
  struct Plug {
    std::string netdev;                  // the value of `-netdev`; its id is n0
    std::string device_options = {};     // further options of `-device virtio-net-pci`, after a comma
    std::vector<std::string> more = {};  // more arguments for QEMU
  };

  /// Boots with one network device and the address 10.77.0.<number>. The host `from` sends commands to the guest over
  /// the switch.
  Guest(const Lab& lab, const Lab::Host& from, unsigned number, Plug plug)
      : from_(from),
        number_(number),
        script_(lab.daemon.directory() / ("guest" + std::to_string(number))),
        plug_(std::move(plug)) {
    std::ofstream(script_) << "ip addr add " << address() << "/24 dev eth0 && ip link set eth0 up\n"
                           << "httpd -h /tmp\nnc -ll -p 23 -e sh\n";
    start();
  }
  ~Guest() { kill(); }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  [[nodiscard]] std::string address() const { return "10.77.0." + std::to_string(number_); }
  [[nodiscard]] std::string mac() const { return "02:00:00:00:01:" + std::to_string(number_); }
  void start() {
    std::vector<std::string> words = {RB_SOURCE_DIR "/tests/guest/run_guest",
                                      "--cache",
                                      RB_SOURCE_DIR "/build/guest",
                                      "--module",
                                      "virtio_net",
                                      "--module",
                                      "virtio_pci",
                                      "--module",
                                      "8021q",
                                      "--memory",
                                      "128",
                                      "--timeout",
                                      "200",
                                      "--qemu",
                                      "-netdev",
                                      "--qemu",
                                      plug_.netdev,
                                      "--qemu",
                                      "-device",
                                      "--qemu",
                                      "virtio-net-pci,netdev=n0,mac=" + mac() + plug_.device_options,
                                      "--qemu",
                                      "-action",
                                      "--qemu",
                                      "reboot=reset"};
    for (const std::string& word : plug_.more) words.insert(words.end(), {"--qemu", word});
    words.push_back(script_);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int console = ::open((script_ + ".console").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ::dup2(console, STDOUT_FILENO);
    ::dup2(console, STDERR_FILENO);
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  /// Ends the guest at once, like a power failure.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  /// Returns the output of a shell command inside the guest, or "" if the guest cannot be reached or sends nothing for
  /// `patience_s`.
  [[nodiscard]] std::string run(const std::string& command, time_t patience_s = 30) const {
    UniqueFd socket;
    {
      const Result<NetnsScope> visit = NetnsScope::enter(from_.netns.get());
      socket.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    }
    const timeval limit{.tv_sec = patience_s, .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const timeval soon{.tv_sec = 1, .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);  // this limits connect(), too
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(23);
    ::inet_pton(AF_INET, address().c_str(), &to.sin_addr);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return {};
    const std::string line = command + "\nexit\n";
    if (::send(socket.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) return {};
    std::string output;
    for (std::array<char, 4096> buffer;;) {
      const ssize_t size = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
      if (size <= 0) return output;
      output.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }
  /// Waits until the guest answers. A boot takes some seconds.
  [[nodiscard]] bool is_ready() const {
    for (int i = 0; i < 12; ++i) {
      if (eventually([&] { return run("echo ready", 3) == "ready\n"; })) return true;
    }
    return false;
  }
  [[nodiscard]] std::string console() const {
    std::ifstream file(script_ + ".console");
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  const Lab::Host& from_;
  unsigned number_;
  std::string script_;
  Plug plug_;
  pid_t pid_ = -1;
};

}  // namespace rb::test
