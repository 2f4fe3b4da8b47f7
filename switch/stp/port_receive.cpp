// SPDX-License-Identifier: GPL-2.0-or-later
// Port receive takes a BPDU in (IEEE 802.1D-2004 17.23).
#include "switch/stp/variables.hpp"

namespace rb::stp {

bool port_receive(Variables& bridge, PortVariables& port) {
  if (!port.port_enabled) {
    if (!port.rcvd_bpdu && port.edge_delay_while.held_at(kMigrateTime)) return false;
    port.rcvd_bpdu = port.rcvd_rstp = port.rcvd_stp = port.rcvd_msg = false;
    port.edge_delay_while.hold(kMigrateTime);
    return true;
  }
  port.edge_delay_while.release(bridge.now);
  if (!port.rcvd_bpdu || port.rcvd_msg) return false;
  // updtBPDUVersion() (17.21.22)
  (port.message.kind == Bpdu::Kind::kRapid ? port.rcvd_rstp : port.rcvd_stp) = true;
  port.oper_edge = port.rcvd_bpdu = false;
  port.rcvd_msg = true;
  port.edge_delay_while.start(bridge.now, kMigrateTime);
  return true;
}

}  // namespace rb::stp
