// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/printers.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "control/words/command_table.hpp"
#include "tests/control/model_fixture.hpp"

namespace rb {
namespace {

TEST(Printers, EveryCommandThatReadsHasOne) {
  for (const Command* command : all_commands()) {
    // Without a method rbctl answers itself, and monitor prints events as they come.
    const bool prints = command->right == Right::kRead && !command->method.empty() && command->method != "monitor";
    EXPECT_EQ(std::ranges::count(printers(), command->name, &Printer::command), prints ? 1 : 0) << command->name;
  }
}

TEST(Printers, BelongToACommandThatExists) {
  const auto commands = all_commands();
  for (const Printer& printer : printers()) {
    EXPECT_EQ(std::ranges::count(commands, printer.command, &Command::name), 1) << printer.command;
    EXPECT_EQ(printer_of(printer.command), &printer);
  }
  EXPECT_EQ(printer_of("addbr"), nullptr);
}

TEST(CommandTable, EveryCommandNeedsTheRightOfItsMethod) {
  const testing::FakeSwitch fake;
  for (const Command* command : all_commands()) {
    if (command->method.empty()) continue;
    const Right* const right = fake.commands->right_of(std::string(command->method));
    ASSERT_NE(right, nullptr) << command->method;
    EXPECT_EQ(*right, command->right) << command->name;
  }
}

}  // namespace
}  // namespace rb
