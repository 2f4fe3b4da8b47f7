// SPDX-License-Identifier: GPL-2.0-or-later
// What holds for every kind of ports and every option, whatever is in the rows.
#include "control/words/port_kinds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "control/words/port_spec.hpp"

namespace rb {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using Random = std::mt19937;
using Type = PortOption::Type;

json random_value(const PortOption& option, Random& random) {
  switch (option.type) {
    case Type::kFlag:
      return random() % 2 == 0;
    case Type::kNumber:
      return option.lowest + static_cast<std::int64_t>(random()) % (option.highest - option.lowest + 1);
    case Type::kUser:
    case Type::kGroup:
      return 100000 + random() % 1000;
    case Type::kMode:
      return random() % 01000;
    case Type::kText:
      return "/run/x" + std::to_string(random() % 100);
    case Type::kChoice:
    case Type::kWord:
      return std::string(option.choices[random() % option.choices.size()]);
  }
  return nullptr;
}

TEST(PortKinds, TextAndOptionsAreInversesForEachKind) {
  Random random(20261130);
  for (const PortKindWords& kind : port_kinds()) {
    for (int round = 0; round < 200; ++round) {
      const bool address = kind.subject == PortKindWords::Subject::kAddress;
      PortOptions options(kind, "vm1", address ? "/run/vm1.sock" : "");
      json given = json::object();
      for (const PortOption& option : kind.options) {
        const bool possible = option.needs.empty() || given.value(std::string(option.needs), false);
        if (option.example.empty() && (!possible || random() % 2 == 0)) continue;
        const json value = random_value(option, random);
        ASSERT_TRUE(check_port_option(option, value)) << kind.name << ' ' << option.name << ' ' << value;
        options.set(option.name, value);
        given[std::string(option.name)] = value;
      }
      const std::string text = options.to_text();
      const Result<json> spec = parse_port_spec(text);
      ASSERT_TRUE(spec) << text << ": " << spec.error().message;
      EXPECT_EQ((*spec)["name"], "vm1") << text;
      PortOptions again(kind, "vm1", address ? "/run/vm1.sock" : "");
      for (const PortOption& option : kind.options) {
        const std::string name(option.name);
        if (spec->contains(name)) again.set(name, (*spec)[name]);
      }
      EXPECT_EQ(again.to_text(), text);
      for (const auto& [name, value] : given.items()) {
        const bool shown = spec->contains(name);
        EXPECT_TRUE(!shown || (*spec)[name] == value) << text << ": " << name << ' ' << value;
      }
    }
  }
}

TEST(PortKinds, EachOptionHasAMeaningAndANameOfItsOwn) {
  for (const PortKindWords& kind : port_kinds()) {
    EXPECT_FALSE(kind.meaning.empty()) << kind.name;
    std::set<std::string_view> names;
    for (const PortOption& option : kind.options) {
      EXPECT_TRUE(names.insert(option.name).second) << kind.name << ' ' << option.name;
      EXPECT_FALSE(option.meaning.empty()) << kind.name << ' ' << option.name;
    }
  }
}

TEST(PortKinds, HelpAndErrorsNameThemAll) {
  const Result<json> refused = parse_port_spec("carrier-pigeon:x");
  ASSERT_FALSE(refused);
  for (const PortKindWords& kind : port_kinds()) {
    EXPECT_THAT(device_notes(), HasSubstr(std::string(kind.name) + ":"));
    EXPECT_THAT(refused.error().message, HasSubstr(std::string(kind.name)));
  }
}

}  // namespace
}  // namespace rb
