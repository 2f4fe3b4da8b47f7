// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the life of a daemon: it is started, stopped, killed and restarted, forbidden things, and idle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "lab.hpp"
#include "test_paths.hpp"

namespace rb::test {
namespace {

using ::testing::HasSubstr;

using DaemonLife = LabTest;

TEST_F(DaemonLife, IsKilledAndTakesUpWhereItWasFromADump) {
  Lab lab;
  Lab::ok("rbctl addbr br0 && rbctl addbr br1 && rbctl setageing br0 200 && rbctl link set br0 forward lldp");
  Lab::ok(
      "ip tuntap add dev tap0 mode tap && ip tuntap add dev tap1 mode tap && ip link set tap0 up && ip link set tap1 "
      "up");
  Lab::ok(
      "rbctl addif br0 tap0 tap1 && rbctl addif br1 tap:tap2,create,persistent && rbctl link set dev tap1 isolated on "
      "hairpin on");
  Lab::ok("rbctl fdb add 02:00:00:00:00:05 dev tap1 static");
  const std::string file = lab.daemon.directory() / "saved";
  const std::string dump = Lab::ok("rbctl dump | tee " + file);
  EXPECT_EQ(lab.daemon.kill_hard(), -SIGKILL);
  lab.daemon.start({"--no-host-port", "--config", file});
  EXPECT_EQ(Lab::ok("rbctl dump"), dump);
  EXPECT_TRUE(eventually(
      [] { return Lab::port("tap0")["state"] == "forwarding" && Lab::port("tap1")["state"] == "forwarding"; }));
  EXPECT_EQ(Lab::call("fdb.get", {{"mac", "02:00:00:00:00:05"}, {"bridge", "br0"}})["entry"]["port"], "tap1");
}

TEST_F(DaemonLife, ADumpHoldsWhatWasSetOnABridgesOwnInterface) {
  Lab lab(std::vector<std::string>{});
  Lab::ok("rbctl addbr br0 && rbctl link set dev br0 flood on isolated on && rbctl fdb add 02:00:00:00:00:05 dev br0");
  const std::string file = lab.daemon.directory() / "saved";
  const std::string dump = Lab::ok("rbctl dump | tee " + file);
  EXPECT_THAT(dump, HasSubstr("flood on isolated on"));
  EXPECT_THAT(dump, HasSubstr("02:00:00:00:00:05"));
  EXPECT_EQ(lab.daemon.stop(), 0);
  lab.daemon.start({"--config", file});
  EXPECT_EQ(Lab::ok("rbctl dump"), dump);
}

TEST_F(DaemonLife, GroupsDecideWhoMayChangeAndWhoMayLook) {
  Lab lab({"--no-host-port", "--group", "audio", "--read-group", "video"});
  const auto as_member_of = [](const std::string& groups, const std::string& command) {
    return run_shell("setpriv --reuid 4242 --regid 4242 " + groups + " " + command);
  };
  EXPECT_EQ(as_member_of("--groups audio", "rbctl addbr br0").exit_status, 0) << "a supplementary group counts";
  EXPECT_THAT(as_member_of("--groups video", "rbctl show").output, HasSubstr("br0"));
  EXPECT_EQ(as_member_of("--groups video", "rbctl delbr br0").exit_status, 1);
  EXPECT_EQ(as_member_of("--clear-groups", "rbctl show").exit_status, 1);
  EXPECT_EQ(Lab::call("bridge.list")["bridges"].size(), 1U);
}

/// Makes a connection to the daemon as an ordinary user: a socket remembers the user who connected it.
UniqueFd connect_as_ordinary_user() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string(std::getenv("RINGBRIDGE_SOCKET")).copy(address.sun_path, sizeof address.sun_path - 1);
  if (::seteuid(4242) != 0) throw std::runtime_error("seteuid");
  const int connected = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (::seteuid(0) != 0) throw std::runtime_error("seteuid");
  if (connected != 0) throw std::runtime_error("connect");
  return fd;
}

/// Returns everything that comes until the daemon ends the connection.
std::string last_words(const UniqueFd& fd) {
  std::string heard;
  for (std::array<char, 1024> buffer;;) {
    pollfd waiting{fd.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 10000) != 1) return "nothing, and the connection stays";
    const ssize_t size = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (size <= 0) return heard;
    heard.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

TEST_F(DaemonLife, StrangersCannotKeepThoseInChargeOut) {
  const rlimit many{4096, 4096};
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  if (before.rlim_cur < many.rlim_cur) {
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &many), 0);
  }
  Lab lab;
  std::vector<UniqueFd> strangers;
  for (int i = 0; i < 960; ++i) strangers.push_back(connect_as_ordinary_user());
  EXPECT_THAT(last_words(connect_as_ordinary_user()), HasSubstr("no more are served"));
  EXPECT_EQ(run_shell("rbctl addbr br0").exit_status, 0);
}

