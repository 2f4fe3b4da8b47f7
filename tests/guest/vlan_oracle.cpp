// SPDX-License-Identifier: GPL-2.0-or-later
// Records what the kernel's bridge with VLAN filtering does with each kind of frame, from each kind of port to each
// other.
//
// The program runs as root on a kernel that has VLAN filtering, where nothing else runs (vlan_oracle.sh: in a guest).
// It prints a line for each combination, in the format of tests/golden/kernel-vlan-rules.txt:
//
//   PROTOCOL INGRESS-MODE FRAME -> EGRESS-MODE: the tags and the EtherType that came out, or "dropped"
//
// There is one sending and one receiving port for every mode. A frame that is written to a tap has crossed the bridge
// when write() returns, so the program does not wait; it would notice a frame that comes later.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/switch/vlan_cases.hpp"

namespace {

using rb::testing::FrameKind;
using rb::testing::VlanMode;

void run(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

int open_tap(const std::string& name) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) throw std::runtime_error("cannot make tap " + name);
  return fd;
}

void append(std::string& octets, std::uint32_t value, int size) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) octets += static_cast<char>(value >> shift & 0xff);
}

/// Makes a broadcast with a number that identifies it.
std::string make_frame(const FrameKind& kind, std::uint32_t number) {
  std::string octets("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01", 12);
  for (const std::uint32_t tag : kind.tags) append(octets, tag, 4);
  append(octets, 0x88b5, 2);
  append(octets, number, 4);
  octets.resize(octets.size() + 60);
  return octets;
}

/// Describes the octets between the addresses and the number. Empty if the frame is not ours.
std::string describe(const std::string& octets, std::uint32_t number) {
  std::string wanted;
  append(wanted, 0x88b5, 2);
  const std::size_t type = octets.find(wanted, 12);
  if (type == std::string::npos) return {};
  append(wanted, number, 4);
  if (octets.compare(type, wanted.size(), wanted) != 0) throw std::runtime_error("a frame came late");
  std::string text;
  std::array<char, 3> hex{};
  for (std::size_t at = 12; at < type + 2; ++at) {
    std::snprintf(hex.data(), hex.size(), "%02x", static_cast<unsigned char>(octets[at]));
    text += hex.data();
    if (at % 4 == 3 && at < type + 1) text += ' ';
  }
  return text;
}

/// Returns all frames that have come out of a tap.
std::string receive(int fd, std::uint32_t number) {
  std::string result = "dropped";
  std::array<char, 2048> buffer;
  for (ssize_t size = 0; (size = read(fd, buffer.data(), buffer.size())) > 0;) {
    const std::string text = describe({buffer.data(), static_cast<std::size_t>(size)}, number);
    if (text.empty()) continue;
    result = result == "dropped" ? text : result + " and " + text;
  }
  return result;
}

struct Port {
  const VlanMode* mode;
  int fd;
};

std::vector<Port> make_ports(const std::string& prefix) {
  std::vector<Port> ports;
  for (const VlanMode& mode : rb::testing::vlan_modes()) {
    const std::string name = prefix + std::to_string(ports.size());
    ports.push_back({&mode, open_tap(name)});
    run("echo 1 >/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6");
    run("ip link set " + name + " master br0 up");
    run("bridge vlan del dev " + name + " vid 1");
    for (const rb::testing::VlanOfMode& vlan : mode.vlans) {
      run("bridge vlan add dev " + name + " vid " + std::to_string(vlan.vid) + (vlan.pvid ? " pvid" : "") +
          (vlan.untagged ? " untagged" : ""));
    }
  }
  return ports;
}

void judge(const char* protocol) {
  run("ip link add br0 type bridge vlan_filtering 1 mcast_snooping 0 vlan_protocol " + std::string(protocol));
  run("echo 1 >/proc/sys/net/ipv6/conf/br0/disable_ipv6; ip link set br0 up");
  const std::vector<Port> senders = make_ports("in"), receivers = make_ports("out");
  std::uint32_t number = 0;
  for (const Port& sender : senders) {
    for (const FrameKind& kind : rb::testing::frame_kinds()) {
      const std::string frame = make_frame(kind, ++number);
      for (const Port& other : senders) (void)receive(other.fd, number - 1);
      if (write(sender.fd, frame.data(), frame.size()) != static_cast<ssize_t>(frame.size()))
        throw std::runtime_error("cannot send");
      for (const Port& receiver : receivers) {
        std::printf("%s %s %s -> %s: %s\n", protocol, sender.mode->name, kind.name, receiver.mode->name,
                    receive(receiver.fd, number).c_str());
      }
    }
  }
  for (const Port& port : senders) close(port.fd);
  for (const Port& port : receivers) close(port.fd);
  run("ip link del br0");
}

}  // namespace

int main() {
  try {
    judge("802.1Q");
    judge("802.1ad");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vlan_oracle: %s\n", error.what());
    return 1;
  }
}
