// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/word_parser.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cmath>

#include "control/words/value_type.hpp"
#include "switch/mac_address.hpp"

namespace rb {

std::optional<std::int64_t> parse_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  if (text.starts_with('-')) return std::nullopt;  // a second sign, which from_chars would take
  std::int64_t value = 0;
  const char* const begin = text.data();  // NOLINT(bugprone-suspicious-stringview-data-usage): `end` bounds it
  const char* const end = begin + text.size();
  const auto [rest, error] = std::from_chars(begin, end, value, hex ? 16 : 10);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return negative ? -value : value;
}

std::optional<double> parse_seconds(std::string_view text) {
  double value = 0;
  const char* const begin = text.data();  // NOLINT(bugprone-suspicious-stringview-data-usage): `end` bounds it
  const char* const end = begin + text.size();
  const auto [rest, error] = std::from_chars(begin, end, value, std::chars_format::fixed);
  if (error != std::errc{} || rest != end || !std::isfinite(value) || std::signbit(value)) return std::nullopt;
  return value;
}

std::optional<bool> parse_on_off(std::string_view text) {
  if (text == "on" || text == "yes" || text == "1") return true;
  if (text == "off" || text == "no" || text == "0") return false;
  return std::nullopt;
}

bool WordParser::accept(std::string_view word) {
  if (!more() || words_[next_] != word) return false;
  ++next_;
  return true;
}

void WordParser::expect(std::string_view word) {
  if (accept(word)) return;
  if (more()) return refuse_next();
  fail(fmt::format("the word '{}' is missing", word));
}

std::string WordParser::text(std::string_view what) {
  if (error_) return {};
  if (!more()) {
    fail(fmt::format("{} is missing", what));
    return {};
  }
  const std::string& word = words_[next_++];
  if (word.empty()) fail(fmt::format("{} is empty", what));
  return word;
}

std::string WordParser::mac(std::string_view what) {
  const std::string word = text(what);
  if (error_) return {};
  const auto address = parse_mac(word);
  if (!address) {
    fail(fmt::format("{} must be a MAC address such as 02:00:00:00:00:01, not '{}'", what, word));
    return {};
  }
  return to_string(*address);
}

std::int64_t WordParser::integer(std::string_view what) {
  const std::string word = text(what);
  if (error_) return 0;
  const auto value = parse_integer(word);
  if (!value) fail(fmt::format("{} must be a whole number, not '{}'", what, word));
  return value.value_or(0);
}

double WordParser::seconds(std::string_view what) {
  const std::string word = text(what);
  if (error_) return 0;
  const std::optional<double> value = parse_seconds(word);
  if (!value) fail(fmt::format("{} must be a number of seconds, not '{}'", what, word));
  return value.value_or(0);
}

nlohmann::json WordParser::value(std::string_view what, const ValueType& type) {
  const std::string word = text(what);
  if (error_) return nullptr;
  Result<nlohmann::json> value = type.parse(word);
  if (value) return *std::move(value);
  fail(fmt::format("{} {}", what, value.error().message));
  return nullptr;
}

bool WordParser::on_off(std::string_view what) {
  const std::string word = text(what);
  if (error_) return false;
  const auto value = parse_on_off(word);
  if (!value) fail(fmt::format("{} must be on or off, not '{}'", what, word));
  return value.value_or(false);
}

void WordParser::fail(std::string message) {
  if (error_) return;
  error_ = Error{ErrorCode::kInvalidArgument, std::move(message)};
}

void WordParser::refuse_next() {
  if (more()) fail(fmt::format("'{}' has no meaning here", words_[next_]));
}

Result<> WordParser::finish() {
  refuse_next();
  if (error_) return std::unexpected(*error_);
  return {};
}

}  // namespace rb
