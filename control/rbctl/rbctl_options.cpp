// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/rbctl_options.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <cstdlib>
#include <sstream>

#include "control/base/socket_path.hpp"
#include "control/words/command_table.hpp"

namespace rb {
namespace {

namespace po = boost::program_options;

po::options_description described_options(RbctlOptions& options) {
  po::options_description description("Options");
  auto add = description.add_options();
  add("socket", po::value(&options.socket)->value_name("PATH"),
      "the daemon's socket (default: RINGBRIDGE_SOCKET, or /run/ringbridge/control.sock)");
  add("json,j", po::bool_switch(&options.output.json), "print JSON");
  add("pretty,p", po::bool_switch(&options.output.pretty), "with --json: one value a line");
  add("statistics,s", po::bool_switch(&options.output.statistics),
      "fdb: when an entry was used and updated; vlan: frames and bytes");
  add("compressvlans,c", po::bool_switch(&options.output.compress), "vlan: ranges");
  add("batch,b", po::value(&options.batch)->value_name("FILE"),
      "carry out the commands of a file, - for standard input");
  add("force", po::bool_switch(&options.force), "with --batch: continue behind a command that fails");
  add("details,d", po::bool_switch(&options.output.details), "link: the settings of each port");
  add("reference", po::value(&options.reference)->value_name("PAGE"),
      "print a page of the documentation: commands or settings");
  add("help,h", po::bool_switch(&options.help), "print this help, or the help of the command");
  add("version,V", po::bool_switch(&options.version), "print the version");
  return description;
}

/// iproute2's options have long names behind one dash: -batch is --batch here, but -js is -j -s.
std::vector<std::string> with_two_dashes(std::vector<std::string> arguments) {
  constexpr std::array<std::string_view, 6> kNames = {"batch", "force", "json", "pretty", "details", "compressvlans"};
  for (std::string& argument : arguments) {
    if (argument == "-statistics" || argument == "-stats") argument = "--statistics";
    if (argument.starts_with('-') && std::ranges::find(kNames, argument.substr(1)) != kNames.end())
      argument.insert(0, 1, '-');
  }
  return arguments;
}

}  // namespace

std::string default_socket_path() {
  const char* const path = std::getenv("RINGBRIDGE_SOCKET");  // NOLINT(concurrency-mt-unsafe): before any thread
  return path != nullptr && *path != '\0' ? path : kDefaultSocketPath;
}

Result<RbctlOptions> parse_rbctl_options(const std::vector<std::string>& arguments) {
  RbctlOptions options;
  options.socket = default_socket_path();
  const po::options_description description = described_options(options);
  // Abbreviated options are not guessed: a command's own word must never be taken for one.
  constexpr int kStyle = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  try {
    const po::parsed_options parsed = po::command_line_parser(with_two_dashes(arguments))
                                          .options(description)
                                          .style(kStyle)
                                          .allow_unregistered()
                                          .run();
    po::variables_map values;
    po::store(parsed, values);
    po::notify(values);
    options.words = po::collect_unrecognized(parsed.options, po::include_positional);
  } catch (const po::error& error) {
    return fail(ErrorCode::kInvalidArgument, error.what());
  }
  for (const std::string& word : options.words) {
    if (word.starts_with("--") && !belongs_to_command(word)) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("unknown option '{}'; 'rbctl --help' lists them", word));
    }
  }
  return options;
}

std::string options_help() {
  RbctlOptions unused;
  std::ostringstream out;
  out << described_options(unused);
  return out.str();
}

std::vector<std::string> option_names() {
  RbctlOptions unused;
  std::vector<std::string> names;
  const po::options_description description = described_options(unused);
  for (const auto& option : description.options()) names.push_back("--" + option->long_name());
  return names;
}

bool takes_value(const std::string& option) {
  return option == "--socket" || option == "--reference" || option == "--batch" || option == "-batch" || option == "-b";
}

bool belongs_to_command(const std::string& word) {
  return std::ranges::any_of(all_commands(), [&](const Command* command) {
    return std::ranges::find(command->arguments, word, &Argument::keyword) != command->arguments.end();
  });
}

}  // namespace rb
