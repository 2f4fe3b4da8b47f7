// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/completion.hpp"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "control/rbctl/rbctl_options.hpp"
#include "control/words/argument_reader.hpp"
#include "control/words/command_table.hpp"
#include "control/words/frame_words.hpp"
#include "control/words/port_kinds.hpp"
#include "control/words/settings_words.hpp"

namespace rb {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

/// More VLANs than a person looks through.
constexpr std::size_t kMaxVlans = 64;

bool is_option(const std::string& word) {
  return word.size() > 1 && word.starts_with('-') && !belongs_to_command(word);
}

/// The words of the command, without rbctl's own options; and the option whose value is being typed.
struct Line {
  Words words;
  std::string option;
};

Line line_of(std::span<const std::string> words) {
  Line line;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!is_option(words[i])) {
      line.words.push_back(words[i]);
    } else if (takes_value(words[i])) {
      if (i + 1 == words.size()) line.option = words[i];
      ++i;
    }
  }
  return line;
}

Words files(const std::string& prefix) {
  Words found;
  const std::string directory = prefix.substr(0, prefix.rfind('/') + 1);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory.empty() ? "." : directory, error))
    found.push_back(directory + entry.path().filename().string() + (entry.is_directory(error) ? "/" : ""));
  return found;
}

Words interfaces() {
  Words found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/net", error))
    if (entry.is_symlink(error)) found.push_back(entry.path().filename().string());
  return found;
}

// rbctl has one thread, so the databases of users and groups may be read by the calls that keep a place.
Words users() {
  Words found;
  ::setpwent();
  while (const passwd* user = ::getpwent()) found.emplace_back(user->pw_name);  // NOLINT(concurrency-mt-unsafe)
  ::endpwent();
  return found;
}

Words groups() {
  Words found;
  ::setgrent();
  while (const group* entry = ::getgrent()) found.emplace_back(entry->gr_name);  // NOLINT(concurrency-mt-unsafe)
  ::endgrent();
  return found;
}

/// The words that may stand behind the words that are there already.
class Candidates {
 public:
  /// `typed` is the word that is completed, as far as it has been typed.
  Candidates(const CallDaemon& call, std::string typed) : call_(call), typed_(std::move(typed)) {}

  [[nodiscard]] Words take() { return std::move(words_); }

  void add(std::string_view word) { words_.emplace_back(word); }
  void add(const Words& words) { words_.insert(words_.end(), words.begin(), words.end()); }

  /// What follows the name of a command and the words behind the name.
  void add_arguments(std::span<const Argument> arguments, std::span<const std::string> words) {
    for (const Argument& argument : arguments.first(ordered_count(arguments))) {
      const bool last = argument.need == Need::kAny || argument.need == Need::kEach;
      if (takes_rest(argument.kind)) return add_rest(argument.kind, words);
      if (!argument.synonym.empty() && !words.empty() && words[0] == argument.synonym) words = words.subspan(1);
      if (last || words.empty()) add_values(argument);
      if (last || (words.empty() && argument.need != Need::kOptional)) return;
      if (!words.empty()) words = words.subspan(1);
    }
    add_unordered(arguments.subspan(ordered_count(arguments)), words);
  }

 private:
  static bool takes_rest(ValueKind kind) {
    return kind == ValueKind::kFrame || kind == ValueKind::kPortSettings || kind == ValueKind::kBridgeSettings ||
           kind == ValueKind::kCommandName;
  }

  void add_rest(ValueKind kind, std::span<const std::string> words) {
    if (kind == ValueKind::kFrame) return add_unordered(frame_fields(), words);
    if (kind == ValueKind::kCommandName) {
      for (const std::string_view word : next_name_words(words)) add(word);
      return;
    }
    const std::vector<const SettingInfo*>& settings = settings_of(kind);
    const auto named = [&](const std::string& name) {
      return std::ranges::find(settings, name, [](const SettingInfo* setting) { return setting->name; });
    };
    if (words.size() % 2 != 0) {
      if (const auto setting = named(words.back()); setting != settings.end()) add((*setting)->type->candidates());
      return;
    }
    for (const SettingInfo* setting : settings)
      if (std::ranges::find(words, setting->name) == words.end()) add(setting->name);
  }

