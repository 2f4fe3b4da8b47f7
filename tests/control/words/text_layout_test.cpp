// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/text_layout.hpp"

#include <gtest/gtest.h>

namespace rb {
namespace {

TEST(TextLayout, BreaksLinesAtBlanks) {
  const std::string word(40, 'x');
  EXPECT_EQ(wrapped(word + ' ' + word + ' ' + word, {.column = 0, .indent = 3}), word + ' ' + word + "\n   " + word);
  EXPECT_EQ(wrapped(std::string(200, 'y'), {}), std::string(200, 'y'));
  EXPECT_EQ(wrapped("", {}), "");
}

TEST(TextLayout, PutsMeaningsIntoAColumn) {
  EXPECT_EQ(list_row("dev PORT", "the port", 14), "  dev PORT    the port\n");
  EXPECT_EQ(list_row("a|long|choice", "the choice", 14), "  a|long|choice\n              the choice\n");
}

}  // namespace
}  // namespace rb
