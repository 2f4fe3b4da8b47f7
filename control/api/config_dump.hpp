// SPDX-License-Identifier: GPL-2.0-or-later
// The configuration as lines of rbctl commands that make what is there.
#pragma once

#include <string>
#include <vector>

#include "control/model/switch_model.hpp"

namespace rb {

/// Only what differs from the defaults is said. Feeding the lines to `ringbridged --config` brings everything back but
/// what was learned.
[[nodiscard]] std::vector<std::string> dump_configuration(SwitchModel& model);

}  // namespace rb