  /// Arguments in any order: the value behind a keyword, or all arguments that are not there yet.
  void add_unordered(std::span<const Argument> arguments, std::span<const std::string> words) {
    std::set<const Argument*> given;
    while (!words.empty()) {
      const Argument* const argument = argument_of(arguments, words[0]);
      if (argument == nullptr) return;
      given.insert(argument);
      if (argument->keyword.empty() && takes_rest(argument->kind)) return add_rest(argument->kind, words);
      words = words.subspan(1);
      if (argument->keyword.empty() || argument->kind == ValueKind::kNothing) continue;
      if (words.empty()) return add_values(*argument);
      words = words.subspan(1);
    }
    for (const Argument& argument : arguments) {
      if (argument.hidden || given.contains(&argument)) continue;
      if (!argument.keyword.empty()) {
        add(argument.keyword);
      } else if (takes_rest(argument.kind)) {
        add_rest(argument.kind, {});
      } else {
        add_values(argument);
      }
    }
  }

  static const Argument* argument_of(std::span<const Argument> arguments, const std::string& word) {
    const Argument* free_value = nullptr;
    for (const Argument& argument : arguments) {
      if (word == argument.keyword || (!argument.synonym.empty() && word == argument.synonym)) return &argument;
      if (!argument.keyword.empty()) continue;
      if (std::ranges::find(argument.choices, word, &Choice::word) != argument.choices.end()) return &argument;
      if (argument.kind != ValueKind::kChoice) free_value = &argument;
    }
    return free_value;
  }

  void add_values(const Argument& argument) {
    for (const Choice& choice : argument.choices)
      if (!choice.hidden) add(choice.word);
    switch (argument.kind) {
      case ValueKind::kBridge:
        return add_bridges();
      case ValueKind::kPort:
        return add_ports();
      case ValueKind::kVlan:
      case ValueKind::kVlanRange:
        return add_vlans();
      case ValueKind::kInterface:
        return add(interfaces());
      case ValueKind::kDevice:
        add(interfaces());
        return add(complete_device(typed_));
      case ValueKind::kOnOff:
        return add(Words{"on", "off"});
      case ValueKind::kUser:
        return add(users());
      case ValueKind::kGroup:
        return add(groups());
      default:
        return;
    }
  }

  void add_bridges() {
    for (const json& bridge : ask("bridge.list", "bridges")) add(bridge.at("name").get<std::string>());
  }

  void add_ports() {
    for (const json& bridge : ask("bridge.list", "bridges")) {
      if (bridge.at("host_port").get<bool>()) add(bridge.at("name").get<std::string>());
      for (const json& port : bridge.at("ports")) add(port.at("name").get<std::string>());
    }
  }

  void add_vlans() {
    std::set<int> vids;
    for (const json& port : ask("vlan.list", "ports")) {
      for (const json& vlan : port.at("vlans")) vids.insert(vlan.at("vid").get<int>());
    }
    if (vids.size() > kMaxVlans) return;
    for (const int vid : vids) add(std::to_string(vid));
  }

  json ask(const char* method, const char* key) {
    const auto answer = call_({method, json::object()});
    return answer ? answer->at(key) : json::array();
  }

  const CallDaemon& call_;
  std::string typed_;
  Words words_;
};

void add_command_words(Candidates& candidates, const Words& typed) {
  const auto words = write_out_prefixes(typed);
  if (!words) return;
  for (const std::string_view word : next_name_words(*words)) candidates.add(word);
  const FoundCommand found = find_command(*words);
  if (found.command != nullptr)
    candidates.add_arguments(found.command->arguments, std::span(*words).subspan(found.word_count));
}

}  // namespace

Words complete(std::span<const std::string> words, const CallDaemon& call) {
  const std::string last = words.empty() ? std::string() : words.back();
  const Line line = line_of(words.empty() ? words : words.first(words.size() - 1));
  Candidates candidates(call, last);
  try {
    if (!line.option.empty()) {
      candidates.add(files(last));
    } else {
      add_command_words(candidates, line.words);
      if (last.starts_with('-')) candidates.add(option_names());
    }
  } catch (const json::exception&) {  // NOLINT(bugprone-empty-catch)
    // The daemon is of another version: the words of the command are offered without its names.
  }
  Words all = candidates.take();
  std::erase_if(all, [&](const std::string& word) { return !word.starts_with(last); });
  Words unique;
  for (std::string& word : all)
    if (std::ranges::find(unique, word) == unique.end()) unique.push_back(std::move(word));
  return unique;
}

std::string socket_of(std::span<const std::string> words) {
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    if (words[i] == "--socket") return words[i + 1];
  return {};
}

}  // namespace rb
