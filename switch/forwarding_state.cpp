// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/forwarding_state.hpp"

#include <utility>

namespace rb {

const PortState ForwardingState::kUnused{};

namespace {

/// The stages of a port: those that were asked for, and those that its settings ask for.
StageBits with_settings(const PortState& port) noexcept {
  StageBits bits = port.stages;
  if (port.rate_in.any()) bits.ingress = static_cast<std::uint16_t>(bits.ingress | StageBits::bit(StageId::kPolicer));
  return bits;
}

}  // namespace

ForwardingState::ForwardingState(std::vector<BridgeState> bridges, std::vector<PortState> ports)
    : bridges_(std::move(bridges)), ports_(std::move(ports)), port_count_(ports_.size()), floods_(bridges_.size()) {
  for (std::size_t index = 0; index < ports_.size(); ++index) {
    PortState& port = ports_[index];
    port.stages = with_settings(port);
    port.plain_egress = port.gate == PortGate::kForwarding && port.stages.egress == 0;
    if (port.bridge == kNoBridge || port.gate != PortGate::kForwarding) continue;
    Floods& floods = floods_.at(port.bridge);
    if (port.flood) floods.unicast.push_back(static_cast<PortIndex>(index));
    if (port.mcast_flood) floods.multicast.push_back(static_cast<PortIndex>(index));
    if (port.bcast_flood) floods.broadcast.push_back(static_cast<PortIndex>(index));
  }
}

}  // namespace rb
