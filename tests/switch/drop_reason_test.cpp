// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/drop_reason.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "test_paths.hpp"

namespace rb {
namespace {

TEST(DropReasons, HaveNamesOfTheirOwnAndASentenceEach) {
  std::set<std::string_view> names;
  for (const DropReasonRow& row : kDropReasons) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(std::ranges::all_of(row.name, [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); })) << row.name;
    EXPECT_TRUE(row.meaning.ends_with('.')) << row.name;
    EXPECT_TRUE(row.meaning.starts_with("The ") || row.meaning.starts_with("Too ") || row.meaning.starts_with("No "))
        << row.name;
  }
}

TEST(DropReasons, AreCountedOnTheSideOfTheirRow) {
  EXPECT_EQ(drop_reason_name(DropReason::kOverMtu), "over_mtu");
  EXPECT_TRUE(is_egress_reason(DropReason::kEgressDown));
  EXPECT_TRUE(is_egress_reason(DropReason::kEgressError));
  EXPECT_FALSE(is_egress_reason(DropReason::kRunt));
  EXPECT_FALSE(is_egress_reason(DropReason::kNoEgress));
  // Those at ingress come first.
  EXPECT_TRUE(std::ranges::is_sorted(kDropReasons, {}, &DropReasonRow::side));
}

TEST(DropReasons, AreListedInTheDocumentationAsInTheTable) {
  std::ifstream file(RB_SOURCE_DIR "/docs/drop-reasons.md");
  std::ostringstream page;
  page << file.rdbuf();
  std::string table;
  for (const DropSide side : {DropSide::kIngress, DropSide::kEgress}) {
    table = "| reason | meaning |\n|---|---|\n";
    for (const DropReasonRow& row : kDropReasons) {
      if (row.side == side) table += "| `" + std::string(row.name) + "` | " + std::string(row.meaning) + " |\n";
    }
    EXPECT_NE(page.str().find(table), std::string::npos) << "docs/drop-reasons.md should have:\n" << table;
  }
}

}  // namespace
}  // namespace rb
