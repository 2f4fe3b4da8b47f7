// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/command_line.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "control/words/command_table.hpp"
#include "control/words/iproute2_words.hpp"

namespace rb {
namespace {

std::span<const std::string> without_program_name(std::span<const std::string> words) {
  return !words.empty() && words[0] == "rbctl" ? words.subspan(1) : words;
}

FoundCommand find_change_command(std::span<const std::string> words) {
  const FoundCommand found = find_command(words);
  return found.command != nullptr && found.command->right == Right::kChange ? found : FoundCommand{};
}

}  // namespace

bool is_change_command(std::span<const std::string> words) {
  return find_change_command(without_program_name(words)).command != nullptr;
}

bool is_iproute2_command(std::span<const std::string> words) {
  words = without_program_name(words);
  const FoundCommand found = find_command(words);
  if (found.command != nullptr) return found.command->of_iproute2;
  return !words.empty() && is_iproute2_object(words[0]);
}

Result<Requests> parse_change_command(std::span<const std::string> words) {
  words = without_program_name(words);
  const FoundCommand found = find_change_command(words);
  if (found.command == nullptr) {
    const std::string name = words.empty() ? std::string() : words[0];
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is not a command that changes something", name));
  }
  return read_arguments(*found.command, words.subspan(found.word_count));
}

Result<std::vector<std::string>> split_words(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  std::vector<std::string> words;
  bool in_word = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (kBlanks.find(c) != std::string_view::npos) {
      in_word = false;
      continue;
    }
    if (!in_word && c == '#') break;
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c != '\'' && c != '"') {
      words.back() += c;
      continue;
    }
    const std::size_t end = line.find(c, i + 1);
    if (end == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("the quote {} has no end: {}", c, line.substr(i)));
    }
    words.back() += line.substr(i + 1, end - i - 1);
    i = end;
  }
  return words;
}

}  // namespace rb
