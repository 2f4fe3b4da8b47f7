// SPDX-License-Identifier: GPL-2.0-or-later
// What `rbctl stats`, `info` and `trace` print as text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace rb {

/// One element of stats.get's `ports`; drop reasons that never happened are left out.
[[nodiscard]] std::string stats_text(const nlohmann::json& port);
/// The result of daemon.info, a line a value.
[[nodiscard]] std::string info_text(const nlohmann::json& info);
/// The result of trace: the steps in order, then where the frame goes, or why nowhere.
[[nodiscard]] std::string trace_text(const nlohmann::json& trace);

}  // namespace rb
