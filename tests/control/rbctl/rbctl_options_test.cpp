// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/rbctl_options.hpp"

#include <gtest/gtest.h>

#include "control/rbctl/help.hpp"

namespace rb {
namespace {

using Words = std::vector<std::string>;

TEST(RbctlOptions, MayStandAnywhere) {
  const auto options =
      parse_rbctl_options({"-js", "fdb", "show", "-p", "--socket", "/tmp/s", "br", "br0", "--details"});
  ASSERT_TRUE(options.has_value()) << options.error().message;
  EXPECT_TRUE(options->output.json && options->output.statistics && options->output.pretty && options->output.details);
  EXPECT_EQ(options->socket, "/tmp/s");
  EXPECT_EQ(options->words, (Words{"fdb", "show", "br", "br0"}));
}

TEST(RbctlOptions, AreIproute2sBehindOneDash) {
  const auto batch = parse_rbctl_options({"-force", "-batch", "lab.batch"});
  ASSERT_TRUE(batch.has_value()) << batch.error().message;
  EXPECT_TRUE(batch->force);
  EXPECT_EQ(batch->batch, "lab.batch");
  EXPECT_EQ(parse_rbctl_options({"-b", "-"})->batch, "-");
  EXPECT_FALSE(parse_rbctl_options({"-batch"}).has_value());
  for (const char* option : {"-c", "-compressvlans", "--compressvlans"})
    EXPECT_TRUE(parse_rbctl_options({option, "vlan", "show"})->output.compress) << option;
  const auto named = parse_rbctl_options({"-json", "-pretty", "-details", "-statistics", "vlan"});
  EXPECT_TRUE(named->output.json && named->output.pretty && named->output.details && named->output.statistics);
}

TEST(RbctlOptions, LeaveTheCommandsOwnWordsAlone) {
  EXPECT_EQ(parse_rbctl_options({"addbr", "br0", "--no-host-port"})->words, (Words{"addbr", "br0", "--no-host-port"}));
  EXPECT_EQ(parse_rbctl_options({"trace", "br0", "--in", "tap0", "00"})->words,
            (Words{"trace", "br0", "--in", "tap0", "00"}));
}

TEST(RbctlOptions, RefuseWhatTheyDoNotKnow) {
  EXPECT_FALSE(parse_rbctl_options({"show", "--stat"}).has_value());
  EXPECT_FALSE(parse_rbctl_options({"show", "--socket"}).has_value());
}

TEST(RbctlOptions, HelpNamesEveryOption) {
  const std::string help = help_overview();
  for (const char* word : {"--socket", "--json", "--pretty", "--statistics", "--details", "--help", "--version",
                           "RINGBRIDGE_SOCKET", "addbr", "fdb flush", "trace"}) {
    EXPECT_NE(help.find(word), std::string::npos) << word;
  }
}

}  // namespace
}  // namespace rb
