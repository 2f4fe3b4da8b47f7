// SPDX-License-Identifier: GPL-2.0-or-later
// rbctl: the control tool. Called by the name brctl it behaves as bridge-utils' brctl; called as bridge or ip it takes
// iproute2's shortened words.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <iostream>
#include <optional>
#include <system_error>

#include "control/rbctl/batch.hpp"
#include "control/rbctl/brctl_words.hpp"
#include "control/rbctl/completion.hpp"
#include "control/rbctl/help.hpp"
#include "control/rbctl/rbctl_options.hpp"
#include "control/words/command_reference.hpp"
#include "control/words/setting_reference.hpp"
#include "control/words/spelling.hpp"

namespace rb {
namespace {

using nlohmann::json;

constexpr int kIproute2Failure = 255;  // the exit status of iproute2's programs behind an error

/// The connection to the daemon, made when it is first needed, so that wrong words are told without a daemon.
class Session {
 public:
  explicit Session(std::string socket) : socket_(std::move(socket)) {}

  Result<Client*> client() {
    if (!client_) {
      auto connected = Client::connect(socket_);
      if (!connected) return std::unexpected(connected.error());
      client_ = std::move(*connected);
    }
    return &*client_;
  }

  Result<json> call(const Request& request) {
    const auto connected = client();
    if (!connected) return std::unexpected(connected.error());
    return (*connected)->call_opening_netns(request);
  }

