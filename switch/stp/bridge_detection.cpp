// SPDX-License-Identifier: GPL-2.0-or-later
// Bridge detection finds out if a port has end stations only (IEEE 802.1D-2004 17.25).
#include "switch/stp/variables.hpp"

namespace rb::stp {

bool bridge_detection(PortVariables& port) {
  if (port.oper_edge) {
    if (port.port_enabled || port.admin_edge()) return false;
    port.oper_edge = false;
    return true;
  }
  const bool alone = port.edge_delay_while.zero() && port.auto_edge() && port.send_rstp && port.proposing;
  // A port that hears its own BPDUs is behind a loop, so it is no edge port.
  if ((port.port_enabled || !port.admin_edge()) && !(alone && port.self_looped_while.zero())) return false;
  port.oper_edge = true;
  return true;
}

}  // namespace rb::stp
