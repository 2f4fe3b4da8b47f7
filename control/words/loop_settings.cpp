// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/loop_settings.hpp"

namespace rb {

Result<> check_settings(const LoopSettings& settings) {
  if (settings.action == LoopAction::kBlock && settings.probe_s == 0) {
    return fail(
        ErrorCode::kInvalidArgument,
        "loop_guard block finds loops by probes, so loop_probe cannot be off; 'loop_guard report' needs no probes");
  }
  return {};
}

}  // namespace rb
