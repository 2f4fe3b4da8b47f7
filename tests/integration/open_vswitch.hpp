// SPDX-License-Identifier: GPL-2.0-or-later
// An Open vSwitch for a test: its userspace datapath is in a network namespace, and its database is in a directory.
// Plain `ovs-vsctl` commands reach it while it runs.
#pragma once

#include <list>
#include <string>

#include "lab.hpp"

namespace rb::test {

class OpenVswitch {
 public:
  /// Runs until it is destroyed, and leaves nothing behind. It runs in a namespace of its own by default.
  explicit OpenVswitch(const std::string& directory, UniqueFd netns = Lab::new_netns())
      : directory_(directory), netns_(std::move(netns)) {
    ::setenv("OVS_RUNDIR", directory.c_str(), 1);  // management sockets, process ids
    ::setenv("OVS_LOGDIR", directory.c_str(), 1);
    Lab::ok("ovsdb-tool create " + database() + " /usr/share/openvswitch/vswitch.ovsschema");
    server_ =
        start("ovsdb-server " + database() + " --remote=punix:" + socket() + " --unixctl=" + directory + "/db.ctl");
    set_up("--retry --no-wait init");
    switch_ =
        start("nsenter --net=" + path() + " ovs-vswitchd unix:" + socket() + " --unixctl=" + directory + "/ovs.ctl");
    // With this limit, tunnels carry the tags behind a customer's tag.
    set_up("set Open_vSwitch . other_config:vlan-limit=2");
  }
  ~OpenVswitch() {
    for (const pid_t pid : {switch_, server_}) {
      if (pid <= 0) continue;
      ::kill(pid, SIGTERM);
      ::waitpid(pid, nullptr, 0);
    }
    ::unsetenv("OVS_RUNDIR");
    ::unsetenv("OVS_LOGDIR");
  }
  OpenVswitch(const OpenVswitch&) = delete;
  OpenVswitch& operator=(const OpenVswitch&) = delete;

  /// Runs ovs-vsctl, which returns when the switch has applied the commands.
  void set_up(const std::string& commands) const { Lab::ok("ovs-vsctl --timeout=20 " + commands); }
  void add_bridge(const std::string& bridge) const {
    set_up("add-br " + bridge + " -- set bridge " + bridge + " datapath_type=netdev");
  }
  /// Adds a host on a port "oN". Its kernel finishes all frames, because Open vSwitch would pass unfinished frames on.
  Lab::Host& add_host(const std::string& bridge, unsigned number, const std::string& settings) {
    Lab::Host& host = hosts_.emplace_back("h" + std::to_string(number), Lab::new_netns(), number);
    const std::string port = "o" + std::to_string(number);
    Lab::ok("nsenter --net=" + path() + " sh -c 'ip link add " + port + " type veth peer name " + host.device +
            " netns " + host.path() + " && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && ip link set " + port +
            " up'");
    const CommandResult result =
        host.run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; ip link set lo up; ethtool -K " + host.device +
                 " tx off && ip addr add " + host.address() + "/24 dev " + host.device + " && ip link set " +
                 host.device + " up");
    EXPECT_EQ(result.exit_status, 0) << result.output;
    set_up("add-port " + bridge + " " + port + " -- set port " + port + " " + settings);
    return host;
  }
  /// Returns the path of its namespace.
  [[nodiscard]] std::string path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(netns_.get());
  }

 private:
  [[nodiscard]] std::string database() const { return directory_ + "/ovs.db"; }
  [[nodiscard]] std::string socket() const { return directory_ + "/db.sock"; }
  pid_t start(const std::string& command) const {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int log = ::open((directory_ + "/ovs.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
    ::_exit(127);
  }

  std::string directory_;
  UniqueFd netns_;
  std::list<Lab::Host> hosts_;
  pid_t server_ = -1, switch_ = -1;
};

}  // namespace rb::test
