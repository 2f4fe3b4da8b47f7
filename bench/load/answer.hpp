// SPDX-License-Identifier: GPL-2.0-or-later
// The border where results become lines.
#pragma once

#include <string>
#include <string_view>

#include "bench/load/tcp_trial.hpp"
#include "bench/load/trial.hpp"

namespace bench {

/// Each line is without its '
/// '.
[[nodiscard]] std::string ready_line();
[[nodiscard]] std::string error_line(std::string_view message);
[[nodiscard]] std::string answer_line(const TrialResult& result);
[[nodiscard]] std::string answer_line(const TcpResult& result);

}  // namespace bench
