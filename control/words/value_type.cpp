// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/value_type.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "control/words/word_parser.hpp"

namespace rb {
namespace {

using nlohmann::json;

std::unexpected<Error> must_be(std::string_view what, std::string_view word) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("must be {}, not '{}'", what, word));
}

std::unexpected<Error> must_be(std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("must be {}", what));
}

/// Types with arguments are made where a table is made, and kept for good.
template <typename Type, typename... Arguments>
const ValueType& keep(Arguments&&... arguments) {
  static std::mutex mutex;
  static std::deque<std::unique_ptr<ValueType>> kept;
  const std::lock_guard lock(mutex);
  kept.push_back(std::make_unique<Type>(std::forward<Arguments>(arguments)...));
  return *kept.back();
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

class FlagType final : public ValueType {
 public:
  [[nodiscard]] std::string usage() const override { return "on|off"; }
  [[nodiscard]] std::vector<std::string> candidates() const override { return {"on", "off"}; }
  [[nodiscard]] Result<json> parse(const std::string& word) const override {
    const std::optional<bool> on = parse_on_off(word);
    if (!on) return must_be("on or off", word);
    return json(*on);
  }
  [[nodiscard]] std::string print(const json& value) const override { return value.get<bool>() ? "on" : "off"; }
  [[nodiscard]] Result<> check(const json& value) const override {
    if (!value.is_boolean()) return must_be("true or false");
    return {};
  }
};

class ChoiceType final : public ValueType {
 public:
  ChoiceType(std::span<const std::string_view> names, ChoiceOptions options)
      : names_(names.begin(), names.end()), options_(options) {}

  [[nodiscard]] std::string usage() const override { return fmt::format("{}", fmt::join(names_, "|")); }
  [[nodiscard]] std::vector<std::string> candidates() const override { return {names_.begin(), names_.end()}; }
  [[nodiscard]] Result<json> parse(const std::string& word) const override {
    if (std::ranges::find(names_, word) != names_.end()) return json(word);
    const std::optional<std::int64_t> number = parse_integer(word);
    if (options_.numbers && number) return json(*number);
    const std::optional<bool> on = parse_on_off(word);
    if (options_.flag_words && on) return json(*on ? "on" : "off");
    return must_be(joined_with_or(names_), word);
  }
  [[nodiscard]] std::string print(const json& value) const override {
    if (value.is_number()) return std::string(names_[value.get<std::size_t>()]);
    return value.get<std::string>();
  }
  [[nodiscard]] Result<> check(const json& value) const override {
    if (options_.numbers && value.is_number_integer()) {
      const auto number = value.get<std::int64_t>();
      if (number >= 0 && number < static_cast<std::int64_t>(names_.size())) return {};
    }
    if (value.is_string() && std::ranges::find(names_, value.get<std::string>()) != names_.end()) return {};
    return must_be(joined_with_or(names_));
  }

 private:
  std::vector<std::string_view> names_;
  ChoiceOptions options_;
};

class NumberType final : public ValueType {
 public:
  explicit NumberType(NumberOptions options) : options_(options) {}

  [[nodiscard]] std::string usage() const override {
    return options_.instead.empty() ? "N" : fmt::format("N|{}", options_.instead);
  }
  [[nodiscard]] std::string range() const override {
    if (options_.lowest == INT64_MIN && options_.highest == INT64_MAX) return {};  // the owner of the setting judges
    return fmt::format("{} to {}{}", options_.lowest, options_.highest, options_.unit);
  }
  [[nodiscard]] std::vector<std::string> candidates() const override {
    if (options_.instead.empty()) return {};
    return {std::string(options_.instead)};
  }
  [[nodiscard]] Result<json> parse(const std::string& word) const override {
    if (!options_.instead.empty() && word == options_.instead) return json(word);
    const std::optional<std::int64_t> number = parse_integer(word);
    if (!number) return must_be(expected(), word);
    return json(*number);
  }
  [[nodiscard]] std::string print(const json& value) const override {
    return value.is_string() ? value.get<std::string>() : value.dump();
  }
  [[nodiscard]] Result<> check(const json& value) const override {
    if (!options_.instead.empty() && value.is_string() && value.get<std::string>() == options_.instead) return {};
    if (!value.is_number_integer()) return must_be(expected());
    const bool huge = value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
    const auto number = huge ? INT64_MAX : value.get<std::int64_t>();
    if (number >= options_.lowest && number <= options_.highest) return {};
    return fail(ErrorCode::kOutOfRange, fmt::format("{} is out of range; it can be {}", value.dump(), range()));
  }

 private:
  [[nodiscard]] std::string expected() const {
    return options_.instead.empty() ? "a whole number" : fmt::format("a whole number or {}", options_.instead);
  }

  NumberOptions options_;
};

class SecondsType final : public ValueType {
 public:
  explicit SecondsType(SecondsOptions options) : options_(options) {}

  [[nodiscard]] std::string usage() const override {
    return options_.zero.empty() ? "SECONDS" : fmt::format("SECONDS|{}", options_.zero);
  }
  [[nodiscard]] std::string range() const override {
    const std::string zero = options_.zero.empty() ? "" : fmt::format(", or {}", options_.zero);
    return fmt::format("{} to {} seconds{}", options_.lowest, options_.highest, zero);
  }
  [[nodiscard]] std::vector<std::string> candidates() const override {
    if (options_.zero.empty()) return {};
    return {std::string(options_.zero)};
  }
  [[nodiscard]] Result<json> parse(const std::string& word) const override {
    if (!options_.zero.empty() && word == options_.zero) return json(0);
    const std::optional<double> seconds = parse_seconds(word);
    if (!seconds) return must_be("a number of seconds", word);
    return json(*seconds);
  }
  [[nodiscard]] std::string print(const json& value) const override {
    const auto seconds = value.get<double>();
    return seconds == 0 && !options_.zero.empty() ? std::string(options_.zero) : fmt::format("{}", seconds);
  }
  [[nodiscard]] Result<> check(const json& value) const override {
    if (!value.is_number() || !std::isfinite(value.get<double>())) return must_be("a number of seconds");
    const auto seconds = value.get<double>();
    if (seconds >= options_.lowest && seconds <= options_.highest) return {};
    if (seconds == 0 && !options_.zero.empty()) return {};
    return fail(ErrorCode::kOutOfRange, fmt::format("{} is out of range; it can be {}", seconds, range()));
  }

 private:
  SecondsOptions options_;
};

class NumberListType final : public ValueType {
 public:
  NumberListType(std::size_t count, std::int64_t highest) : count_(count), highest_(highest) {}

  [[nodiscard]] std::string usage() const override {
    return fmt::format("{}", fmt::join(std::vector<std::string_view>(count_, "N"), ","));
  }
  [[nodiscard]] std::string range() const override { return fmt::format("{} numbers from 0 to {}", count_, highest_); }
  [[nodiscard]] Result<json> parse(const std::string& word) const override {
    json numbers = json::array();
    for (const std::string& part : split_at_commas(word)) {
      const std::optional<std::int64_t> number = parse_integer(part);
      if (!number) return must_be(fmt::format("a list of {}, with commas between them", range()), word);
      numbers.push_back(*number);
    }
    return numbers;
  }
  [[nodiscard]] std::string print(const json& value) const override {
    std::string text;
    for (const json& number : value) text += (text.empty() ? "" : ",") + number.dump();
    return text;
  }
  [[nodiscard]] Result<> check(const json& value) const override {
    const auto possible = [&](const json& number) {
      return number.is_number_integer() && number.get<std::int64_t>() >= 0 && number.get<std::int64_t>() <= highest_;
    };
    if (value.is_array() && value.size() == count_ && std::ranges::all_of(value, possible)) return {};
    return must_be(fmt::format("a list of {}", range()));
  }

 private:
  std::size_t count_;
  std::int64_t highest_;
};

class TextListType final : public ValueType {
 public:
  TextListType(std::string_view usage, std::span<const std::string_view> known)
      : usage_(usage), known_(known.begin(), known.end()) {}

  [[nodiscard]] std::string usage() const override { return usage_; }
  [[nodiscard]] std::vector<std::string> candidates() const override {
    std::vector<std::string> words = known_;
    words.emplace_back("none");
    return words;
  }
  [[nodiscard]] Result<json> parse(const std::string& word) const override {
    return word == "none" ? json::array() : json(split_at_commas(word));
  }
  [[nodiscard]] std::string print(const json& value) const override {
    if (value.empty()) return "none";
    return fmt::format("{}", fmt::join(value.get<std::vector<std::string>>(), ","));
  }
  [[nodiscard]] Result<> check(const json& value) const override {
    if (value.is_array() && std::ranges::all_of(value, [](const json& text) { return text.is_string(); })) return {};
    return must_be("a list of strings");
  }

 private:
  std::string usage_;
  std::vector<std::string> known_;
};

class TextType final : public ValueType {
 public:
  explicit TextType(std::string_view usage) : usage_(usage) {}

  [[nodiscard]] std::string usage() const override { return usage_; }
  [[nodiscard]] Result<json> parse(const std::string& word) const override { return json(word); }
  [[nodiscard]] std::string print(const json& value) const override { return value.get<std::string>(); }
  [[nodiscard]] Result<> check(const json& value) const override {
    if (!value.is_string()) return must_be("a string");
    const auto printable = [](char c) { return static_cast<unsigned char>(c) > ' ' && c != 0x7f; };
    if (!std::ranges::all_of(value.get<std::string>(), printable)) return must_be("text without blanks");
    return {};
  }

 private:
  std::string usage_;
};

/// Bits a second by the suffixes of tc, largest first.
struct RateUnit {
  std::string_view suffix;
  std::uint64_t bits;
};
constexpr std::array<RateUnit, 4> kRateUnits = {
    {{"gbit", 1'000'000'000}, {"mbit", 1'000'000}, {"kbit", 1000}, {"bit", 1}}};
constexpr std::string_view kFramesSuffix = "fps";
/// Far beyond what a port carries, and far below what counters can hold.
constexpr std::uint64_t kMaxBitsPerS = 1'000'000'000'000, kMaxFramesPerS = 1'000'000'000;

class RateType final : public ValueType {
 public:
  [[nodiscard]] std::string usage() const override { return "RATE|none"; }
  [[nodiscard]] std::string range() const override {
    return "1bit to 1000gbit, 1fps to 1000000000fps, or both with a comma between them; none";
  }
  [[nodiscard]] std::vector<std::string> candidates() const override { return {"none"}; }
  [[nodiscard]] Result<json> parse(const std::string& word) const override {
    json rate{{"bits_per_s", 0}, {"frames_per_s", 0}};
    if (word == "none") return rate;
    const std::vector<std::string> parts = split_at_commas(word);
    for (const std::string& part : parts) {
      if (const std::optional<std::uint64_t> frames = count_before(part, kFramesSuffix, 1)) {
        rate["frames_per_s"] = *frames;
        continue;
      }
      std::optional<std::uint64_t> bits;
      for (const RateUnit& unit : kRateUnits) {
        if (!bits) bits = count_before(part, unit.suffix, unit.bits);
      }
      if (!bits) return must_be("a rate such as 10mbit, 5000fps or 10mbit,5000fps, or none", word);
      rate["bits_per_s"] = *bits;
    }
    if (parts.empty()) return must_be("a rate such as 10mbit, 5000fps or 10mbit,5000fps, or none", word);
    return rate;
  }
  [[nodiscard]] std::string print(const json& value) const override {
    const auto bits = value.value("bits_per_s", std::uint64_t{0}),
               frames = value.value("frames_per_s", std::uint64_t{0});
    std::string text;
    if (bits != 0) {
      const auto* const unit = std::ranges::find_if(kRateUnits, [&](const RateUnit& u) { return bits % u.bits == 0; });
      text = fmt::format("{}{}", bits / unit->bits, unit->suffix);
    }
    if (frames != 0) text += fmt::format("{}{}{}", text.empty() ? "" : ",", frames, kFramesSuffix);
    return text.empty() ? "none" : text;
  }
  [[nodiscard]] Result<> check(const json& value) const override {
    if (!value.is_object()) return must_be("an object with bits_per_s and frames_per_s");
    for (const auto& [key, number] : value.items()) {
      const bool bits = key == "bits_per_s";
      if (!bits && key != "frames_per_s") return must_be("an object with bits_per_s and frames_per_s");
      const std::uint64_t highest = bits ? kMaxBitsPerS : kMaxFramesPerS;
      if (!number.is_number_integer()) return must_be("an object of whole numbers");
      const bool negative = !number.is_number_unsigned() && number.get<std::int64_t>() < 0;
      if (negative || number.get<std::uint64_t>() > highest) {
        return fail(ErrorCode::kOutOfRange,
                    fmt::format("{} {} is out of range; it can be 0 (no limit) to {}", key, number.dump(), highest));
      }
    }
    return {};
  }

 private:
  /// The number in front of a suffix, times `factor`; nullopt when the text is anything else. What does not fit is
  /// given as the largest number, which check() refuses.
  static std::optional<std::uint64_t> count_before(std::string_view text, std::string_view suffix,
                                                   std::uint64_t factor) {
    if (!text.ends_with(suffix)) return std::nullopt;
    text.remove_suffix(suffix.size());
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (end != text.data() + text.size() || error == std::errc::invalid_argument) return std::nullopt;
    if (error == std::errc::result_out_of_range || count > UINT64_MAX / factor) return UINT64_MAX;
    return count * factor;
  }
};

}  // namespace

const ValueType& flag_type() {
  static const FlagType type;
  return type;
}

const ValueType& choice_type(std::span<const std::string_view> names, ChoiceOptions options) {
  return keep<ChoiceType>(names, options);
}

const ValueType& number_type(NumberOptions options) {
  return keep<NumberType>(options);
}

const ValueType& seconds_type(SecondsOptions options) {
  return keep<SecondsType>(options);
}

const ValueType& number_list_type(std::size_t count, std::int64_t highest) {
  return keep<NumberListType>(count, highest);
}

const ValueType& text_list_type(std::string_view usage, std::span<const std::string_view> known) {
  return keep<TextListType>(usage, known);
}

const ValueType& text_type(std::string_view usage) {
  return keep<TextType>(usage);
}

const ValueType& rate_type() {
  static const RateType type;
  return type;
}

std::string joined_with_or(std::span<const std::string_view> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

}  // namespace rb
