// SPDX-License-Identifier: GPL-2.0-or-later
// Client: one connection to ringbridged, as docs/control-protocol.md describes it.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "control/words/command_line.hpp"
#include "ports/base/unique_fd.hpp"
#include "switch/result.hpp"

namespace rb {

/// Carries out one request and gives its result, or the daemon's error with the code that its error.data.kind names.
/// The commands use this type instead of Client, so that tests can answer in the daemon's place.
using CallDaemon = std::function<Result<nlohmann::json>(const Request&)>;

/// Blocking; for one thread.
class Client {
 public:
  /// Connects to the socket at `path`. Errors: kSystem (no daemon there, and what to do), kPermission, kInvalidArgument
  /// (a path that is too long for a socket). With a `patience` every wait for the daemon ends in kSystem after that
  /// time.
  [[nodiscard]] static Result<Client> connect(const std::string& path,
                                              std::optional<std::chrono::milliseconds> patience = std::nullopt);

  /// Sends one request, `descriptors` (borrowed) with it, and waits for its answer. Events that come before the answer
  /// are kept for next_event(). kSystem when the connection is lost or the other side does not speak JSON-RPC.
  [[nodiscard]] Result<nlohmann::json> call(const Request& request, std::span<const int> descriptors = {});

  /// Opens the namespace that a port specification names, with this process's rights, and sends its descriptor along.
  [[nodiscard]] Result<nlohmann::json> call_opening_netns(const Request& request);

  /// Waits for the next event and gives its params; nullopt when the daemon has closed the connection.
  [[nodiscard]] Result<std::optional<nlohmann::json>> next_event();

 private:
  explicit Client(UniqueFd socket) : socket_(std::move(socket)) {}
  Result<> send(std::string_view line, std::span<const int> descriptors);
  /// One line as JSON; nullopt at the end of the stream.
  Result<std::optional<nlohmann::json>> read_message();

  UniqueFd socket_;
  std::string received_;  // bytes that are not yet a whole line
  std::vector<nlohmann::json> events_;
  std::int64_t last_id_ = 0;
};

/// The code that a name of error.data.kind stands for; kSystem for an unknown name.
[[nodiscard]] ErrorCode error_code_of(std::string_view kind);

}  // namespace rb
