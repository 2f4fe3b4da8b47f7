// SPDX-License-Identifier: GPL-2.0-or-later
// A lab has hosts on the ports of a switch. Hosts are network namespaces without names, so that a test leaves nothing
// behind however it ends.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <functional>
#include <list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "ports/base/netns.hpp"
#include "running_daemon.hpp"
#include "switch/mac_address.hpp"

namespace rb::test {

using Octets = std::vector<std::uint8_t>;

inline Octets ethernet_frame(const std::string& destination, const std::string& source, Octets rest) {
  Octets frame;
  for (const std::string& text : {destination, source}) {
    const MacAddress mac = parse_mac(text).value();
    frame.insert(frame.end(), mac.octets.begin(), mac.octets.end());
  }
  frame.insert(frame.end(), rest.begin(), rest.end());
  return frame;
}

/// Sends and receives octets on the wire of one interface. AF_PACKET moves the VLAN tag of received frames to auxiliary
/// data; Wire puts the tag back.
class Wire {
 public:
  Wire(int netns_fd, const std::string& device) {
    const Result<NetnsScope> visit = NetnsScope::enter(netns_fd);
    if (!visit) throw std::runtime_error(visit.error().message);
    fd_.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
    const int one = 1, buffer_size = 64 << 20;
    ::setsockopt(fd_.get(), SOL_PACKET, PACKET_AUXDATA, &one, sizeof one);
    ::setsockopt(fd_.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_size, sizeof buffer_size);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("bind to " + device);
  }
  void send(const Octets& frame) const {
    EXPECT_EQ(::send(fd_.get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  }
  /// Sends a frame. False if a full queue refuses it, as may happen under overload.
  [[nodiscard]] bool try_send(const Octets& frame) const {
    return ::send(fd_.get(), frame.data(), frame.size(), MSG_DONTWAIT) >= 0;
  }
  /// Returns the next frame that comes in within `timeout_ms`, or an empty frame.
  [[nodiscard]] Octets receive(int timeout_ms) const {
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, timeout_ms) != 1) return {};
    Octets frame(70000);
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(tpacket_auxdata))];
    iovec vector{frame.data(), frame.size()};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = ::recvmsg(fd_.get(), &message, 0);
    frame.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && frame.size() >= 12) {
      tpacket_auxdata data{};
      std::memcpy(&data, CMSG_DATA(header), sizeof data);
      if ((data.tp_status & TP_STATUS_VLAN_VALID) != 0) {
        const std::uint16_t type = (data.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? data.tp_vlan_tpid : ETH_P_8021Q;
        const Octets tag = {static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type & 0xff),
                            static_cast<std::uint8_t>(data.tp_vlan_tci >> 8),
                            static_cast<std::uint8_t>(data.tp_vlan_tci & 0xff)};
        frame.insert(frame.begin() + 12, tag.begin(), tag.end());
      }
    }
    return frame;
  }
  /// Waits at most ten seconds for exactly this frame.
  [[nodiscard]] bool sees(const Octets& wanted) const {
    for (;;) {
      const Octets frame = receive(10000);
      if (frame.empty()) return false;
      if (frame == wanted) return true;
    }
  }
  /// Returns all frames that came in before `last`, which must come.
  [[nodiscard]] std::vector<Octets> until(const Octets& last) const {
    std::vector<Octets> frames;
    for (;;) {
      Octets frame = receive(10000);
      EXPECT_FALSE(frame.empty()) << "the last frame did not come";
      if (frame.empty() || frame == last) return frames;
      frames.push_back(std::move(frame));
    }
  }

 private:
  UniqueFd fd_;
};

