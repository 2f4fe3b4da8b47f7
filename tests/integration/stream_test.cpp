// SPDX-License-Identifier: GPL-2.0-or-later
// Tests stream ports, which speak to QEMU's `-netdev stream`, with good and bad peers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ports/base/socket_address.hpp"
#include "traffic.hpp"

namespace rb::test {
namespace {

using ::testing::HasSubstr;

/// The peer of a stream port.
class Peer {
 public:
  explicit Peer(UniqueFd socket, std::size_t length_size = 4) : socket_(std::move(socket)), length_size_(length_size) {
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  static Peer connect(const std::string& address, std::size_t length_size = 4) {
    const SocketAddress to = parse_socket_address(address).value();
    UniqueFd socket(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket.get(), to.get(), to.size), 0) << address;
    return Peer(std::move(socket), length_size);
  }
  [[nodiscard]] Octets framed(const Octets& frame) const {
    Octets octets;
    for (std::size_t i = length_size_; i-- > 0;)
      octets.push_back(static_cast<std::uint8_t>(frame.size() >> 8 * i & 0xff));
    octets.insert(octets.end(), frame.begin(), frame.end());
    return octets;
  }
  void send_octets(const Octets& octets) const {
    EXPECT_EQ(::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL), static_cast<ssize_t>(octets.size()));
  }
  void send(const Octets& frame) const { send_octets(framed(frame)); }
  /// Returns the next frame, or an empty frame if the connection has ended or nothing comes for ten seconds.
  [[nodiscard]] Octets receive() const {
    Octets length(length_size_);
    if (!read(length)) return {};
    std::size_t size = 0;
    for (const std::uint8_t octet : length) size = size << 8 | octet;
    Octets frame(size);
    return read(frame) ? frame : Octets{};
  }
  [[nodiscard]] bool sees(const Octets& wanted) const {
    for (;;) {
      const Octets frame = receive();
      if (frame.empty() || frame == wanted) return !frame.empty();
    }
  }

