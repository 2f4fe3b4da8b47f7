// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/spelling.hpp"

#include <gtest/gtest.h>

namespace rb {
namespace {

using Words = std::vector<std::string>;

TEST(Spelling, DependsOnWhoTypes) {
  const Words short_words = {"l", "s", "x"};
  EXPECT_EQ(write_out(short_words, Spelling::kWhole).value(), short_words);
  EXPECT_EQ(write_out(short_words, Spelling::kBridge).value(), (Words{"link", "set", "x"}));
  EXPECT_EQ(write_out({"tunt", "d", "x"}, Spelling::kIp).value(), (Words{"tap", "del", "x"}));
  EXPECT_FALSE(write_out(short_words, Spelling::kPrefix).has_value()) << "show or set";
  EXPECT_EQ(write_out({"l", "sh"}, Spelling::kPrefix).value(), (Words{"link", "show"}));
}

}  // namespace
}  // namespace rb