/// Waits at most ten seconds until `holds`, which it checks after each of the kernel's shortest sleeps. For conditions
/// without an event.
[[nodiscard]] inline bool eventually(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

class Lab {
 public:
  struct Host {
    std::string device;
    UniqueFd netns;
    unsigned number = 0;

    [[nodiscard]] std::string path() const {
      return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(netns.get());
    }
    [[nodiscard]] std::string address() const { return "10.77.0." + std::to_string(number); }
    /// Runs a shell command inside the namespace.
    [[nodiscard]] CommandResult run(const std::string& command) const {
      return run_shell("nsenter --net=" + path() + " sh -c '" + command + "'");
    }
    [[nodiscard]] Wire wire() const { return Wire(netns.get(), device); }
  };

  explicit Lab(std::vector<std::string> arguments = {"--no-host-port"}) : daemon(std::move(arguments)) {}

  /// Makes a namespace that has only a loopback interface.
  static UniqueFd new_netns() {
    const UniqueFd home(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("unshare");
    UniqueFd made(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (::setns(home.get(), CLONE_NEWNET) != 0) throw std::runtime_error("setns");
    return made;
  }
  /// A host on a tap port of `bridge`. The host is up, and IPv6 is off by default so that the host sends nothing by
  /// itself.
  enum class Ipv6 : std::uint8_t { kOff, kOn };
  Host& add_host(const std::string& bridge, const std::string& options = "", Ipv6 ipv6 = Ipv6::kOff) {
    hosts_.push_back({"t" + std::to_string(hosts_.size() + 1), new_netns(), static_cast<unsigned>(hosts_.size() + 1)});
    Host& host = hosts_.back();
    ok("rbctl addif " + bridge + " tap:" + host.device + ",create,netns=" + host.path() + options);
    bring_up(host, ipv6);
    return host;
  }
  static void bring_up(const Host& host, Ipv6 ipv6 = Ipv6::kOff) {
    const std::string quiet =
        ipv6 == Ipv6::kOff
            ? "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; "
            : "echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad; echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; ";
    const CommandResult result = host.run(quiet + "ip link set lo up; ip addr add " + host.address() + "/24 dev " +
                                          host.device + " && ip link set " + host.device + " up");
    ASSERT_EQ(result.exit_status, 0) << result.output;
    // The state "up" reaches the switch by netlink.
    ASSERT_TRUE(eventually([&] { return port(host.device)["state"] == "forwarding"; }));
  }
  /// Runs a command that must succeed, in the daemon's namespace.
  static std::string ok(const std::string& command) {
    const CommandResult result = run_shell(command);
    EXPECT_EQ(result.exit_status, 0) << command << ": " << result.output;
    return result.output;
  }
  /// Sends a request to the daemon by its own protocol.
  static nlohmann::json call(const std::string& method, const nlohmann::json& params = nlohmann::json::object()) {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string(std::getenv("RINGBRIDGE_SOCKET")).copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return nullptr;
    const std::string line =
        nlohmann::json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}}.dump() + "\n";
    if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) return nullptr;
    std::string answer;
    for (std::array<char, 65536> buffer; answer.find('\n') == std::string::npos;) {
      const ssize_t size = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
      if (size <= 0) return nullptr;
      answer.append(buffer.data(), static_cast<std::size_t>(size));
    }
    nlohmann::json parsed = nlohmann::json::parse(answer);
    return parsed.contains("result") ? parsed["result"] : parsed;
  }
  static nlohmann::json port(const std::string& name) {
    const nlohmann::json answer = call("port.list", {{"name", name}});
    return answer.contains("ports") ? answer["ports"][0] : nlohmann::json::object();
  }
  static nlohmann::json stats(const std::string& name) { return call("stats.get", {{"port", name}})["ports"][0]; }
  static std::uint64_t drops(const std::string& name, const std::string& reason) {
    return stats(name)["drops"][reason];
  }

  /// Returns the message of a command that must fail.
  static std::string refusal(const std::string& command) {
    const CommandResult result = run_shell(command);
    EXPECT_EQ(result.exit_status, 1) << command;
    return result.output;
  }
  /// The same for `addif` to br0.
  static std::string port_refusal(const std::string& device) { return refusal("rbctl addif br0 " + device); }

  RunningDaemon daemon;

 private:
  std::list<Host> hosts_;
};

/// Skips the test without root. With root and /dev/net/tun, ./check counts a skipped test as failed.
class LabTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || ::access("/dev/net/tun", F_OK) != 0) GTEST_SKIP() << "needs root and /dev/net/tun";
  }
};

/// A LabTest with a daemon that has a bridge br0.
class BridgeTest : public LabTest {
 protected:
  void SetUp() override {
    LabTest::SetUp();
    if (IsSkipped()) return;
    lab.emplace();
    Lab::ok("rbctl addbr br0");
  }
  /// Returns the path for a socket.
  [[nodiscard]] std::string path(const std::string& name) const { return lab->daemon.directory() / (name + ".sock"); }

  std::optional<Lab> lab;
};

}  // namespace rb::test
