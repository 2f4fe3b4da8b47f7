// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/daemon/config_file.hpp"

#include <fmt/core.h>

#include <chrono>
#include <thread>

#include "control/words/command_line.hpp"

namespace rb {
namespace {

/// The kernel gives the taps of a daemon that was killed back a moment after its process is gone: a tap that is held is
/// asked for again for a while. No client is served yet, so nobody waits for this.
std::expected<nlohmann::json, RpcError> call_patiently(const Request& request, Commands& commands) {
  constexpr std::chrono::milliseconds kPause{20};
  constexpr int kAttempts = 100;
  for (int attempt = 1;; ++attempt) {
    Caller caller;
    caller.is_configuration = true;
    auto answer = commands.call(request.method, request.params, caller);
    if (answer || attempt == kAttempts || answer.error().kind != error_name(ErrorCode::kBusy)) return answer;
    std::this_thread::sleep_for(kPause);
  }
}

Result<> apply_line(const std::string& line, Commands& commands) {
  const Result<std::vector<std::string>> words = split_words(line);
  if (!words) return std::unexpected(words.error());
  if (words->empty()) return {};
  const Result<std::vector<Request>> requests = parse_change_command(*words);
  if (!requests) return std::unexpected(requests.error());
  for (const Request& request : *requests) {
    const auto answer = call_patiently(request, commands);
    if (!answer) return fail(ErrorCode::kInvalidArgument, answer.error().message, answer.error().name);
  }
  return {};
}

}  // namespace

Result<> apply_configuration(std::istream& input, const std::string& name, Commands& commands) {
  std::string line;
  for (std::size_t number = 1; std::getline(input, line); ++number) {
    if (Result<> applied = apply_line(line, commands); !applied) {
      return fail(applied.error().code, fmt::format("{}:{}: {}", name, number, applied.error().message));
    }
  }
  if (input.bad()) return fail(ErrorCode::kSystem, fmt::format("{}: cannot be read to its end", name));
  return {};
}

}  // namespace rb
