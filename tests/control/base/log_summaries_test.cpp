// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/base/log_summaries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rb {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LogSummariesTest : public ::testing::Test {
 protected:
  /// Writes more messages at `time` than a period allows; one of them is held back.
  void exhaust(const std::string& text, Log::Time time) {
    for (unsigned i = 0; i <= Log::kBurst; ++i) log.write(time, LogLevel::kNotice, text);
    lines.clear();
  }

  EventLoop loop;
  std::vector<std::string> lines;
  Log log{LogFormat::kPlain, [this](std::string_view line) { lines.emplace_back(line); }};
};

TEST_F(LogSummariesTest, AreWrittenByTheTimerWithoutAnotherMessage) {
  const LogSummaries summaries(loop, log);
  const Log::Time began = std::chrono::steady_clock::now() - Log::kPeriod;
  exhaust("first", began + 40ms);
  exhaust("second", began + 80ms);
  while (lines.size() < 2) ASSERT_EQ(loop.run_once(10000), 1U) << "the timer did not expire";
  EXPECT_THAT(lines, ElementsAre("ringbridged: notice: first ... repeated 1 times\n",
                                 "ringbridged: notice: second ... repeated 1 times\n"));
  EXPECT_EQ(loop.run_once(0), 0U);
}

TEST_F(LogSummariesTest, NeedNoTimerWhileNothingIsHeldBack) {
  const LogSummaries summaries(loop, log);
  log.write(std::chrono::steady_clock::now() - Log::kPeriod, LogLevel::kNotice, "once");
  EXPECT_EQ(loop.run_once(20), 0U);
}

TEST_F(LogSummariesTest, AreWrittenAtTheEnd) {
  {
    const LogSummaries summaries(loop, log);
    exhaust("again", std::chrono::steady_clock::now());
    EXPECT_THAT(lines, IsEmpty());
  }
  EXPECT_THAT(lines, ElementsAre("ringbridged: notice: again ... repeated 1 times\n"));
}

}  // namespace
}  // namespace rb
