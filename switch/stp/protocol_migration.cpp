// SPDX-License-Identifier: GPL-2.0-or-later
// Port protocol migration decides which of the protocols a port speaks (IEEE 802.1D-2004 17.24).
#include "switch/stp/variables.hpp"

namespace rb::stp {

bool protocol_migration(Variables& bridge, PortVariables& port) {
  const auto check_rstp = [&] {
    port.migration_state = MigrationState::kCheckingRstp;
    port.mcheck = false;
    port.send_rstp = bridge.rstp_version();
    // The timer counts only while the port is enabled.
    if (port.port_enabled) {
      port.mdelay_while.start(bridge.now, kMigrateTime);
    } else {
      port.mdelay_while.hold(kMigrateTime);
    }
    return true;
  };
  const auto sense = [&] {
    port.migration_state = MigrationState::kSensing;
    port.rcvd_rstp = port.rcvd_stp = false;
    return true;
  };
  switch (port.migration_state) {
    case MigrationState::kCheckingRstp:
      if (!port.port_enabled) return port.mdelay_while.held_at(kMigrateTime) ? false : check_rstp();
      port.mdelay_while.release(bridge.now);
      return port.mdelay_while.zero() ? sense() : false;
    case MigrationState::kSensing:
      if (!port.port_enabled || port.mcheck || (bridge.rstp_version() && !port.send_rstp && port.rcvd_rstp))
        return check_rstp();
      if (!port.send_rstp || !port.rcvd_stp) return false;
      port.migration_state = MigrationState::kSelectingStp;
      port.send_rstp = false;
      port.mdelay_while.start(bridge.now, kMigrateTime);
      return true;
    case MigrationState::kSelectingStp:
      return port.mdelay_while.zero() || !port.port_enabled || port.mcheck ? sense() : false;
  }
  return false;
}

}  // namespace rb::stp
