// SPDX-License-Identifier: GPL-2.0-or-later
// Tests datagram ports, which speak to QEMU's `-netdev dgram`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ports/base/socket_address.hpp"
#include "traffic.hpp"

namespace rb::test {
namespace {

using ::testing::HasSubstr;

/// The peer of a datagram port.
class DgramPeer {
 public:
  DgramPeer(const std::string& own, const std::string& to)
      : socket_(BoundSocket::bind(parse_socket_address(own).value(), SOCK_DGRAM, {}).value()),
        to_(parse_socket_address(to).value()) {}
  void send(const Octets& frame) const {
    EXPECT_EQ(::sendto(socket_.fd(), frame.data(), frame.size(), 0, to_.get(), to_.size),
              static_cast<ssize_t>(frame.size()));
  }
  [[nodiscard]] bool sees(const Octets& wanted) const {
    for (;;) {
      pollfd waiting{socket_.fd(), POLLIN, 0};
      if (::poll(&waiting, 1, 10000) != 1) return false;
      Octets frame(70000);
      const ssize_t size = ::recv(socket_.fd(), frame.data(), frame.size(), 0);
      frame.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
      if (frame == wanted) return true;
    }
  }

 private:
  BoundSocket socket_;
  SocketAddress to_;
};

class DgramPorts : public BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    if (!IsSkipped()) Lab::ok("ip link set lo up");
  }
};

TEST_F(DgramPorts, CarryFramesByPathsAndByTheLoopback) {
  const Octets one = ethernet_frame(kEverybody, kA, content(1)), two = ethernet_frame(kA, kB, content(2, 1400));
  Lab::ok("rbctl addif br0 dgram:" + path("vm1") + ",peer=" + path("q1"));
  Lab::ok("rbctl addif br0 dgram:127.0.0.1:6001,peer=127.0.0.1:6002,name=udp");
  EXPECT_EQ(Lab::port("vm1")["state"], "forwarding");
  const Wire tap = lab->add_host("br0").wire();
  const DgramPeer b("127.0.0.1:6002", "127.0.0.1:6001");
  for (int life = 0; life < 2; ++life) {  // the second time the peer is a new socket
    const DgramPeer a(path("q1"), path("vm1"));
    a.send(one);
    EXPECT_TRUE(b.sees(one));
    EXPECT_TRUE(tap.sees(one));
    b.send(two);
    EXPECT_TRUE(a.sees(two));
  }
  const std::uint64_t before = Lab::drops("vm1", "egress_down");
  b.send(two);
  EXPECT_TRUE(eventually([&] { return Lab::drops("vm1", "egress_down") == before + 1; })) << "to nobody";
  const DgramPeer stranger("127.0.0.1:6003", "127.0.0.1:6001");
  stranger.send(ethernet_frame(kEverybody, kC, content(3)));
  b.send(one);
  EXPECT_TRUE(tap.sees(one));
  EXPECT_EQ(Lab::ok("rbctl fdb show br br0").find(kC), std::string::npos) << "only the peer's datagrams are accepted";
}

TEST_F(DgramPorts, TcpOfHostsIsCutForThem) {
  Lab::ok("rbctl addbr br1");
  const Lab::Host &one = lab->add_host("br0"), &two = lab->add_host("br1");
  Lab::ok("rbctl addif br0 dgram:" + path("here") + ",peer=" + path("there"));
  Lab::ok("rbctl addif br1 dgram:" + path("there") + ",peer=" + path("here"));
  expect_tcp_is_cut(*lab, one, two);
}

TEST_F(DgramPorts, ComeBackFromADumpAndSayWhatIsWrong) {
  Lab::ok("rbctl addif br0 dgram:" + path("vm1") + ",peer=" + path("q1") + ",mode=600");
  const std::string dump = Lab::ok("rbctl dump");
  EXPECT_THAT(dump, HasSubstr("addif br0 dgram:" + path("vm1") + ",name=vm1,peer=" + path("q1") + ",mode=600\n"));
  EXPECT_THAT(Lab::port_refusal("dgram:" + path("vm1") + ",name=x,peer=" + path("q2")),
              HasSubstr("another process has"));
  Lab::ok("rbctl addif br0 dgram:127.0.0.1:6001,peer=127.0.0.1:6002,name=udp");
  EXPECT_THAT(Lab::port_refusal("dgram:127.0.0.1:6001,peer=127.0.0.1:6002,name=two"), HasSubstr("another process has"));
  Lab::ok("rbctl delif br0 udp");
  EXPECT_THAT(Lab::port_refusal("dgram:" + path("vm2") + ",peer=127.0.0.1:6000"), HasSubstr("no two ends of one wire"));
  EXPECT_THAT(Lab::port_refusal("dgram:" + path("vm2")), HasSubstr("peer="));
  EXPECT_EQ(Lab::ok("rbctl dump"), dump);
  EXPECT_NE(::access(path("vm2").c_str(), F_OK), 0);
  Lab::ok("rbctl delif br0 vm1");
  EXPECT_NE(::access(path("vm1").c_str(), F_OK), 0) << "the port removes its socket's file";
}

}  // namespace
}  // namespace rb::test
