// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/command_table.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace rb {
namespace {

constexpr std::array<const CommandGroup*, 6> kGroups = {
    &kBridgeCommands, &kPortCommands, &kFdbCommands, &kVlanCommands, &kSpanningTreeCommands, &kLookingCommands,
};

/// This word of a name introduces a port, as iproute2 has it; the word is neither an object nor a verb.
constexpr std::string_view kDev = "dev";

/// How many words `name` takes when `words` begin with all of them; else 0.
std::size_t match(std::string_view name, std::span<const std::string> words) {
  std::size_t count = 0;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find(' '), name.size());
    if (count == words.size() || words[count] != name.substr(0, end)) return 0;
    name.remove_prefix(std::min(end + 1, name.size()));
    ++count;
  }
  return count;
}

}  // namespace

std::span<const CommandGroup* const> command_groups() {
  return kGroups;
}

std::vector<const Command*> all_commands() {
  std::vector<const Command*> commands;
  for (const CommandGroup* group : kGroups) {
    for (const Command& command : group->commands) commands.push_back(&command);
  }
  return commands;
}

std::vector<std::string_view> name_words(std::string_view name) {
  std::vector<std::string_view> words;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find(' '), name.size());
    words.push_back(name.substr(0, end));
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return words;
}

FoundCommand find_command(std::span<const std::string> words) {
  FoundCommand found;
  for (const CommandGroup* group : kGroups) {
    for (const Command& command : group->commands) {
      const std::size_t count = std::max(match(command.name, words), match(command.short_name, words));
      if (count > found.word_count) found = {&command, count};
    }
  }
  return found;
}

std::vector<std::string_view> next_name_words(std::span<const std::string> words) {
  std::vector<std::string_view> next;
  for (const Command* command : all_commands()) {
    const std::vector<std::string_view> name = name_words(command->name);
    if (name.size() <= words.size() || !std::ranges::equal(words, std::span(name).first(words.size()))) continue;
    if (std::ranges::find(next, name[words.size()]) == next.end()) next.push_back(name[words.size()]);
  }
  return next;
}

Result<std::vector<std::string>> write_out_prefixes(std::vector<std::string> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::vector<std::string_view> possible = next_name_words(std::span(words).first(i));
    if (possible.empty()) break;
    if (std::ranges::find(possible, words[i]) != possible.end()) continue;
    std::vector<std::string_view> candidates;
    std::ranges::copy_if(possible, std::back_inserter(candidates), [&](std::string_view word) {
      return word != kDev && !words[i].empty() && word.starts_with(words[i]);
    });
    if (candidates.empty()) break;
    if (candidates.size() > 1) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' is ambiguous; it could be {}", words[i], fmt::join(candidates, ", ")));
    }
    words[i] = candidates.front();
  }
  return words;
}

}  // namespace rb
