// SPDX-License-Identifier: GPL-2.0-or-later
// The printers of the commands that read: the result of a command's method as text and as JSON.
//
// A printer belongs to the row of the same name in control/words. printers_test.cpp fails when a command that reads has
// no printer, or a printer has no command.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "control/rbctl/bridge_text.hpp"
#include "control/rbctl/json_text.hpp"

namespace rb {

/// Both functions throw nlohmann::json::exception for a result that lacks something.
struct Printer {
  std::string_view command;  // the whole name: "fdb show"
  std::string (*text)(const nlohmann::json& result, const BridgeTextOptions& options);
  OrderedJson (*object)(const nlohmann::json& result, const BridgeTextOptions& options);
};

[[nodiscard]] std::span<const Printer> printers();

/// The printer of the command of that name; nullptr when the command has none.
[[nodiscard]] const Printer* printer_of(std::string_view command);

}  // namespace rb
