// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/value_type.hpp"

#include <gmock/gmock.h>

#include <array>

namespace rb {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::string parse_error(const ValueType& type, const std::string& word) {
  const Result<json> value = type.parse(word);
  return value ? "no error" : value.error().message;
}

/// The code and the message, or "".
std::string check_error(const ValueType& type, const json& value) {
  const Result<> checked = type.check(value);
  return checked ? "" : std::string(error_name(checked.error().code)) + ": " + checked.error().message;
}

TEST(ValueType, AFlagTakesTheWordsOfTheKernelsToolsAndPrintsOnAndOff) {
  for (const char* word : {"on", "yes", "1"}) EXPECT_EQ(flag_type().parse(word).value(), true) << word;
  for (const char* word : {"off", "no", "0"}) EXPECT_EQ(flag_type().parse(word).value(), false) << word;
  EXPECT_EQ(parse_error(flag_type(), "maybe"), "must be on or off, not 'maybe'");
  EXPECT_EQ(flag_type().print(true), "on");
  EXPECT_EQ(check_error(flag_type(), 1), "invalid_argument: must be true or false");
}

TEST(ValueType, AChoiceNamesAllThatIsPossible) {
  static constexpr std::array<std::string_view, 3> kNames = {"off", "on", "auto"};
  const ValueType& plain = choice_type(kNames);
  EXPECT_EQ(plain.usage(), "off|on|auto");
  EXPECT_EQ(parse_error(plain, "yes"), "must be off, on or auto, not 'yes'");
  EXPECT_EQ(check_error(plain, "never"), "invalid_argument: must be off, on or auto");
  EXPECT_EQ(check_error(plain, 1), "invalid_argument: must be off, on or auto");
  const ValueType& flags = choice_type(kNames, {.flag_words = true});
  EXPECT_EQ(flags.parse("yes").value(), "on");
  EXPECT_EQ(flags.parse("0").value(), "off");
  const ValueType& numbers = choice_type(kNames, {.numbers = true});
  EXPECT_EQ(numbers.parse("2").value(), 2);
  EXPECT_EQ(check_error(numbers, 2), "");
  EXPECT_EQ(check_error(numbers, 3), "invalid_argument: must be off, on or auto");
  EXPECT_EQ(check_error(numbers, -1), "invalid_argument: must be off, on or auto");
}

TEST(ValueType, ANumberOutOfRangeSaysTheRangeAndTheUnit) {
  const ValueType& type = number_type({.lowest = 1, .highest = 63, .unit = " frames", .instead = "auto"});
  EXPECT_EQ(type.usage(), "N|auto");
  EXPECT_EQ(type.parse("0x20").value(), 32);
  EXPECT_EQ(type.parse("auto").value(), "auto");
  EXPECT_EQ(parse_error(type, "many"), "must be a whole number or auto, not 'many'");
  EXPECT_EQ(check_error(type, 64), "out_of_range: 64 is out of range; it can be 1 to 63 frames");
  EXPECT_THAT(check_error(type, UINT64_MAX), HasSubstr("out_of_range: 18446744073709551615 is out of range"));
  EXPECT_THAT(check_error(type, 1.5), HasSubstr("invalid_argument: must be a whole number"));
  EXPECT_EQ(check_error(type, "auto"), "");
  EXPECT_THAT(check_error(type, "none"), HasSubstr("invalid_argument"));
}

TEST(ValueType, SecondsMayHaveAWordForZero) {
  const ValueType& type = seconds_type({.lowest = 0.5, .highest = 10, .zero = "off"});
  EXPECT_EQ(type.parse("off").value(), 0);
  EXPECT_EQ(type.print(0), "off");
  EXPECT_EQ(type.print(2.5), "2.5");
  EXPECT_EQ(check_error(type, 0), "");
  EXPECT_EQ(check_error(type, 0.1), "out_of_range: 0.1 is out of range; it can be 0.5 to 10 seconds, or off");
  EXPECT_EQ(parse_error(type, "-1"), "must be a number of seconds, not '-1'");
  EXPECT_THAT(check_error(type, json(std::nan(""))), HasSubstr("invalid_argument"));
  EXPECT_THAT(check_error(seconds_type({.lowest = 1, .highest = 2}), 0), HasSubstr("out_of_range"));
}

TEST(ValueType, AListOfNumbersHasItsLength) {
  const ValueType& type = number_list_type(3, 7);
  EXPECT_EQ(type.parse("7,0,1").value(), json({7, 0, 1}));
  EXPECT_EQ(type.print({7, 0, 1}), "7,0,1");
  EXPECT_EQ(parse_error(type, "1,x,3"),
            "must be a list of 3 numbers from 0 to 7, with commas between them, not '1,x,3'");
  for (const json& value : {json({1, 2}), json({1, 2, 8}), json({1, 2, -1}), json("1,2,3"), json({1, 2, "3"})})
    EXPECT_EQ(check_error(type, value), "invalid_argument: must be a list of 3 numbers from 0 to 7") << value;
}

TEST(ValueType, AListOfTextsCanBeEmpty) {
  static constexpr std::array<std::string_view, 1> kKnown = {"lldp"};
  const ValueType& type = text_list_type("GROUP,...|none", kKnown);
  EXPECT_EQ(type.parse("none").value(), json::array());
  EXPECT_EQ(type.parse("lldp,2").value(), json({"lldp", "2"}));
  EXPECT_EQ(type.print(json::array()), "none");
  EXPECT_EQ(type.print({"lldp", "2"}), "lldp,2");
  EXPECT_EQ(check_error(type, {1}), "invalid_argument: must be a list of strings");
}

TEST(ValueType, TextHasNoBlanks) {
  const ValueType& type = text_type("PATH");
  EXPECT_EQ(type.usage(), "PATH");
  EXPECT_EQ(check_error(type, "/run/x"), "");
  for (const char* text : {"a b", "a\nb", "a\x7f"}) EXPECT_THAT(check_error(type, text), HasSubstr("without blanks"));
  EXPECT_THAT(check_error(type, 1), HasSubstr("must be a string"));
}

json rate(std::uint64_t bits, std::uint64_t frames) {
  return {{"bits_per_s", bits}, {"frames_per_s", frames}};
}

TEST(ValueType, ARateIsBitsOrFramesOrBoth) {
  const ValueType& type = rate_type();
  EXPECT_EQ(type.parse("10mbit").value(), rate(10'000'000, 0));
  EXPECT_EQ(type.parse("1gbit,5000fps").value(), rate(1'000'000'000, 5000));
  EXPECT_EQ(type.parse("7fps").value(), rate(0, 7));
  EXPECT_EQ(type.parse("none").value(), rate(0, 0));
  EXPECT_EQ(type.print(rate(1'500'000, 0)), "1500kbit");
  EXPECT_EQ(type.print(rate(1'000'000'000, 5000)), "1gbit,5000fps");
  EXPECT_EQ(type.print(rate(0, 0)), "none");
  for (const char* word : {"", "10", "mbit", "10mbits", "-1mbit", "fast", "1.5mbit", "10mbit,x"})
    EXPECT_THAT(parse_error(type, word), HasSubstr("must be a rate such as 10mbit")) << word;
}

TEST(ValueType, ARateThatFitsNoNumberIsOutOfRange) {
  const ValueType& type = rate_type();
  for (const char* word : {"1001gbit", "99999999999999999999gbit", "18446744073709551615gbit", "1000000001fps"})
    EXPECT_THAT(check_error(type, type.parse(word).value()), HasSubstr("out_of_range")) << word;
  EXPECT_EQ(check_error(type, type.parse("1000gbit,1000000000fps").value()), "");
  EXPECT_THAT(check_error(type, {{"bits_per_s", -1}}), HasSubstr("out_of_range"));
  EXPECT_THAT(check_error(type, {{"bytes", 1}}), HasSubstr("invalid_argument"));
  EXPECT_THAT(check_error(type, {{"bits_per_s", "1"}}), HasSubstr("invalid_argument"));
  EXPECT_THAT(check_error(type, 5), HasSubstr("invalid_argument"));
}

}  // namespace
}  // namespace rb
