// SPDX-License-Identifier: GPL-2.0-or-later
// Daemon: puts engine, switch model, control socket and timers together, and runs until it is told to stop.
#pragma once

#include <optional>
#include <string>

#include "control/daemon/peer.hpp"
#include "ports/engine/engine.hpp"
#include "switch/result.hpp"

namespace rb {

struct DaemonOptions {
  std::string socket_path;
  EngineOptions engine;
  AccessPolicy access;
  bool host_ports = true;
  bool allow_uso = true;
  std::optional<std::string> config_file;
};

/// Runs in the foreground; says "ready" on standard error when clients may come. Returns after SIGTERM or SIGINT, with
/// everything it made taken away again but persistent taps; or with what kept it from starting.
[[nodiscard]] Result<> run_daemon(const DaemonOptions& options);

}  // namespace rb
