// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/all_port_kinds.hpp"

#include "control/kinds/dgram_kind.hpp"
#include "control/kinds/stream_kind.hpp"
#include "control/kinds/vde_kind.hpp"
#include "control/kinds/vhost_user_kind.hpp"

namespace rb {

PortKinds all_port_kinds(EventLoop* loop, const InterfaceKindOptions& interfaces) {
  PortKinds kinds;
  add_interface_kinds(kinds, interfaces);
  add_stream_kinds(kinds, loop);
  add_dgram_kind(kinds);
  add_vde_kind(kinds, loop);
  add_vhost_user_kind(kinds, loop);
  return kinds;
}

}  // namespace rb
