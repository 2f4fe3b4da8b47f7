// SPDX-License-Identifier: GPL-2.0-or-later
// The text that `rbctl stats`, `info` and `trace` print.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace rb {

/// One element of stats.get's `ports`; drop reasons that never happened are left out.
[[nodiscard]] std::string stats_text(const nlohmann::json& port);
/// The result of daemon.info, one line for each value.
[[nodiscard]] std::string info_text(const nlohmann::json& info);
/// The result of trace: the steps in order, then the ports that the frame leaves by, or the reason why it is dropped.
[[nodiscard]] std::string trace_text(const nlohmann::json& trace);

}  // namespace rb
