// SPDX-License-Identifier: GPL-2.0-or-later
// Port state transition sets the state of a port (IEEE 802.1D-2004 17.30).
#include "switch/stp/variables.hpp"

namespace rb::stp {

bool state_transition(Variables& bridge, PortVariables& port) {
  const auto enter = [&](PortState state) {
    port.learning = state != PortState::kDiscarding;
    port.forwarding = state == PortState::kForwarding;
    bridge.effects.emplace_back(SetPortState{port.number, state});
    return true;
  };
  if (!port.learning) return port.learn ? enter(PortState::kLearning) : false;
  if (!port.learn) return enter(PortState::kDiscarding);
  if (port.forwarding == port.forward) return false;
  if (!port.forward) return enter(PortState::kLearning);
  ++port.counted.transitions;
  return enter(PortState::kForwarding);
}

}  // namespace rb::stp
