// SPDX-License-Identifier: GPL-2.0-or-later
// A VLAN-aware bridge for relay tests.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/switch/relay_fixture.hpp"
#include "tests/switch/tagged_frame.hpp"

namespace rb::testing {

/// One VLAN-aware bridge. The caller sets the VLANs of its ports.
class VlanBoard {
 public:
  explicit VlanBoard(std::vector<PortVlans> ports, std::uint16_t tpid = kTpidCustomer) : ports_(std::move(ports)) {
    board.add_bridge();
    std::vector<BridgeVlans::Member> members;
    std::array<Fid, kVidCount> fids{};
    for (PortVlans& port : ports_) {
      const PortIndex index = board.add_port(0);
      board.ports[index].vlans = std::make_shared<PortVlans>(port);
      members.push_back({index, &port});
      board.vlan_counters.make(index, port.egress);
      port.egress.for_each([&](Vid vid) { fids[vid] = static_cast<Fid>(1000 + vid); });
    }
    board.bridges[0].vlans = std::make_shared<BridgeVlans>(tpid, fids, members);
  }

  /// Sends a frame and returns for each port by which it leaves its tags, in the form of tags_of().
  std::map<PortIndex, std::string> send(const Frame& frame) {
    std::map<PortIndex, std::string> left;
    for (const PortIndex port : board.send(frame)) left[port] = tags_of(board.frame_at(port));
    return left;
  }
  std::map<PortIndex, std::string> send(PortIndex ingress, const Tags& tags) {
    const TaggedFrame frame(tags, ingress);
    return send(frame.view);
  }
  [[nodiscard]] const PortVlans& vlans(PortIndex port) const { return ports_[port]; }
  [[nodiscard]] std::size_t port_count() const { return ports_.size(); }

  Switchboard board;

 private:
  std::vector<PortVlans> ports_;
};

}  // namespace rb::testing
