// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/port_spec.hpp"

#include <fmt/core.h>

#include <charconv>
#include <filesystem>
#include <optional>

#include "control/words/port_kinds.hpp"
#include "control/words/word_parser.hpp"
#include "ports/base/account_names.hpp"
#include "ports/base/interface_name.hpp"

namespace rb {
namespace {

using nlohmann::json;

std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return head;
}

/// One option as it stands in the text; a bare word has no value.
struct OptionText {
  std::string name;
  std::optional<std::string> value;
};

OptionText take_option(std::string_view& text) {
  std::string_view option = take_until(text, ',');
  const bool has_value = option.find('=') != std::string_view::npos;
  std::string name(take_until(option, '='));
  return {std::move(name), has_value ? std::optional(std::string(option)) : std::nullopt};
}

template <typename Value>
Result<json> as_json(const Result<Value>& value) {
  if (!value) return std::unexpected(value.error());
  return json(*value);
}

Result<json> read_mode(const std::string& text) {
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error == std::errc() && end == text.data() + text.size() && mode <= 0777) return json(mode);
  return fail(ErrorCode::kInvalidArgument, fmt::format("'mode' is permissions in octal, such as 660, not '{}'", text));
}

/// The value of an option in JSON; its range is checked besides, by check_port_option().
Result<json> read_value(const PortOption& option, const std::string& text) {
  switch (option.type) {
    case PortOption::Type::kFlag: {
      const std::optional<bool> on = parse_on_off(text);
      if (on) return json(*on);
      return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' must be on or off, not '{}'", option.name, text));
    }
    case PortOption::Type::kNumber: {
      const std::optional<std::int64_t> number = parse_integer(text);
      if (number) return json(*number);
      return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' must be a number, not '{}'", option.name, text));
    }
    case PortOption::Type::kUser:
      return as_json(user_id(text));
    case PortOption::Type::kGroup:
      return as_json(group_id(text));
    case PortOption::Type::kMode:
      return read_mode(text);
    case PortOption::Type::kText:
    case PortOption::Type::kChoice:
    case PortOption::Type::kWord:
      break;
  }
  return json(text);
}

/// The option whose choice stands alone as `word`.
const PortOption* option_of_word(const PortKindWords& kind, std::string_view word) {
  for (const PortOption& option : kind.options) {
    if (option.type != PortOption::Type::kWord) continue;
    for (const std::string_view choice : option.choices) {
      if (choice == word) return &option;
    }
  }
  return nullptr;
}

std::unexpected<Error> no_such_option(const PortKindWords& kind, const std::string& name) {
  for (const PortKindWords& other : port_kinds()) {
    if (kind.option(name) != nullptr || other.option(name) == nullptr) continue;
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("port option '{}' is for {}s; write {}", name, other.name, port_kind_usage(kind)));
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("port option '{}' is unknown or lacks a value; write {}", name, port_kind_usage(kind)));
}

Result<> set_option(const PortKindWords& kind, const OptionText& given, json& spec) {
  if (const PortOption* word = given.value ? nullptr : option_of_word(kind, given.name); word != nullptr) {
    spec[std::string(word->name)] = given.name;
    return {};
  }
  const bool has_text = given.value && !given.value->empty();
  if (given.name == "name" && kind.subject == PortKindWords::Subject::kAddress && has_text) {
    spec["name"] = *given.value;
    return {};
  }
  const PortOption* const option = kind.option(given.name);
  const bool may_be_bare = option != nullptr && option->type == PortOption::Type::kFlag && !given.value;
  if (option == nullptr || option->type == PortOption::Type::kWord || (!has_text && !may_be_bare))
    return no_such_option(kind, given.name);
  const Result<json> value = read_value(*option, given.value.value_or("on"));
  if (!value) return std::unexpected(value.error());
  if (Result<> checked = check_port_option(*option, *value); !checked) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}, not '{}'", checked.error().message, given.value.value_or("on")));
  }
  spec[given.name] = *value;
  return {};
}

/// "vm1" of "/run/vm1.sock"; "" of an address that gives no name for a port.
std::string name_of_path(const std::string& path, std::string_view suffix) {
  if (!path.starts_with('/')) return {};
  const std::string stem = std::filesystem::path(path).stem().string().append(suffix);
  return check_interface_name(stem) ? stem : std::string();
}

Result<json> parse_plain_name(std::string_view text) {
  if (text.find(',') != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("options need the kind of the port in front: 'tap:{}'", text));
  }
  if (text.empty()) return fail(ErrorCode::kInvalidArgument, "the name of a port is empty");
  return json{{"name", std::string(text)}};
}

}  // namespace

Result<json> parse_port_spec(std::string_view text) {
  const std::string_view whole = text;
  if (text.find(':') == std::string_view::npos) return parse_plain_name(text);
  const std::string_view kind_name = take_until(text, ':');
  const std::string subject(take_until(text, ','));
  const PortKindWords* const kind = find_port_kind(kind_name);
  if (kind == nullptr) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' in '{}' is not a kind of port; there are {}", kind_name, whole, port_kind_names()));
  }
  const bool has_address = kind->subject == PortKindWords::Subject::kAddress;
  if (subject.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the {} is missing in '{}'", has_address ? "address" : "name of the port", whole));
  }
  json spec{{"kind", kind->name}, {"name", has_address ? name_of_path(subject, kind->name_suffix) : subject}};
  if (has_address) spec["address"] = subject;
  while (!text.empty()) {
    if (Result<> set = set_option(*kind, take_option(text), spec); !set) return std::unexpected(set.error());
  }
  if (spec["name"].get_ref<const std::string&>().empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' says no name that a port can have; add one, ',name=vm1'", whole));
  }
  if (Result<> checked = check_port_options(*kind, spec); !checked) return std::unexpected(checked.error());
  return spec;
}

}  // namespace rb