 private:
  std::string socket_;
  std::optional<Client> client_;
};

int fail_with(const Error& error) {
  std::cerr << error.message << '\n';
  return 1;
}

/// As fail_with(); where a command is iproute2's, so is the status.
int fail_with(const Error& error, std::span<const std::string> words) {
  const int status = fail_with(error);
  return is_iproute2_command(words) ? kIproute2Failure : status;
}

int change(Session& session, std::span<const std::string> words) {
  const auto requests = parse_change_command(words);
  if (!requests) return fail_with(requests.error(), words);
  for (const Request& request : *requests) {
    const auto result = session.call(request);
    if (!result) return fail_with(result.error(), words);
    for (const json& warning : result->value("warnings", json::array())) {
      std::cerr << "warning: " << warning.get<std::string>() << '\n';
    }
  }
  return 0;
}

void print_event(const json& event, MonitorBanner banner, const OutputOptions& options) {
  if (options.json) {
    std::cout << json_text(OrderedJson(event), options.pretty ? JsonLayout::kPretty : JsonLayout::kLine);
  } else {
    std::cout << event_line(event, banner);
  }
  std::cout << std::flush;
}

int monitor(Session& session, std::span<const std::string> words, const OutputOptions& options) {
  const auto command = parse_monitor_command(words);
  if (!command) return fail_with(command.error());
  const auto started = session.call(command->request);
  if (!started) return fail_with(started.error());
  const auto client = session.client();
  while (std::cout) {
    const auto event = (*client)->next_event();
    if (!event) return fail_with(event.error());
    if (!*event) return fail_with({ErrorCode::kSystem, "ringbridged closed the connection"});
    print_event(**event, command->banner, options);
  }
  return 1;
}

int read(Session& session, std::span<const std::string> words, const OutputOptions& options) {
  const auto call = [&](const Request& request) { return session.call(request); };
  const auto text = run_read_command(words, options, call);
  if (!text) return fail_with(text.error(), words);
  std::cout << *text << std::flush;
  return std::cout ? 0 : 1;
}

int batch(Session& session, const RbctlOptions& options, Spelling spelling) {
  const auto call = [&](const Request& request) { return session.call(request); };
  const BatchOptions batch_options{.name = options.batch,
                                   .force = options.force,
                                   .output = options.output,
                                   .spelling = spelling == Spelling::kPrefix ? Spelling::kWhole : spelling};
  if (options.batch == "-") return run_batch(std::cin, batch_options, call, std::cout, std::cerr) ? 0 : 1;
  std::ifstream file(options.batch);
  if (!file) {
    const std::string why = std::generic_category().message(errno);
    return fail_with({ErrorCode::kSystem, fmt::format("Cannot open file \"{}\" for reading: {}", options.batch, why)});
  }
  return run_batch(file, batch_options, call, std::cout, std::cerr) ? 0 : 1;
}

/// Prints a page of docs/, which tests compare with the file.
int print_reference(const std::string& page) {
  if (page == "commands") {
    std::cout << commands_reference();
  } else if (page == "settings") {
    std::cout << settings_reference();
  } else {
    return fail_with(
        {ErrorCode::kInvalidArgument, fmt::format("there is no page '{}'; there are commands and settings", page)});
  }
  return 0;
}

int print_help(std::span<const std::string> words) {
  const auto text = help_of(words);
  if (!text) return fail_with(text.error());
  std::cout << *text;
  return 0;
}

/// Prints candidates for the last word, or nothing: a shell has no use for errors.
int print_candidates(std::span<const std::string> words, const std::string& socket) {
  constexpr std::chrono::milliseconds kPatience{500};  // a person waits with a finger on the tabulator
  std::optional<Client> client;
  const auto call = [&](const Request& request) -> Result<json> {
    if (!client) {
      const std::string chosen = socket_of(words);
      auto connected = Client::connect(chosen.empty() ? socket : chosen, kPatience);
      if (!connected) return std::unexpected(connected.error());
      client = std::move(*connected);
    }
    return client->call(request);
  };
  for (const std::string& candidate : complete(words, call)) std::cout << candidate << '\n';
  return 0;
}

int run_command(Session& session, const std::vector<std::string>& typed, const RbctlOptions& options,
                Spelling spelling) {
  const auto written = write_out(typed, spelling);
  if (!written) return fail_with(written.error());
  const std::span<const std::string> words = *written;
  if (options.help) return print_help(words);
  if (asks_for_help(words)) return print_help(words.first(words.size() - 1));
  if (!words.empty() && words[0] == "help") return print_help(words.subspan(1));
  if (!words.empty() && words[0] == "monitor") return monitor(session, words.subspan(1), options.output);
  return is_change_command(words) ? change(session, words) : read(session, words, options.output);
}

int run_rbctl(const std::vector<std::string>& arguments, Spelling spelling) {
  if (const auto mark = std::ranges::find(arguments, "--complete"); mark != arguments.end()) {
    const std::string socket = socket_of({arguments.begin(), mark});
    return print_candidates({mark + 1, arguments.end()}, socket.empty() ? default_socket_path() : socket);
  }
  const auto options = parse_rbctl_options(arguments);
  if (!options) return fail_with(options.error());
  if (options->version) {
    std::cout << "rbctl " RB_VERSION "\n";
    return 0;
  }
  if (!options->reference.empty()) return print_reference(options->reference);
  if (options->words.empty() && (options->help || options->batch.empty())) {
    std::cout << help_overview();
    return options->help ? 0 : 1;
  }
  Session session(options->socket);
  if (!options->batch.empty()) return batch(session, *options, spelling);
  return run_command(session, options->words, *options, spelling);
}

/// How words may be shortened under the name that the program was called by.
Spelling spelling_of(const std::string& name) {
  if (name == "bridge") return Spelling::kBridge;
  if (name == "ip") return Spelling::kIp;
  return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0 ? Spelling::kPrefix : Spelling::kWhole;
}

int run(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  const std::string name = arguments.empty() ? "rbctl" : arguments[0].substr(arguments[0].rfind('/') + 1);
  if (name != "brctl") {
    const Spelling spelling = spelling_of(name);
    const int status = run_rbctl({arguments.begin() + (argc > 0 ? 1 : 0), arguments.end()}, spelling);
    const bool of_iproute2 = spelling == Spelling::kBridge || spelling == Spelling::kIp;
    return status == 1 && of_iproute2 ? kIproute2Failure : status;
  }
  Session session(default_socket_path());
  return run_brctl(arguments, [&](const Request& request) { return session.call(request); }, std::cout, std::cerr);
}

}  // namespace
}  // namespace rb

int main(int argc, char** argv) {
  try {
    return rb::run(argc, argv);
  } catch (const nlohmann::json::exception&) {
    std::cerr << "the daemon's answer does not fit the request; is it another version?\n";
    return 1;
  }
}
