// SPDX-License-Identifier: GPL-2.0-or-later
// The table of commands as a document: docs/commands.md is this text.
#pragma once

#include <string>

namespace rb {

/// Markdown: one section a group, one heading a command, one table of arguments.
[[nodiscard]] std::string commands_reference();

}  // namespace rb
