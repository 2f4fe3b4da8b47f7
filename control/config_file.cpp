#include "control/config_file.hpp"

#include <fmt/core.h>

#include "control/command_line.hpp"

namespace rb {
namespace {

Result<> apply_line(const std::string& line, Commands& commands) {
  const Result<std::vector<std::string>> words = split_words(line);
  if (!words) return std::unexpected(words.error());
  if (words->empty()) return {};
  const Result<std::vector<Request>> requests = parse_change_command(*words);
  if (!requests) return std::unexpected(requests.error());
  for (const Request& request : *requests) {
    Caller caller;
    caller.opens_namespaces = true;
    const auto answer = commands.call(request.method, request.params, caller);
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
