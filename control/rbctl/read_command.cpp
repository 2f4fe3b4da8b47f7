// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/read_command.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "control/rbctl/printers.hpp"
#include "control/words/command_table.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// Asks for all ports at once, or one by one if their VLANs are more than the daemon lists in one answer.
Result<json> list_vlans(const Request& request, const CallDaemon& call) {
  auto all = call(request);
  if (all || all.error().code != ErrorCode::kLimit || request.params.contains("port")) return all;
  const auto bridges = call({"bridge.list", json::object()});
  if (!bridges) return std::unexpected(bridges.error());
  json ports = json::array();
  const auto add = [&](const json& name) {
    Request one = request;
    one.params["port"] = name;
    auto listed = call(one);
    if (!listed && listed.error().code == ErrorCode::kNoSuchPort) return Result<>{};  // deleted meanwhile
    if (!listed) return Result<>(std::unexpected(listed.error()));
    for (json& port : listed->at("ports")) ports.push_back(std::move(port));
    return Result<>{};
  };
  for (const json& bridge : bridges->at("bridges")) {
    std::vector<json> names;
    if (bridge.at("host_port")) names.push_back(bridge.at("name"));
    std::vector<const json*> members;
    for (const json& port : bridge.at("ports")) members.push_back(&port);
    std::ranges::sort(members, {}, [](const json* port) { return port->at("number").get<int>(); });
    for (const json* port : members) names.push_back(port->at("name"));
    for (const json& name : names) {
      if (const Result<> added = add(name); !added) return std::unexpected(added.error());
    }
  }
  return json{{"ports", std::move(ports)}};
}

/// Behind a short name such as "fdb" a wrong word may have been meant as a verb.
Error with_hint(Error error, const FoundCommand& found) {
  if (found.word_count < name_words(found.command->name).size())
    error.message += fmt::format("\n'rbctl help {}' lists what else there is", found.command->short_name);
  return error;
}

}  // namespace

Result<std::string> run_read_command(std::span<const std::string> words, const OutputOptions& options,
                                     const CallDaemon& call) {
  const FoundCommand found = find_command(words);
  const std::string first = words.empty() ? std::string() : words[0];
  if (found.command == nullptr) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is not a command; 'rbctl --help' lists the commands", first));
  }
  const Printer* const printer = printer_of(found.command->name);
  if (printer == nullptr) return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' cannot stand in a batch", first));
  const Result<Requests> requests = read_arguments(*found.command, words.subspan(found.word_count));
  if (!requests) return std::unexpected(with_hint(requests.error(), found));
  Request request = requests->front();
  if (options.statistics && request.method == "vlan.list") request.params["statistics"] = true;
  const auto result = request.method == "vlan.list" ? list_vlans(request, call) : call(request);
  if (!result) return std::unexpected(result.error());
  const BridgeTextOptions text_options{options.statistics, options.details, options.compress};
  try {
    if (!options.json) return printer->text(*result, text_options);
    return json_text(printer->object(*result, text_options), options.pretty ? JsonLayout::kPretty : JsonLayout::kLine);
  } catch (const json::exception& error) {
    return fail(ErrorCode::kSystem,
                fmt::format("the daemon's answer lacks something ({}); is it another version?", error.what()));
  }
}

Result<MonitorCommand> parse_monitor_command(std::span<const std::string> words) {
  const std::vector<std::string> name = {"monitor"};
  const Result<Requests> requests = read_arguments(*find_command(name).command, words);
  if (!requests) return std::unexpected(requests.error());
  const bool all = std::ranges::find(words, "all") != words.end();
  return MonitorCommand{requests->front(), all ? MonitorBanner::kWith : MonitorBanner::kWithout};
}

}  // namespace rb