 private:
  [[nodiscard]] bool read(Octets& into) const {
    return ::recv(socket_.get(), into.data(), into.size(), MSG_WAITALL) == static_cast<ssize_t>(into.size());
  }
  UniqueFd socket_;
  std::size_t length_size_;
};

bool is_up(const std::string& port) {
  return Lab::port(port)["state"] == "forwarding";
}

class StreamPorts : public BridgeTest {
 protected:
  /// Adds a port that listens, and a peer that has connected.
  Peer add(const std::string& name, const std::string& options = "", std::size_t length_size = 4) {
    Lab::ok("rbctl addif br0 stream:" + path(name) + options);
    Peer peer = Peer::connect(path(name), length_size);
    EXPECT_TRUE(eventually([&] { return is_up(name); }));
    return peer;
  }
};

const Octets kOne = ethernet_frame(kEverybody, kA, content(1)), kTwo = ethernet_frame(kA, kB, content(2, 1400));

TEST_F(StreamPorts, CarryFramesBetweenPeersAndTaps) {
  const Wire tap = lab->add_host("br0").wire();
  const Peer a = add("vm1"), b = add("vm2", ",framing=len16", 2);
  EXPECT_EQ(Lab::port("vm1")["kind"], "stream");
  a.send(kOne);
  EXPECT_TRUE(b.sees(kOne));
  EXPECT_TRUE(tap.sees(kOne));
  b.send(kTwo);
  EXPECT_TRUE(a.sees(kTwo));
  EXPECT_EQ(Lab::stats("vm1")["tx"]["unicast"]["frames"], 1);
  EXPECT_THAT(Lab::ok("rbctl fdb show br br0"), HasSubstr(kB + " dev vm2 master br0"));
}

TEST_F(StreamPorts, AreSilentWhileTheirCarrierIsOff) {
  const Peer a = add("vm1"), b = add("vm2");
  a.send(kOne);
  EXPECT_TRUE(b.sees(kOne));
  Lab::ok("rbctl link set dev vm2 carrier off");
  EXPECT_EQ(Lab::port("vm2")["state"], "disabled");
  b.send(kTwo);
  a.send(ethernet_frame(kEverybody, kA, content(7)));
  // The frame to everybody is dropped at its ingress: there is no other port that takes the frame.
  EXPECT_TRUE(eventually([] { return Lab::drops("vm1", "no_egress") == 1; }));
  EXPECT_EQ(Lab::stats("vm2")["rx"]["unicast"]["frames"], 0) << "the port does not read";
  Lab::ok("rbctl link set dev vm2 carrier on");
  EXPECT_TRUE(a.sees(kTwo)) << "the connection has lasted";
  // The cable is pulled in the middle of a frame.
  const Octets halves = b.framed(kTwo);
  b.send_octets({halves.begin(), halves.begin() + 100});
  Lab::ok("rbctl link set dev vm2 carrier off && rbctl link set dev vm2 carrier on");
  b.send_octets({halves.begin() + 100, halves.end()});
  EXPECT_TRUE(a.sees(kTwo)) << "the frame goes on where it was";
  const Octets last = ethernet_frame(kEverybody, kA, content(8));
  a.send(last);
  EXPECT_EQ(b.receive(), last) << "frames from before the plug do not come later";
}

TEST_F(StreamPorts, TakeFramesHoweverTheirOctetsCome) {
  const Peer a = add("vm1"), b = add("vm2");
  for (const std::uint8_t octet : a.framed(kOne)) a.send_octets({octet});
  EXPECT_TRUE(b.sees(kOne));
  Octets many;
  for (int i = 0; i < 2000; ++i) {
    const Octets framed = a.framed(ethernet_frame(kB, kA, content(static_cast<std::uint8_t>(i), 100)));
    many.insert(many.end(), framed.begin(), framed.end());
  }
  std::thread sender([&] { a.send_octets(many); });
  for (int i = 0; i < 2000; ++i)
    ASSERT_EQ(b.receive(), ethernet_frame(kB, kA, content(static_cast<std::uint8_t>(i), 100))) << i;
  sender.join();
}

TEST_F(StreamPorts, EndTheConnectionOfAPeerOutOfStepAndTakeItsNextOne) {
  const Peer b = add("good");
  Lab::ok("rbctl addif br0 stream:" + path("vm1"));
  for (const Octets& garbage : {Octets{0xff, 0xff, 0xff, 0xff}, Octets{0, 0, 0, 0}, Octets{0, 1, 0x20, 0}}) {
    const Peer a = Peer::connect(path("vm1"));
    EXPECT_TRUE(eventually([&] { return is_up("vm1"); }));
    a.send(kOne);
    EXPECT_TRUE(b.sees(kOne));
    a.send_octets(garbage);
    EXPECT_EQ(a.receive(), Octets{}) << "closed";
    EXPECT_TRUE(eventually([&] { return Lab::port("vm1")["device"] == "down"; }));
  }
}

TEST_F(StreamPorts, ServeOnePeerAfterTheOther) {
  const Peer b = add("vm2");
  {
    const Peer a = add("vm1");
    a.send(kOne);
    EXPECT_TRUE(b.sees(kOne));
  }
  EXPECT_TRUE(eventually([&] { return Lab::port("vm1")["device"] == "down"; }));
  EXPECT_EQ(Lab::ok("rbctl fdb show br br0").find(kA), std::string::npos) << "its stations are deleted with it";
  const Peer again = Peer::connect(path("vm1"));
  EXPECT_TRUE(eventually([&] { return is_up("vm1"); }));
  again.send(kOne);
  EXPECT_TRUE(b.sees(kOne));
}

TEST_F(StreamPorts, GoToAPeerThatListensAndAgainWhenItComesBack) {
  const Peer b = add("vm2");
  Lab::ok("rbctl addif br0 stream:" + path("vm1") + ",client");
  EXPECT_EQ(Lab::port("vm1")["device"], "down");
  for (int life = 0; life < 2; ++life) {
    const Result<BoundSocket> listener = BoundSocket::bind(parse_socket_address(path("vm1")).value(), SOCK_STREAM, {});
    ASSERT_TRUE(listener.has_value()) << listener.error().message;
    UniqueFd socket;
    ASSERT_TRUE(eventually([&] {
      socket.reset(::accept4(listener->fd(), nullptr, nullptr, SOCK_CLOEXEC));
      return static_cast<bool>(socket);
    }));
    const Peer a(std::move(socket));
    EXPECT_TRUE(eventually([&] { return is_up("vm1"); }));
    a.send(kOne);
    EXPECT_TRUE(b.sees(kOne));
    b.send(kTwo);
    EXPECT_TRUE(a.sees(kTwo));
  }
}

TEST_F(StreamPorts, MeetOnTheLoopbackToo) {
  const Peer b = add("vm2");
  Lab::ok("ip link set lo up");
  for (const char* address : {"127.0.0.1:5555", "[::1]:5556"}) {
    Lab::ok(std::string("rbctl addif br0 stream:") + address + ",name=tcp");
    const Peer a = Peer::connect(address);
    EXPECT_TRUE(eventually([&] { return is_up("tcp"); }));
    a.send(kOne);
    EXPECT_TRUE(b.sees(kOne));
    Lab::ok("rbctl delif br0 tcp");
  }
}

TEST_F(StreamPorts, APeerThatDoesNotReadLosesItsOwnFramesAlone) {
  const Peer slow = add("slow"), a = add("vm1"), b = add("vm2");
  slow.send(ethernet_frame(kEverybody, kC, content(9)));
  EXPECT_TRUE(a.sees(ethernet_frame(kEverybody, kC, content(9))));
  const Octets to_slow = ethernet_frame(kC, kA, content(1, 1400));
  constexpr int kFrames = 3000;  // more than the sockets and the port hold
  for (int i = 0; i < kFrames; ++i) a.send(to_slow);
  a.send(kOne);
  EXPECT_TRUE(b.sees(kOne)) << "other ports are not affected";
  const std::uint64_t lost = Lab::drops("slow", "egress_full");
  EXPECT_GT(lost, 0U);
  // The peer gets whole frames only.
  for (std::uint64_t i = 0; i < kFrames - lost; ++i) ASSERT_EQ(slow.receive(), to_slow) << i;
  EXPECT_TRUE(slow.sees(kOne));
}

TEST_F(StreamPorts, TcpOfHostsIsCutForThem) {
  // A stream joins two bridges.
  Lab::ok("rbctl addbr br1");
  const Lab::Host &one = lab->add_host("br0"), &two = lab->add_host("br1");
  Lab::ok("rbctl addif br0 stream:" + path("here") + " && rbctl addif br1 stream:" + path("here") +
          ",client,name=there");
  EXPECT_TRUE(eventually([&] { return is_up("here") && is_up("there"); }));
  expect_tcp_is_cut(*lab, one, two);
}

TEST_F(StreamPorts, ComeBackFromADump) {
  add("vm1", ",framing=len16,mode=600");
  Lab::ok("rbctl addif br0 stream:" + path("vm2") + ",client,name=second");
  const std::string dump = Lab::ok("rbctl dump");
  EXPECT_THAT(dump, HasSubstr("addif br0 stream:" + path("vm1") + ",name=vm1,framing=len16,mode=600\n"));
  EXPECT_THAT(dump, HasSubstr("addif br0 stream:" + path("vm2") + ",name=second,client\n"));
  Lab::ok("rbctl delbr br0");
  EXPECT_NE(::access(path("vm1").c_str(), F_OK), 0) << "the port removes its socket's file";
  const std::string file = lab->daemon.directory() / "dump";
  Lab::ok("cat > " + file + " <<'END'\n" + dump + "END\nrbctl -batch " + file);
  EXPECT_EQ(Lab::ok("rbctl dump"), dump);
}

TEST_F(StreamPorts, SayWhatIsWrongAndChangeNothing) {
  add("vm1");
  Lab::ok("touch " + path("file"));
  const std::string before = Lab::ok("rbctl dump");
  EXPECT_THAT(Lab::port_refusal("stream:" + path("vm1") + ",name=other"),
              HasSubstr("another process has " + path("vm1")));
  EXPECT_THAT(Lab::port_refusal("stream:" + path("file")), HasSubstr("is no socket; it is left alone"));
  EXPECT_THAT(Lab::port_refusal("stream:/nosuch/dir/vm.sock"), HasSubstr("there is no directory"));
  EXPECT_THAT(Lab::port_refusal("stream:/tmp/" + std::string(120, 'x') + ",name=x"), HasSubstr("no more than 107"));
  EXPECT_THAT(Lab::port_refusal("stream:vm.sock,name=x"), HasSubstr("a path from the root"));
  EXPECT_THAT(Lab::port_refusal("stream:192.0.2.1:5555,name=x"), HasSubstr("not this host's loopback"));
  EXPECT_THAT(Lab::port_refusal("stream:127.0.0.1:5555"), HasSubstr("name="));
  EXPECT_THAT(Lab::port_refusal("stream:" + path("x") + ",speed=1"), HasSubstr("'speed'"));
  EXPECT_THAT(Lab::port_refusal("stream:" + path("x") + ",framing=len8"), HasSubstr("len32 or len16"));
  EXPECT_THAT(Lab::port_refusal("stream:" + path("x") + ",client,mode=600"), HasSubstr("made here"));
  EXPECT_THAT(Lab::port_refusal("stream:" + path("x") + ",mode=9"), HasSubstr("octal"));
  EXPECT_THAT(Lab::call("port.add",
                        {{"bridge", "br0"}, {"port", {{"kind", "stream"}, {"name", "a,b"}, {"address", path("x")}}}})
                  .dump(),
              HasSubstr("is no name for such a port"));
  EXPECT_THAT(Lab::call("port.add", {{"bridge", "br0"},
                                     {"port", {{"kind", "stream"}, {"name", "ab"}, {"address", path("x") + ",y"}}}})
                  .dump(),
              HasSubstr("commas"));
  EXPECT_EQ(Lab::ok("rbctl dump"), before);
  EXPECT_NE(::access(path("x").c_str(), F_OK), 0);
}

TEST_F(StreamPorts, AnOrdinaryUserMayBeGivenTheSocket) {
  Lab::ok("rbctl addif br0 stream:" + path("vm1") + ",owner=65534");
  struct stat status{};
  ASSERT_EQ(::stat(path("vm1").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 65534U);
  EXPECT_EQ(status.st_mode & 0777U, 0660U);
}

/// Connects a peer of a listener, from a socket that is bound to `own` unless that is empty.
Peer arrive(const std::string& at, const std::string& own = "") {
  const SocketAddress to = parse_socket_address(at).value();
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!own.empty()) {
    const SocketAddress from = parse_socket_address(own).value();
    EXPECT_EQ(::bind(socket.get(), from.get(), from.size), 0);
  }
  EXPECT_EQ(::connect(socket.get(), to.get(), to.size), 0);
  return Peer(std::move(socket));
}

TEST_F(StreamPorts, EachPeerOfAListenerIsAPortOfItsOwn) {
  Lab::ok("rbctl addif br0 listen:" + path("br0"));
  const std::string root = "root-" + std::to_string(::getpid());
  {
    const Peer a = arrive(path("br0")), b = arrive(path("br0"), path("alpha")), c = arrive(path("br0"));
    EXPECT_TRUE(eventually([&] { return is_up(root) && is_up("alpha") && is_up(root + ".2"); }));
    a.send(kOne);
    EXPECT_TRUE(b.sees(kOne));
    EXPECT_TRUE(c.sees(kOne));
    EXPECT_EQ(Lab::port("alpha")["uid"], 0);
    EXPECT_EQ(Lab::port("alpha")["pid"], ::getpid());
    const std::string dump = Lab::ok("rbctl dump");
    EXPECT_THAT(dump, HasSubstr("addif br0 listen:" + path("br0") + ",name=br0-listen\n"));
    EXPECT_EQ(dump.find("alpha"), std::string::npos) << "a port of a listener comes back with its peer";
  }
  EXPECT_TRUE(eventually([] { return Lab::call("port.list")["ports"].empty(); }))
      << "the ports are deleted with their connections";
  const Peer again = arrive(path("br0")), odd = arrive(path("br0"), path("not plain"));
  EXPECT_TRUE(eventually([&] { return is_up(root) && is_up(root + ".2"); })) << "an unknown process gets a plain name";
  Lab::ok("rbctl delif br0 br0-listen");
  EXPECT_EQ(again.receive(), Octets{});
  EXPECT_TRUE(Lab::call("port.list")["ports"].empty());
  EXPECT_NE(::access(path("br0").c_str(), F_OK), 0);
}

TEST_F(StreamPorts, OneUserCannotTakeAllPortsOfAListener) {
  Lab::ok("rbctl addif br0 listen:" + path("br0") + ",max=2,mode=666,name=door");
  const pid_t nobody = ::fork();
  if (nobody == 0) {
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
    const Peer one = arrive(path("br0")), two = arrive(path("br0")), three = arrive(path("br0"));
    ::_exit(three.receive().empty() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(nobody, &status, 0);
  EXPECT_EQ(status, 0) << "the third connection is closed";
  EXPECT_EQ(run_shell("setpriv --reuid=65534 --clear-groups rbctl delif br0 door").exit_status, 1);
  EXPECT_THAT(run_shell("rbctl addif br0 tap:door,create").output, HasSubstr("already"));
  EXPECT_THAT(run_shell("rbctl addif br0 listen:127.0.0.1:77,name=x").output, HasSubstr("is no path"));
}

class StreamWorkers : public LabTest {};

TEST_F(StreamWorkers, StreamsAreServedByTheirOwnWorkerAlone) {
  Lab lab({"--no-host-port", "--workers", "2"});
  Lab::ok("rbctl addbr br0");
  const Lab::Host &one = lab.add_host("br0"), &two = lab.add_host("br0");
  Lab::ok("rbctl addbr br1");
  const Lab::Host &three = lab.add_host("br1"), &four = lab.add_host("br1");
  const std::string path = lab.daemon.directory() / "here.sock";
  Lab::ok("rbctl addif br0 stream:" + path + " && rbctl addif br1 stream:" + path + ",client,name=there");
  EXPECT_TRUE(eventually([&] { return is_up("here") && is_up("there"); }));
  for (const Lab::Host* from : {&one, &two}) {
    for (const Lab::Host* to : {&three, &four}) {
      expect_pings(*from, to->address());
      expect_transfer(lab, *from, *to, 4);
      expect_transfer(lab, *to, *from, 4);
    }
  }
}

}  // namespace
}  // namespace rb::test
