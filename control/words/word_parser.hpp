// SPDX-License-Identifier: GPL-2.0-or-later
// WordParser: reads the words of one command from left to right, and remembers the first thing that is wrong.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "switch/result.hpp"

namespace rb {

class ValueType;

/// The names of values in error messages.
inline constexpr std::string_view kBridgeName = "the bridge's name";
inline constexpr std::string_view kPortName = "the port's name";

/// After the first error every accessor gives an empty value and changes nothing, so that a command can be read as a
/// plain sequence of calls and judged once at its end, by finish(). `what` names the value in the error message.
class WordParser {
 public:
  /// `words` must outlive the parser.
  explicit WordParser(std::span<const std::string> words) : words_(words) {}

  /// Whether nothing has been wrong so far.
  [[nodiscard]] bool good() const { return !error_; }

  /// Whether a word is left, and nothing has been wrong so far.
  [[nodiscard]] bool more() const { return !error_ && next_ < words_.size(); }
  /// Takes the next word when it is `word`.
  bool accept(std::string_view word);
  /// Takes the next word, which must be `word`.
  void expect(std::string_view word);

  std::string text(std::string_view what);
  std::string mac(std::string_view what);       // normalised: six groups of two lower-case digits
  std::int64_t integer(std::string_view what);  // decimal, or hexadecimal after 0x
  double seconds(std::string_view what);        // decimal, not negative
  bool on_off(std::string_view what);           // on, yes, 1; off, no, 0
  /// One word of a type, as JSON; null behind an error.
  nlohmann::json value(std::string_view what, const ValueType& type);

  /// Records an error, unless there is one already.
  void fail(std::string message);
  /// Records that the next word has no meaning here.
  void refuse_next();
  /// The first error. Words that are left over are an error.
  [[nodiscard]] Result<> finish();

 private:
  std::span<const std::string> words_;
  std::size_t next_ = 0;
  std::optional<Error> error_;
};

/// Decimal, or hexadecimal after 0x, with an optional sign; the whole text must be the number.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);
/// A decimal number that is finite and not negative; the whole text must be the number.
[[nodiscard]] std::optional<double> parse_seconds(std::string_view text);
/// on, yes, 1 or off, no, 0; nullopt for anything else.
[[nodiscard]] std::optional<bool> parse_on_off(std::string_view text);

}  // namespace rb
