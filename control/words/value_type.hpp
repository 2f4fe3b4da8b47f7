// SPDX-License-Identifier: GPL-2.0-or-later
// ValueType: one type of values, in the three forms in which a value travels.
//
// How it works. A user types a value as one word ("on", "2.5", "0x2a", "10mbit"). The control protocol carries the
// value as JSON. A dump prints the value as a word again. A ValueType converts between these forms, and says for help,
// completion and the reference how the word is written. parse() and print() are inverses: parse(print(v)) is v for
// every v that check() accepts. tests/control/words/value_type_test.cpp holds every type to this rule.
//
// All objects are immutable and live as long as the program. Threads: any.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "switch/result.hpp"

namespace rb {

class ValueType {
 public:
  ValueType() = default;
  virtual ~ValueType() = default;
  ValueType(const ValueType&) = delete;
  ValueType& operator=(const ValueType&) = delete;

  /// How the word is written, for usage lines: "on|off", "N|auto".
  [[nodiscard]] virtual std::string usage() const = 0;
  /// The values that are possible, for the reference: "0 to 63". Empty: the usage says it.
  [[nodiscard]] virtual std::string range() const { return {}; }
  /// Whole words that completion offers.
  [[nodiscard]] virtual std::vector<std::string> candidates() const { return {}; }

  /// Reads a word. Judges its form only: whether a number is in range is check()'s business. The error's message
  /// begins with "must be", so that the caller puts the name in front.
  [[nodiscard]] virtual Result<nlohmann::json> parse(const std::string& word) const = 0;
  /// The word for a value that check() accepts.
  [[nodiscard]] virtual std::string print(const nlohmann::json& value) const = 0;
  /// Judges a value that a client sent. kInvalidArgument: the JSON has another type, or the word is unknown ("must be
  /// ..."). kOutOfRange: the number is outside the range ("70000 is out of range; it can be 0 to 65535").
  [[nodiscard]] virtual Result<> check(const nlohmann::json& value) const = 0;
};

/// JSON true and false; the words on, yes, 1, off, no and 0.
[[nodiscard]] const ValueType& flag_type();

/// JSON strings; one of `names`. `flag_words`: yes, 1, no and 0 are taken for "on" and "off".
struct ChoiceOptions {
  bool flag_words = false;
  bool numbers = false;  // a name's place in the list, counted from 0, is taken as well, in words and in JSON
};
[[nodiscard]] const ValueType& choice_type(std::span<const std::string_view> names, ChoiceOptions options = {});

/// JSON integers; decimal words, or hexadecimal ones behind 0x. `instead` is a word, and a JSON string, that stands in
/// place of a number ("auto"); empty: there is none.
struct NumberOptions {
  std::int64_t lowest = 0;
  std::int64_t highest = 0;
  std::string_view unit = "";  // for messages: " seconds"
  std::string_view instead = "";
};
[[nodiscard]] const ValueType& number_type(NumberOptions options);

/// JSON numbers of seconds; decimal words. `zero` is a word for 0 ("off"), which is then possible besides the range.
struct SecondsOptions {
  double lowest = 0;
  double highest = 0;
  std::string_view zero = "";
};
[[nodiscard]] const ValueType& seconds_type(SecondsOptions options);

/// JSON lists of `count` integers from 0 to `highest`; in words with commas between them.
[[nodiscard]] const ValueType& number_list_type(std::size_t count, std::int64_t highest);

/// JSON lists of strings; in words with commas between them, "none" for the empty list. `known` is offered by
/// completion; which texts are possible is the owner's business.
[[nodiscard]] const ValueType& text_list_type(std::string_view usage, std::span<const std::string_view> known);

/// JSON strings of any printable text without blanks; `usage` names it: "PATH".
[[nodiscard]] const ValueType& text_type(std::string_view usage);

/// JSON objects {"bits_per_s": N, "frames_per_s": N}, 0 for no limit; words such as 10mbit, 5000fps, 10mbit,5000fps
/// and none. Bits take the suffixes bit, kbit, mbit and gbit (powers of 1000).
[[nodiscard]] const ValueType& rate_type();

/// "a, b or c": for messages.
[[nodiscard]] std::string joined_with_or(std::span<const std::string_view> names);

}  // namespace rb
