// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/command_reference.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "test_paths.hpp"

namespace rb {
namespace {

TEST(CommandReference, IsThePageInDocs) {
  std::ifstream file(RB_SOURCE_DIR "/docs/commands.md");
  std::ostringstream page;
  page << file.rdbuf();
  EXPECT_EQ(page.str(), commands_reference())
      << "docs/commands.md is out of date; renew the page by: rbctl --reference commands > docs/commands.md";
}

}  // namespace
}  // namespace rb
