// SPDX-License-Identifier: GPL-2.0-or-later
// Configuration files: rbctl commands, one a line.
#pragma once

#include <istream>
#include <string>

#include "control/api/commands.hpp"
#include "switch/result.hpp"

namespace rb {

/// Carries every line out; stops at the first that fails, with `name`, its line and the reason in the message. The
/// caller throws the half-made switch away, so a configuration is applied whole or not at all.
[[nodiscard]] Result<> apply_configuration(std::istream& input, const std::string& name, Commands& commands);

}  // namespace rb
