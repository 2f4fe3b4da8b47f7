// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/help.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/words/command_table.hpp"
#include "control/words/settings_words.hpp"
#include "control/words/usage.hpp"

namespace rb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Words = std::vector<std::string>;

std::string help(const Words& words) {
  const auto text = help_of(words);
  EXPECT_TRUE(text.has_value()) << text.error().message;
  return text.value_or("");
}

TEST(Help, ListsEveryCommandInALine) {
  const std::string overview = help_overview();
  for (const Command* command : all_commands())
    EXPECT_THAT(overview, HasSubstr("\n  " + std::string(command->name) + ' ')) << command->name;
  for (const CommandGroup* group : command_groups()) EXPECT_THAT(overview, HasSubstr(std::string(group->title) + ':'));
  EXPECT_THAT(overview, HasSubstr("--socket"));
  EXPECT_EQ(help({}), overview);
}

TEST(Help, ExplainsEveryCommand) {
  for (const Command* command : all_commands()) {
    Words words;
    for (const std::string_view word : name_words(command->name)) words.emplace_back(word);
    const std::string page = help(words);
    EXPECT_THAT(page, HasSubstr("Usage: rbctl " + usage_of(*command))) << command->name;
    EXPECT_THAT(page, HasSubstr("Example: rbctl " + std::string(command->example))) << command->name;
    for (const Argument& argument : command->arguments) {
      if (argument.hidden) continue;
      EXPECT_THAT(page, HasSubstr(argument_usage(argument))) << command->name;
    }
  }
}

TEST(Help, ExplainsEverySettingOfLinkSet) {
  const std::string pages = help({"link", "set"});  // both of bridges and of ports
  for (const ValueKind kind : {ValueKind::kBridgeSettings, ValueKind::kPortSettings})
    for (const SettingInfo* setting : settings_of(kind))
      EXPECT_THAT(pages, HasSubstr("\n  " + std::string(setting->name) + ' ')) << setting->name;
}

TEST(Help, ListsTheCommandsOfAnObject) {
  const std::string list = help({"fdb"});
  EXPECT_THAT(list, HasSubstr("rbctl fdb flush [dev PORT]"));
  EXPECT_THAT(list, Not(HasSubstr("Example")));
  EXPECT_THAT(help({"addif"}), HasSubstr("vhost-user:ADDRESS"));
}

TEST(Help, RefusesWordsThatBeginNoCommand) {
  EXPECT_THAT(help_of(Words{"frob"}).error().message, HasSubstr("'frob'"));
  EXPECT_FALSE(help_of(Words{"fdb", "frob"}).has_value());
}

TEST(Help, CanBeAskedForBehindAnObject) {
  EXPECT_TRUE(asks_for_help(Words{"link", "help"}));
  EXPECT_TRUE(asks_for_help(Words{"link", "set", "help"}));
  EXPECT_TRUE(asks_for_help(Words{"vlan", "map", "help"}));
  EXPECT_FALSE(asks_for_help(Words{"addbr", "help"})) << "a bridge may be called help";
  EXPECT_FALSE(asks_for_help(Words{"help"}));
  EXPECT_FALSE(asks_for_help(Words{"link", "help", "set"}));
}

}  // namespace
}  // namespace rb
