// SPDX-License-Identifier: GPL-2.0-or-later
// The kind `dgram`: a process that exchanges datagrams with the port, each of which is a frame.
#pragma once

#include "control/model/port_kind.hpp"

namespace rb {

void add_dgram_kind(PortKinds& kinds);

}  // namespace rb
