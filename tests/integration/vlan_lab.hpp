// SPDX-License-Identifier: GPL-2.0-or-later
// A lab whose bridge has VLANs. It returns which ports receive which octets when a port sends a frame.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lab.hpp"
#include "traffic.hpp"

namespace rb::test {

inline constexpr int kCustomerTag = 0x8100, kServiceTag = 0x88a8;

/// Inserts a tag before `rest`.
inline Octets tagged(int vid, Octets rest, int pcp = 0, int tpid = kCustomerTag) {
  const int tci = pcp << 13 | vid;
  const Octets tag = {static_cast<std::uint8_t>(tpid >> 8), static_cast<std::uint8_t>(tpid & 0xff),
                      static_cast<std::uint8_t>(tci >> 8), static_cast<std::uint8_t>(tci & 0xff)};
  rest.insert(rest.begin(), tag.begin(), tag.end());
  return rest;
}

/// Makes a broadcast of one station, with `rest` after its addresses.
inline Octets broadcast(const Octets& rest) {
  return ethernet_frame(kEverybody, kA, rest);
}

/// The frames that came out, by port. Ports without frames are left out.
using Deliveries = std::map<std::string, std::vector<Octets>>;

class VlanLab {
 public:
  /// Makes a bridge with filtering on, and a port "t1" that is a tagged member of `marked`. Every port of the lab must
  /// receive frames of at least one of these VLANs.
  explicit VlanLab(const std::vector<int>& marked, const std::string& bridge_options = "vlan_filtering 1",
                   std::vector<std::string> arguments = {"--no-host-port"})
      : lab(std::move(arguments)), marked_(marked) {
    Lab::ok("rbctl addbr br0");
    Lab::ok("rbctl link set br0 vlan_default_pvid 0 " + bridge_options);
    add("");
    for (const int vid : marked) Lab::ok("rbctl vlan add dev t1 vid " + std::to_string(vid));
  }
  /// Adds a host on a port of its own and runs `rbctl port NAME SETTING`.
  Lab::Host& add(const std::string& setting) {
    Lab::Host& host = lab.add_host("br0");
    if (!setting.empty()) Lab::ok("rbctl port " + host.device + " " + setting);
    wires_.emplace(host.device, host.wire());
    return host;
  }
  /// Sends a frame from the host of one port and returns the frames that come out elsewhere.
  Deliveries send(const std::string& from, const Octets& frame, int tpid = kCustomerTag) {
    const std::uint64_t before = received(from);
    wires_.at(from).send(frame);
    EXPECT_TRUE(eventually([&] { return received(from) == before + 1; }));
    // The marks come out after all earlier frames.
    ++round_;
    for (const int vid : marked_) wires_.at("t1").send(mark(tagged(vid, content(round_, 50), 0, tpid)));
    Deliveries deliveries;
    for (const auto& [port, wire] : wires_) {
      if (port == from || port == "t1") continue;
      if (auto frames = until_mark(wire); !frames.empty()) deliveries[port] = std::move(frames);
    }
    return deliveries;
  }
  [[nodiscard]] const Wire& wire(const std::string& port) const { return wires_.at(port); }

  Lab lab;

 private:
  static Octets mark(const Octets& rest) { return ethernet_frame(kEverybody, kC, rest); }
  static std::uint64_t received(const std::string& port) {
    const nlohmann::json rx = Lab::stats(port)["rx"];
    std::uint64_t frames = 0;
    for (const char* kind : {"unicast", "multicast", "broadcast"}) frames += rx[kind]["frames"].get<std::uint64_t>();
    return frames;
  }
  [[nodiscard]] std::vector<Octets> until_mark(const Wire& wire) const {
    const Octets marks = mark({});
    std::vector<Octets> frames;
    for (;;) {
      Octets frame = wire.receive(10000);
      EXPECT_FALSE(frame.empty()) << "the mark did not come";
      if (frame.empty()) return frames;
      if (!std::equal(marks.begin(), marks.end(), frame.begin())) {
        frames.push_back(std::move(frame));
      } else if (frame.back() == round_) {
        return frames;
      }
    }
  }

  std::vector<int> marked_;
  std::map<std::string, Wire> wires_;
  std::uint8_t round_ = 0;
};

}  // namespace rb::test