TEST_F(DaemonLife, AStrangersDescriptorsAreNotTaken) {
  Lab lab;
  const UniqueFd client = connect_as_ordinary_user();
  std::string line = "{}\n";
  iovec vector{line.data(), line.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = client.get();
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ASSERT_GT(::sendmsg(client.get(), &message, MSG_NOSIGNAL), 0);
  EXPECT_THAT(last_words(client), HasSubstr("no descriptors are taken"));
}

TEST_F(DaemonLife, AConfigurationIsAppliedWholeOrNotAtAll) {
  Lab lab;
  const std::string file = lab.daemon.directory() / "bad.conf", socket = lab.daemon.directory() / "other.sock";
  std::ofstream(file) << "addbr br0\naddif br0 tap:made,create,persistent\n\naddif br9 nosuch   # fails\n";
  const CommandResult result = run_shell(RB_BINARY_DIR "/control/ringbridged --socket " + socket + " --config " + file);
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.output, HasSubstr("bad.conf:4: bridge br9 does not exist"));
  EXPECT_EQ(run_shell("ip link show made").exit_status, 1) << "the created device is deleted again";
  EXPECT_EQ(run_shell("ip link show br0").exit_status, 1);
  EXPECT_FALSE(std::filesystem::exists(socket));
}

TEST_F(DaemonLife, OneSocketHasOneDaemonAndAStaleSocketIsNoObstacle) {
  Lab lab;
  const std::string socket = std::getenv("RINGBRIDGE_SOCKET");
  const CommandResult second = run_shell(RB_BINARY_DIR "/control/ringbridged");
  EXPECT_EQ(second.exit_status, 1);
  EXPECT_THAT(second.output, HasSubstr(socket));
  EXPECT_TRUE(Lab::call("daemon.info").contains("pid")) << "the first client has noticed nothing";
  EXPECT_EQ(lab.daemon.kill_hard(), -SIGKILL);
  EXPECT_TRUE(std::filesystem::exists(socket));
  EXPECT_THAT(run_shell("rbctl show").output, HasSubstr(socket)) << "there is no daemon, and rbctl names the socket";
  lab.daemon.start();
  EXPECT_EQ(lab.daemon.stop(), 0);
  EXPECT_FALSE(std::filesystem::exists(socket));
}

/// Voluntary context switches of each worker thread of a process.
std::map<std::string, std::uint64_t> switches_of_workers(pid_t pid) {
  std::map<std::string, std::uint64_t> switches;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream status(task.path() / "status");
    std::string name, key;
    while (status >> key) {
      if (key == "Name:") status >> name;
      std::uint64_t count = 0;
      if (key == "voluntary_ctxt_switches:" && status >> count && name.starts_with("rb-worker"))
        switches[task.path()] = count;
    }
  }
  return switches;
}

