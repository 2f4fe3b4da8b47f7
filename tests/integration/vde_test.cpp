// SPDX-License-Identifier: GPL-2.0-or-later
// The bridge as a vde_switch: with VDE's own programs, with QEMU, and with clients that behave badly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>

#include "ports/base/socket_address.hpp"
#include "traffic.hpp"

namespace rb::test {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

sockaddr_un address_of(std::string_view name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path, sizeof address.sun_path);
  return address;
}

/// A program in a namespace; it ends with this object, or with the test.
class Program {
 public:
  Program(const Lab::Host& host, const std::string& command) {
    const std::string whole = "exec nsenter --net=" + host.path() + " " + command + " >/dev/null 2>&1";
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    const UniqueFd input(ends[0]);
    open_input_.reset(ends[1]);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::dup2(input.get(), STDIN_FILENO);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execl("/bin/sh", "sh", "-c", whole.c_str(), nullptr);
    ::_exit(127);
  }
  ~Program() { end(); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string port() const { return "root-" + std::to_string(pid_); }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  UniqueFd open_input_;  // vde_switch ends with its input
  pid_t pid_ = -1;
};

/// A client of VDE in this process, which says what the test wants.
class Client {
 public:
  Client(const std::string& switch_path, std::string own) : path_(switch_path), own_(std::move(own)) {
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    for (const UniqueFd* socket : {&data_, &stream_})
      ::setsockopt(socket->get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  [[nodiscard]] bool bind() const {
    const sockaddr_un address = address_of(own_);
    return ::bind(data_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  [[nodiscard]] bool connect() const {
    const sockaddr_un address = address_of(path_ + "/ctl");
    return ::connect(stream_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  void say(const Octets& octets) const {
    EXPECT_EQ(::send(stream_.get(), octets.data(), octets.size(), MSG_NOSIGNAL), static_cast<ssize_t>(octets.size()));
  }
  [[nodiscard]] Octets request(std::uint32_t type = 0, const std::string& rest = "test") const {
    const std::array<std::uint32_t, 3> head = {0xfeedface, 3, type};
    const sockaddr_un address = address_of(own_);
    Octets octets(sizeof head + sizeof address + rest.size());
    std::memcpy(octets.data(), head.data(), sizeof head);
    std::memcpy(&octets[sizeof head], &address, sizeof address);
    std::copy(rest.begin(), rest.end(), octets.begin() + sizeof head + sizeof address);
    return octets;
  }
  /// The path of the switch's socket, to which the data socket is then connected; "" when the switch hung up.
  [[nodiscard]] std::string answer() const {
    sockaddr_un address{};
    if (::recv(stream_.get(), &address, sizeof address, MSG_WAITALL) != sizeof address) return {};
    if (::connect(data_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
    return address.sun_path;
  }
  /// All of it; the answer.
  [[nodiscard]] std::string plug(std::uint32_t type = 0, const std::string& rest = "test") const {
    if (!bind() || !connect()) return {};
    say(request(type, rest));
    return answer();
  }
  void send(const Octets& frame) const {
    EXPECT_EQ(::send(data_.get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  }
  [[nodiscard]] bool sees(const Octets& wanted) const {
    for (;;) {
      Octets frame(70000);
      const ssize_t size = ::recv(data_.get(), frame.data(), frame.size(), 0);
      if (size <= 0) return false;
      frame.resize(static_cast<std::size_t>(size));
      if (frame == wanted) return true;
    }
  }

 private:
  std::string path_, own_;
  UniqueFd data_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  UniqueFd stream_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

class Vde : public BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    if (IsSkipped()) return;
    at = lab->daemon.directory() / "vde.ctl";
  }
  void open(const std::string& options = "") { Lab::ok("rbctl addif br0 vde:" + at + options); }
  [[nodiscard]] std::string own(const std::string& name) const { return lab->daemon.directory() / name; }
  /// An own namespace, into which a program brings an interface "plug".
  Lab::Host& add_far_host(unsigned number) {
    far_hosts.push_back({"plug", Lab::new_netns(), number});
    return far_hosts.back();
  }
  static void bring_up(const Lab::Host& host) {
    ASSERT_TRUE(eventually([&] { return host.run("ip link show " + host.device).exit_status == 0; }));
    const CommandResult result =
        host.run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; ip link set lo up; ip addr add " + host.address() +
                 "/24 dev " + host.device + " && ip link set " + host.device + " up");
    ASSERT_EQ(result.exit_status, 0) << result.output;
  }
  static bool is_up(const std::string& port) { return Lab::port(port)["state"] == "forwarding"; }
  static std::uint64_t refused(const std::string& reason) {
    return Lab::call("bridge.list")["bridges"][0]["listeners"][0]["refused"][reason];
  }
  static std::size_t port_count() { return Lab::call("port.list")["ports"].size(); }

  std::string at;
  std::list<Lab::Host> far_hosts;
};

const Octets kOne = ethernet_frame(kEverybody, kA, content(1)), kTwo = ethernet_frame(kA, kB, content(2, 1400));

TEST_F(Vde, ProgramsOfVdeReachTheBridgeAndEachOther) {
  open();
  const Lab::Host& tap = lab->add_host("br0");
  const Lab::Host &one = add_far_host(11), &two = add_far_host(12);
  Program plug2tap(one, "vde_plug2tap -s " + at + " plug");
  const Program plug(two, "vde_plug vde://" + at + " tap://plug");
  bring_up(one);
  bring_up(two);
  ASSERT_TRUE(eventually([&] { return is_up(plug2tap.port()) && is_up(plug.port()); }));
  const nlohmann::json port = Lab::port(plug2tap.port());
  EXPECT_EQ(port["kind"], "vde");
  EXPECT_EQ(port["pid"], plug2tap.pid());
  EXPECT_EQ(port["listener"], "vde-vde");
  EXPECT_THAT(port["description"].get<std::string>(), HasSubstr("vde_plug2tap: user=root"));
  expect_pings(one, tap.address());
  expect_pings(one, two.address());
  expect_transfer(*lab, one, tap, 8);
  expect_transfer(*lab, tap, two, 8);
  EXPECT_GT(Lab::stats(plug2tap.port())["rx"]["unicast"]["frames"], 0);
  EXPECT_THAT(Lab::ok("rbctl trace br0 --in " + plug2tap.port() + " src " + kA + " dst " + kEverybody),
              HasSubstr(plug.port()));
  const std::string name = plug2tap.port();
  plug2tap.end();
  EXPECT_TRUE(eventually([&] { return !Lab::port(name).contains("state"); })) << "the port went with its client";
  expect_pings(two, tap.address());
}

TEST_F(Vde, QemuIsAClient) {
  open();
  const Lab::Host &tap = lab->add_host("br0"), &far = add_far_host(11);
  // Without a guest: QEMU's own hub joins the switch and a tap.
  const Program qemu(far, "qemu-system-x86_64 -display none -machine none -nodefaults -netdev vde,id=a,sock=" + at +
                              " -netdev tap,id=b,ifname=plug,script=no,downscript=no"
                              " -netdev hubport,hubid=0,id=c,netdev=a -netdev hubport,hubid=0,id=d,netdev=b");
  bring_up(far);
  ASSERT_TRUE(eventually([&] { return is_up(qemu.port()); }));
  expect_pings(far, tap.address());
  expect_transfer(*lab, tap, far, 4);
}

TEST_F(Vde, TakesClientsOfAllVersionsAndTheirTags) {
  open();
  std::string abstract(1, '\0');
  abstract += "uml-" + std::to_string(::getpid());
  const Client path(at, at + "/.00042-00000"), uml(at, abstract), numbered(at, own("numbered"));
  EXPECT_EQ(path.plug(), at + "/001.1");
  EXPECT_EQ(uml.plug(0, std::string("\xfe\x01", 2)), at + "/002.2");
  EXPECT_EQ(numbered.plug(7 << 8), at + "/003.3");
  EXPECT_TRUE(eventually([&] { return is_up("vde-vde-7"); })) << "a port that is asked for by its number";
  path.send(kOne);
  EXPECT_TRUE(uml.sees(kOne));
  EXPECT_TRUE(numbered.sees(kOne));
  Octets tagged = kTwo;
  const Octets tag = {0x81, 0x00, 0x20, 0x2a};
  tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
  uml.send(tagged);
  EXPECT_TRUE(path.sees(tagged));
}

TEST_F(Vde, FilesAreAsThoseOfAVdeSwitch) {
  const auto mode_of = [](const std::string& file) {
    struct stat status{};
    EXPECT_EQ(::stat(file.c_str(), &status), 0) << file;
    return status.st_mode & 07777;
  };
  open();
  EXPECT_EQ(mode_of(at), 02700U);
  EXPECT_EQ(mode_of(at + "/ctl"), 0600U);
  Lab::ok("rbctl delif br0 vde-vde");
  EXPECT_FALSE(fs::exists(at)) << "the directory goes with the port";
  open(",mode=660,group=65534");
  EXPECT_EQ(mode_of(at), 03770U);
  EXPECT_EQ(mode_of(at + "/ctl"), 0660U);
  struct stat status{};
  ASSERT_EQ(::stat((at + "/ctl").c_str(), &status), 0);
  EXPECT_EQ(status.st_gid, 65534U);
}

TEST_F(Vde, SendsAwayWhoeverNamesTheSocketOfAnother) {
  open(",mode=666");
  const Client mine(at, own("mine"));
  ASSERT_NE(mine.plug(), "");
  const pid_t nobody = ::fork();
  if (nobody == 0) {
    if (::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(2);
    const Client thief(at, own("mine"));
    if (!thief.connect()) ::_exit(3);
    thief.say(thief.request());
    ::_exit(thief.answer().empty() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(nobody, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(refused("owner"), 1U);
  fs::create_symlink(own("mine"), own("link"));
  const Client link(at, own("link"));
  ASSERT_TRUE(link.connect());
  link.say(link.request());
  EXPECT_EQ(link.answer(), "");
  EXPECT_EQ(refused("no_socket"), 1U);
  EXPECT_EQ(port_count(), 1U);
}

TEST_F(Vde, AnOrdinaryUserHasItsOwnSocketsAndNotAllPorts) {
  open(",mode=666,max=1");
  const pid_t nobody = ::fork();
  if (nobody == 0) {
    if (::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(2);
    const Client one(at, at + "/.00001-00000"), two(at, at + "/.00001-00001");
    const std::string answer = one.plug();
    struct stat file{};
    if (answer.empty() || ::stat(answer.c_str(), &file) != 0) ::_exit(3);
    if (file.st_uid != kNobody || (file.st_mode & 0777) != 0600) ::_exit(4);
    ::_exit(two.plug().empty() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(nobody, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(refused("too_many"), 1U);
  EXPECT_TRUE(eventually([] { return port_count() == 0; }));
}

TEST_F(Vde, GarbageAndSilenceHarmNobody) {
  open();
  std::list<Client> silent;
  for (int i = 0; i < 20; ++i) {
    silent.emplace_back(at, "");
    ASSERT_TRUE(silent.back().connect());
  }
  for (const Octets& garbage : {Octets(4, 0xff), Octets(1000, 0), Octets{0xce, 0xfa, 0xed, 0xfe, 9, 0, 0, 0}}) {
    const Client client(at, "");
    ASSERT_TRUE(client.connect());
    client.say(garbage);
    EXPECT_EQ(client.answer(), "");
  }
  EXPECT_EQ(refused("no_magic"), 2U);
  EXPECT_EQ(refused("version"), 1U);
  const Client one(at, own("one")), two(at, own("two"));
  ASSERT_NE(one.plug(), "");
  ASSERT_NE(two.plug(), "");
  one.say(Octets(5000, 7));  // nobody reads it
  one.send(Octets{1, 2, 3});
  one.send(kOne);
  EXPECT_TRUE(two.sees(kOne));
}

TEST_F(Vde, ReplacesADeadSwitchAndLeavesALiveOneAlone) {
  open();
  const Client client(at, at + "/.00042-00000");
  ASSERT_NE(client.plug(), "");
  lab->daemon.kill_hard();
  // The kernel closes what io_uring used a moment after the process has gone.
  const SocketAddress old = parse_socket_address(at + "/001.1").value();
  ASSERT_TRUE(eventually([&] { return is_left_over(old, SOCK_DGRAM); }));
  lab->daemon.start({"--no-host-port"});
  Lab::ok("rbctl addbr br0");
  open();
  EXPECT_FALSE(fs::exists(at + "/001.1")) << "left over";
  const Client again(at, own("again"));
  EXPECT_NE(again.plug(), "");
  Lab::ok("rbctl addbr br1");
  EXPECT_THAT(Lab::refusal("rbctl addif br1 vde:" + at + ",name=second"), HasSubstr("another process has"));
  const Lab::Host& far = add_far_host(11);
  const std::string other = own("other.ctl");
  const Program theirs(far, "vde_switch -s " + other);
  ASSERT_TRUE(eventually([&] { return fs::exists(other + "/ctl"); }));
  ASSERT_TRUE(eventually([&] { return Client(other, "").connect(); }));
  EXPECT_THAT(Lab::port_refusal("vde:" + other), HasSubstr("another process has"));
  EXPECT_TRUE(fs::exists(other + "/ctl"));
}

TEST_F(Vde, ComesBackFromADump) {
  open(",max=3,mode=660");
  const Client client(at, own("client"));
  ASSERT_NE(client.plug(), "");
  const std::string dump = Lab::ok("rbctl dump");
  EXPECT_THAT(dump, HasSubstr("addif br0 vde:" + at + ",name=vde-vde,max=3,mode=660\n"));
  EXPECT_EQ(dump.find("root-"), std::string::npos) << "the port of a client comes back with its client";
  Lab::ok("rbctl delbr br0");
  EXPECT_FALSE(fs::exists(at));
  const std::string file = own("dump");
  Lab::ok("cat > " + file + " <<'END'\n" + dump + "END\nrbctl -batch " + file);
  EXPECT_EQ(Lab::ok("rbctl dump"), dump);
}

TEST_F(Vde, SaysWhatIsWrongAndChangesNothing) {
  const std::string before = Lab::ok("rbctl dump");
  Lab::ok("touch " + own("file"));
  EXPECT_THAT(Lab::port_refusal("vde:" + own("file")), HasSubstr("directory"));
  EXPECT_THAT(Lab::port_refusal("vde:relative,name=x"), HasSubstr("a path from the root"));
  EXPECT_THAT(Lab::port_refusal("vde:/" + std::string(100, 'x') + ",name=x"), HasSubstr("at most"));
  EXPECT_THAT(Lab::port_refusal("vde:" + at + ",framing=len16"), HasSubstr("'framing'"));
  fs::create_directory(own("theirs"));
  ASSERT_EQ(::chown(own("theirs").c_str(), kNobody, kNobody), 0);
  EXPECT_THAT(Lab::port_refusal("vde:" + own("theirs")), HasSubstr("could replace the sockets"));
  EXPECT_EQ(Lab::ok("rbctl dump"), before);
}

}  // namespace
}  // namespace rb::test
