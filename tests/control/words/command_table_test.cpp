// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/command_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "control/words/command_line.hpp"
#include "control/words/usage.hpp"

namespace rb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;

std::string_view found(const Words& words) {
  const FoundCommand command = find_command(words);
  return command.command == nullptr ? std::string_view() : command.command->name;
}

TEST(CommandTable, EveryRowIsComplete) {
  for (const Command* command : all_commands()) {
    EXPECT_FALSE(command->summary.empty()) << command->name;
    EXPECT_FALSE(command->summary.ends_with('.')) << command->name;
    EXPECT_LE(name_words(command->name).size(), 3U) << command->name;
    EXPECT_TRUE(std::string(usage_of(*command)).starts_with(command->name)) << command->name;
    EXPECT_TRUE(nlohmann::json::accept(command->preset)) << command->name;
    for (const Argument& argument : command->arguments) {
      const std::string where = std::string(command->name) + ": " + argument_usage(argument);
      EXPECT_EQ(argument.meaning.empty(), argument.hidden) << where;
      EXPECT_EQ(argument.kind == ValueKind::kChoice && argument.choices.empty(), false) << where;
      EXPECT_TRUE(argument.value.empty() || nlohmann::json::accept(argument.value)) << where;
      for (const Choice& choice : argument.choices)
        EXPECT_TRUE(choice.value.empty() || nlohmann::json::accept(choice.value)) << where;
    }
  }
}

TEST(CommandTable, NoNameStandsTwice) {
  std::set<std::string_view> names;
  for (const Command* command : all_commands()) {
    EXPECT_TRUE(names.insert(command->name).second) << command->name;
    if (command->short_name.empty()) continue;
    EXPECT_TRUE(names.insert(command->short_name).second) << command->short_name;
  }
}

TEST(CommandTable, EveryExampleNamesItsCommandAndCanBeRead) {
  for (const Command* command : all_commands()) {
    const Words words = split_words(command->example).value();
    const FoundCommand example = find_command(words);
    ASSERT_EQ(example.command, command) << command->example;
    const auto requests = read_arguments(*command, std::span(words).subspan(example.word_count));
    ASSERT_TRUE(requests.has_value()) << requests.error().message;
    for (const Request& request : *requests) EXPECT_EQ(request.method, command->method);
  }
}

TEST(CommandTable, TheLongestNameWins) {
  EXPECT_EQ(found({"vlan"}), "vlan show");
  EXPECT_EQ(found({"vlan", "dev", "tap0"}), "vlan show");
  EXPECT_EQ(found({"vlan", "add", "dev"}), "vlan add");
  EXPECT_EQ(found({"vlan", "map"}), "vlan map show");
  EXPECT_EQ(found({"vlan", "map", "add"}), "vlan map add");
  EXPECT_EQ(found({"link", "set", "br0"}), "link set");
  EXPECT_EQ(found({"link", "set", "dev", "tap0"}), "link set dev");
  EXPECT_EQ(found({"stats", "clear"}), "stats clear");
  EXPECT_EQ(found({"stats", "dev"}), "stats");
  EXPECT_EQ(found({"vla"}), "");
  EXPECT_EQ(found({}), "");
}

TEST(CommandTable, KnowsWhichWordsMayFollow) {
  EXPECT_THAT(next_name_words(Words{"vlan", "map"}), ElementsAre("show", "add", "del"));
  EXPECT_THAT(next_name_words(Words{"fdb"}), ElementsAre("show", "get", "add", "replace", "del", "flush"));
  EXPECT_TRUE(next_name_words(Words{"addbr"}).empty());
  EXPECT_TRUE(next_name_words(Words{"fd"}).empty());
}

TEST(CommandTable, WritesOutWhatIsUnambiguous) {
  const auto written = [](const Words& words) { return write_out_prefixes(words).value(); };
  EXPECT_EQ(written({"v", "s", "dev", "tap0"}), (Words{"vlan", "show", "dev", "tap0"}));
  EXPECT_EQ(written({"f", "g", "02:00:00:00:00:01", "br", "b"}), (Words{"fdb", "get", "02:00:00:00:00:01", "br", "b"}));
  EXPECT_EQ(written({"v", "m", "a"}), (Words{"vlan", "map", "add"}));
  EXPECT_EQ(written({"addb", "a"}), (Words{"addbr", "a"}));
  EXPECT_EQ(written({"show"}), (Words{"show"}));  // and not showmacs
  EXPECT_EQ(written({"l", "se", "d"}), (Words{"link", "set", "d"})) << "a bridge may be called d";
  EXPECT_EQ(written({"frob", "s"}), (Words{"frob", "s"}));
  EXPECT_EQ(written({"v", ""}), (Words{"vlan", ""}));
  EXPECT_EQ(written({}), Words{});
}

TEST(CommandTable, NamesTheCandidatesOfAnAmbiguousWord) {
  EXPECT_EQ(write_out_prefixes({"setp"}).error().message, "'setp' is ambiguous; it could be setpathcost, setportprio");
  EXPECT_THAT(write_out_prefixes({"l", "s"}).error().message, HasSubstr("set, show"));
}

}  // namespace
}  // namespace rb
