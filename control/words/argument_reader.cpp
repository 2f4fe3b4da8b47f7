// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/argument_reader.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "control/words/frame_words.hpp"
#include "control/words/port_spec.hpp"
#include "control/words/settings_words.hpp"
#include "control/words/usage.hpp"
#include "ports/base/account_names.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// The number of a user or of a group.
json read_id(WordParser& words, std::string_view what, Result<std::uint32_t> (*look_up)(const std::string&)) {
  const std::string name = words.text(what);
  const auto id = look_up(name);
  if (!id) words.fail(id.error().message);
  return id.value_or(0);
}

json read_device(WordParser& words, std::string_view what) {
  auto spec = parse_port_spec(words.text(what));
  if (spec) return *std::move(spec);
  words.fail(spec.error().message);
  return nullptr;
}

/// "lldp,lacp" as a list; "none" is the empty list.
json read_list(WordParser& words, std::string_view what) {
  const std::string list = words.text(what);
  std::string_view text = list;
  json parts = json::array();
  while (!text.empty() && text != "none") {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.push_back(std::string(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

/// "10" or "100-199". The daemon judges the numbers; text that is no number is refused here.
void read_vlan_range(WordParser& words, std::string_view what, json& params) {
  const std::string text = words.text(what);
  const std::size_t dash = text.find('-', 1);
  const auto first = parse_integer(text.substr(0, dash));
  const auto last = dash == std::string::npos ? first : parse_integer(text.substr(dash + 1));
  if (!first || !last)
    return words.fail(fmt::format("'{}' is no VLAN and no range of VLANs, such as 10 or 100-199", text));
  params["vid"] = *first;
  if (dash != std::string::npos) params["vid_end"] = *last;
}

json value_of(const Choice& choice) {
  return choice.value.empty() ? json(std::string(choice.word)) : json::parse(choice.value);
}

/// Takes the next word when it is one of the argument's choices.
bool accept_choice(WordParser& words, const Argument& argument, json& value) {
  for (const Choice& choice : argument.choices) {
    if (!words.accept(choice.word)) continue;
    value = value_of(choice);
    return true;
  }
  return false;
}

json read_value(WordParser& words, const Argument& argument) {
  const std::string what = value_noun(argument);
  json value;
  if (accept_choice(words, argument, value)) return value;
  switch (argument.kind) {
    case ValueKind::kNothing:
      return argument.value.empty() ? json(true) : json::parse(argument.value);
    case ValueKind::kMac:
      return words.mac(what);
    case ValueKind::kVlan:
    case ValueKind::kNumber:
      return words.integer(what);
    case ValueKind::kSeconds:
      return words.seconds(what);
    case ValueKind::kOnOff:
      return words.on_off(what);
    case ValueKind::kDevice:
      return read_device(words, what);
    case ValueKind::kList:
      return read_list(words, what);
    case ValueKind::kUser:
      return read_id(words, what, user_id);
    case ValueKind::kGroup:
      return read_id(words, what, group_id);
    case ValueKind::kFrame:
      return read_frame(words);
    case ValueKind::kChoice: {
      const std::string word = words.text(what);
      words.fail(fmt::format("'{}' is none of {}", word, choice_words(argument)));
      return nullptr;
    }
    default:
      return words.text(what);
  }
}

/// Reads one value into the place that the row names.
void read_into(WordParser& words, const Argument& argument, json& params) {
  switch (argument.kind) {
    case ValueKind::kPortSettings:
    case ValueKind::kBridgeSettings:
      return read_settings(words, argument.kind, params);
    case ValueKind::kVlanRange:
      return read_vlan_range(words, value_noun(argument), params);
    case ValueKind::kCommandName:
      while (words.more()) (void)words.text(value_noun(argument));
      return;
    default:
      break;
  }
  json value = read_value(words, argument);
  if (argument.key.empty()) return;
  json& place = params[std::string(argument.key)];
  if (argument.need == Need::kAny || argument.need == Need::kEach) {
    place.push_back(std::move(value));
  } else {
    place = std::move(value);
  }
}

bool accept_keyword(WordParser& words, const Argument& argument) {
  return words.accept(argument.keyword) || (!argument.synonym.empty() && words.accept(argument.synonym));
}

void read_in_order(WordParser& words, const Argument& argument, json& params) {
  if (!argument.synonym.empty()) words.accept(argument.synonym);
  const bool several = argument.need == Need::kAny || argument.need == Need::kEach;
  if (argument.need == Need::kOne || argument.need == Need::kEach) read_into(words, argument, params);
  if (argument.need == Need::kOptional && words.more()) read_into(words, argument, params);
  while (several && words.more()) read_into(words, argument, params);
}

/// The arguments that may stand in any order.
class UnorderedArguments {
 public:
  UnorderedArguments(std::span<const Argument> arguments, json& params)
      : arguments_(arguments), given_(arguments.size()), params_(params) {}

  void read(WordParser& words) {
    while (words.more()) {
      if (!read_one(words)) words.refuse_next();
    }
    for (std::size_t i = 0; i < arguments_.size(); ++i) {
      if (arguments_[i].need != Need::kOne || given_[i]) continue;
      words.fail(arguments_[i].keyword.empty() ? fmt::format("{} is missing", value_noun(arguments_[i]))
                                               : fmt::format("'{}' is missing", arguments_[i].keyword));
    }
  }

 private:
  bool read_one(WordParser& words) {
    for (std::size_t i = 0; i < arguments_.size(); ++i) {
      const Argument& argument = arguments_[i];
      json value;
      if (!argument.keyword.empty() && accept_keyword(words, argument)) {
        read_into(words, argument, params_);
      } else if (argument.keyword.empty() && accept_choice(words, argument, value)) {
        params_[std::string(argument.key)] = std::move(value);
      } else {
        continue;
      }
      given_[i] = true;
      return true;
    }
    return read_free_value(words);
  }

  /// A value that stands without a keyword among keywords, such as the frame of `trace`.
  bool read_free_value(WordParser& words) {
    for (std::size_t i = 0; i < arguments_.size(); ++i) {
      if (!arguments_[i].keyword.empty() || arguments_[i].kind == ValueKind::kChoice || given_[i]) continue;
      read_into(words, arguments_[i], params_);
      given_[i] = true;
      return true;
    }
    return false;
  }

  std::span<const Argument> arguments_;
  std::vector<bool> given_;
  json& params_;
};

/// One request; or one for each value of the argument that is Need::kEach.
Requests requests_of(const Command& command, json params) {
  const auto each = std::ranges::find(command.arguments, Need::kEach, &Argument::need);
  if (each == command.arguments.end()) return {{std::string(command.method), std::move(params)}};
  const std::string key(each->key);
  const json values = std::move(params[key]);
  Requests requests;
  for (const json& value : values) {
    params[key] = value;
    requests.push_back({std::string(command.method), params});
  }
  return requests;
}

}  // namespace

std::size_t ordered_count(std::span<const Argument> arguments) {
  const auto first_keyword = std::ranges::find_if(arguments, [](const Argument& a) { return !a.keyword.empty(); });
  // Choices alone, as of `fdb flush`, would be unordered; no command has them without anything in front.
  return static_cast<std::size_t>(first_keyword - arguments.begin());
}

Result<Requests> read_arguments(const Command& command, std::span<const std::string> words) {
  WordParser parser(words);
  json params = json::parse(command.preset);
  const std::size_t ordered = ordered_count(command.arguments);
  for (const Argument& argument : command.arguments.first(ordered)) read_in_order(parser, argument, params);
  UnorderedArguments(command.arguments.subspan(ordered), params).read(parser);
  if (parser.good() && command.finish != nullptr) command.finish(params, parser);
  if (const auto finished = parser.finish(); !finished) {
    return fail(finished.error().code, fmt::format("{}\n{}", finished.error().message, usage_lines(command)));
  }
  return requests_of(command, std::move(params));
}

}  // namespace rb