TEST_F(DaemonLife, IdleWorkersSleepForFiveSeconds) {
  Lab lab({"--no-host-port", "--workers", "2"});
  Lab::ok("rbctl addbr br0");
  const Wire a = lab.add_host("br0").wire(), b = lab.add_host("br0").wire();
  const Octets frame = ethernet_frame("ff:ff:ff:ff:ff:ff", "02:aa:00:00:00:01", Octets(60, 1));
  a.send(frame);
  ASSERT_TRUE(b.sees(frame));
  // The kernel reports the new devices within moments.
  std::map<std::string, std::uint64_t> before;
  ASSERT_TRUE(eventually([&] {
    before = switches_of_workers(lab.daemon.pid());
    ::poll(nullptr, 0, 1000);
    return before == switches_of_workers(lab.daemon.pid());
  }));
  ASSERT_EQ(before.size(), 2U);
  ::poll(nullptr, 0, 5000);  // the test is that nothing happens for five seconds
  EXPECT_EQ(switches_of_workers(lab.daemon.pid()), before);
}

TEST_F(DaemonLife, ASwitchWithNothingToAgeNeverWakes) {
  Lab lab;
  Lab::ok("rbctl addbr br0 && rbctl addif br0 tap:quiet,create && rbctl fdb add 02:00:00:00:00:05 dev quiet static");
  const auto switches = [&] {
    std::map<std::string, std::uint64_t> counts = switches_of_workers(lab.daemon.pid());
    std::ifstream status("/proc/" + std::to_string(lab.daemon.pid()) + "/status");
    for (std::string key; status >> key;) {
      if (key == "voluntary_ctxt_switches:") status >> counts["control"];
    }
    return counts;
  };
  std::map<std::string, std::uint64_t> before;
  ASSERT_TRUE(eventually([&] {
    before = switches();
    ::poll(nullptr, 0, 1000);
    return before == switches();
  }));
  ASSERT_TRUE(before.contains("control"));
  ::poll(nullptr, 0, 3000);  // the wait is longer than an ageing tick
  EXPECT_EQ(switches(), before);
}

TEST_F(DaemonLife, SaysSoWhenIoUringIsForbidden) {
  Lab lab;
  const std::string out = lab.daemon.directory() / "out";
  const pid_t child = ::fork();
  if (child == 0) {
    // A container's filter answers io_uring_setup with EPERM in the same way.
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    const std::string command =
        "exec " RB_BINARY_DIR "/control/ringbridged --socket " + (lab.daemon.directory() / "x").string() + " 2>" + out;
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_THAT(run_shell("cat " + out).output, HasSubstr("io_uring is switched off here: a security filter"));
}

TEST_F(DaemonLife, MonitorTellsWhatHappens) {
  Lab lab;
  const std::string out = lab.daemon.directory() / "events";
  Lab::ok("rbctl addbr br0");
  const pid_t monitor = ::fork();
  if (monitor == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execl("/bin/sh", "sh", "-c", ("exec rbctl -j monitor > " + out).c_str(), nullptr);
    ::_exit(127);
  }
  const auto told = [&](const std::string& what) {
    return eventually([&] { return run_shell("cat " + out).output.find(what) != std::string::npos; });
  };
  // Before the monitor listens it misses changes, so the test makes changes until the monitor reports one.
  ASSERT_TRUE(eventually([&] {
    (void)run_shell("rbctl setageing br0 2");
    (void)run_shell("rbctl addif br0 tap:probe,create && rbctl delif br0 probe");
    return std::filesystem::exists(out) && std::filesystem::file_size(out) > 0;
  }));
  const Wire a = lab.add_host("br0").wire(), b = lab.add_host("br0").wire();
  EXPECT_TRUE(told("t1"));
  const Octets frame = ethernet_frame("ff:ff:ff:ff:ff:ff", "02:aa:00:00:00:01", Octets(60, 1));
  a.send(frame);
  EXPECT_TRUE(told("02:aa:00:00:00:01"));
  b.send(frame);
  EXPECT_TRUE(eventually(
      [] { return Lab::call("fdb.get", {{"mac", "02:aa:00:00:00:01"}, {"bridge", "br0"}})["entry"]["port"] == "t2"; }));
  EXPECT_TRUE(told("\"age\"")) << "the station ages after two seconds";
  ::kill(monitor, SIGTERM);
  ::waitpid(monitor, nullptr, 0);
}

}  // namespace
}  // namespace rb::test
