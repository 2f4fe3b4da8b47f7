// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/api/params.hpp"

#include <fmt/core.h>

#include <cmath>

namespace rb {

using nlohmann::json;

const json* Params::find(const char* name) {
  read_.insert(name);
  const auto member = object_.find(name);
  return member == object_.end() || member->is_null() ? nullptr : &*member;
}

void Params::refuse(const char* name, const std::string& expected) {
  throw InvalidParams{fmt::format("'{}' must be {}", name, expected)};
}

bool Params::has(const char* name) {
  return find(name) != nullptr;
}

std::optional<std::string> Params::maybe_text(const char* name) {
  const json* member = find(name);
  if (member == nullptr) return std::nullopt;
  if (!member->is_string()) refuse(name, "a string");
  return member->get<std::string>();
}

std::string Params::text(const char* name) {
  std::optional<std::string> value = maybe_text(name);
  if (!value) throw InvalidParams{fmt::format("'{}' is missing", name)};
  return *std::move(value);
}

std::optional<bool> Params::maybe_flag(const char* name) {
  const json* member = find(name);
  if (member == nullptr) return std::nullopt;
  if (!member->is_boolean()) refuse(name, "true or false");
  return member->get<bool>();
}

bool Params::flag(const char* name, bool otherwise) {
  return maybe_flag(name).value_or(otherwise);
}

std::optional<std::int64_t> Params::maybe_integer(const char* name, std::int64_t lowest, std::int64_t highest) {
  const json* member = find(name);
  if (member == nullptr) return std::nullopt;
  const std::string expected = fmt::format("a whole number from {} to {}", lowest, highest);
  if (!member->is_number_integer()) refuse(name, expected);
  if (member->is_number_unsigned() && member->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
    refuse(name, expected);
  const auto value = member->get<std::int64_t>();
  if (value < lowest || value > highest) refuse(name, expected);
  return value;
}

std::optional<double> Params::maybe_number(const char* name) {
  const json* member = find(name);
  if (member == nullptr) return std::nullopt;
  if (!member->is_number() || !std::isfinite(member->get<double>())) refuse(name, "a number");
  return member->get<double>();
}

std::optional<std::vector<std::string>> Params::maybe_texts(const char* name) {
  const json* member = find(name);
  if (member == nullptr) return std::nullopt;
  if (!member->is_array()) refuse(name, "a list of strings");
  std::vector<std::string> texts;
  for (const json& item : *member) {
    if (!item.is_string()) refuse(name, "a list of strings");
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

MacAddress Params::mac(const char* name) {
  const std::optional<MacAddress> mac = parse_mac(text(name));
  if (!mac) refuse(name, "an address such as 02:00:00:00:00:01");
  return *mac;
}

const json* Params::maybe_object(const char* name) {
  const json* member = find(name);
  if (member != nullptr && !member->is_object()) refuse(name, "an object");
  return member;
}

const json& Params::object(const char* name) {
  const json* member = maybe_object(name);
  if (member == nullptr) throw InvalidParams{fmt::format("'{}' is missing", name)};
  return *member;
}

void Params::finish() const {
  for (const auto& [name, value] : object_.items()) {
    if (!read_.contains(name)) throw InvalidParams{fmt::format("there is no parameter '{}' here", name)};
  }
}

}  // namespace rb
