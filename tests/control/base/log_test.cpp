// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/base/log.hpp"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "ports/base/unique_fd.hpp"

namespace rb {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LogTest : public ::testing::Test {
 protected:
  void say(LogLevel level, std::string_view text, std::string_view subject = {}) {
    log.write(now, level, text, subject);
  }
  /// Writes the text more often than a period allows, and forgets the lines.
  void exhaust(const std::string& text, unsigned held_back) {
    for (unsigned i = 0; i < Log::kBurst + held_back; ++i) say(LogLevel::kNotice, text);
    lines.clear();
  }

  Log::Time now{1000s};
  std::vector<std::string> lines;
  Log log{LogFormat::kPlain, [this](std::string_view line) { lines.emplace_back(line); }};
};

TEST_F(LogTest, APlainLineNamesTheProgramAndTheLevel) {
  say(LogLevel::kNotice, "port tap0: gone");
  say(LogLevel::kError, "no memory");
  EXPECT_THAT(lines, ElementsAre("ringbridged: notice: port tap0: gone\n", "ringbridged: error: no memory\n"));
}

TEST_F(LogTest, ALineForTheJournalBeginsWithTheSyslogLevel) {
  Log journal(LogFormat::kJournal, [this](std::string_view line) { lines.emplace_back(line); });
  journal.set_level(LogLevel::kDebug);
  for (const LogLevel level :
       {LogLevel::kError, LogLevel::kWarning, LogLevel::kNotice, LogLevel::kInfo, LogLevel::kDebug})
    journal.write(now, level, "text");
  EXPECT_THAT(lines, ElementsAre("<3>text\n", "<4>text\n", "<5>text\n", "<6>text\n", "<7>text\n"));
}

TEST_F(LogTest, LesserLevelsAreLeftOut) {
  say(LogLevel::kDebug, "left out by default");
  EXPECT_THAT(lines, IsEmpty());
  log.set_level(LogLevel::kWarning);
  EXPECT_FALSE(log.writes(LogLevel::kNotice));
  say(LogLevel::kNotice, "left out");
  say(LogLevel::kWarning, "written");
  EXPECT_THAT(lines, ElementsAre("ringbridged: warning: written\n"));
}

TEST_F(LogTest, EveryLevelIsFoundByItsNameAndNothingElseIs) {
  for (const std::string_view name : kLogLevelNames) {
    ASSERT_TRUE(find_log_level(name)) << name;
    EXPECT_EQ(log_level_name(*find_log_level(name)), name);
  }
  for (const std::string_view other : {"", "Error", "err", "loud"}) EXPECT_FALSE(find_log_level(other)) << other;
}

TEST_F(LogTest, ARepeatedMessageIsHeldBackAndSummarisedWhenItsPeriodEnds) {
  for (unsigned i = 0; i < Log::kBurst + 37; ++i) say(LogLevel::kNotice, "again");
  EXPECT_THAT(lines, SizeIs(Log::kBurst));
  lines.clear();
  now += Log::kPeriod - 1ms;
  EXPECT_EQ(log.flush(now), now + 1ms);
  EXPECT_THAT(lines, IsEmpty()) << "the period has not ended";
  now += 1ms;
  EXPECT_EQ(log.flush(now), std::nullopt);
  EXPECT_THAT(lines, ElementsAre("ringbridged: notice: again ... repeated 37 times\n"));
  lines.clear();
  say(LogLevel::kNotice, "again");
  EXPECT_THAT(lines, ElementsAre("ringbridged: notice: again\n")) << "a new period has a new allowance";
}

TEST_F(LogTest, AMessageThatIsNotRepeatedHasNoSummary) {
  say(LogLevel::kNotice, "once");
  EXPECT_EQ(log.flush(now), std::nullopt);
  now += Log::kPeriod;
  EXPECT_EQ(log.flush(now), std::nullopt);
  EXPECT_THAT(lines, SizeIs(1));
}

TEST_F(LogTest, AnotherMessageIsNotHeldBackAndBringsTheSummariesThatAreDue) {
  exhaust("noisy", 2);
  say(LogLevel::kNotice, "other");
  EXPECT_THAT(lines, ElementsAre("ringbridged: notice: other\n"));
  lines.clear();
  now += Log::kPeriod;
  say(LogLevel::kNotice, "third");
  EXPECT_THAT(lines, ElementsAre("ringbridged: notice: noisy ... repeated 2 times\n", "ringbridged: notice: third\n"));
}

TEST_F(LogTest, MessagesOfOneSubjectShareAnAllowance) {
  for (unsigned i = 0; i < Log::kBurst + 3; ++i) say(LogLevel::kNotice, fmt::format("frame {}", i), "port tap0");
  EXPECT_THAT(lines, SizeIs(Log::kBurst));
  lines.clear();
  log.flush_all();
  EXPECT_THAT(lines, ElementsAre("ringbridged: notice: frame 7 ... repeated 3 times\n"));
}

TEST_F(LogTest, NewSubjectsShareOneAllowanceWhileTheTableIsFull) {
  for (std::size_t i = 0; i < Log::kMaxSubjects; ++i) say(LogLevel::kNotice, fmt::format("subject {}", i));
  lines.clear();
  for (int i = 0; i < 1000; ++i) say(LogLevel::kNotice, fmt::format("new {}", i));
  EXPECT_THAT(lines, SizeIs(Log::kBurst));
  now += Log::kPeriod;
  lines.clear();
  log.flush(now);
  EXPECT_THAT(lines, ElementsAre("ringbridged: notice: new 999 ... repeated 995 times\n"));
  say(LogLevel::kNotice, "room again");
  EXPECT_THAT(lines.back(), EndsWith("room again\n"));
}

TEST_F(LogTest, TheWakerIsToldOncePerPeriodWhenASummaryIsDue) {
  std::vector<Log::Time> due;
  log.set_waker([&](Log::Time time) { due.push_back(time); });
  const Log::Time began = now;
  for (unsigned i = 0; i < Log::kBurst; ++i) say(LogLevel::kNotice, "again");
  EXPECT_THAT(due, IsEmpty()) << "nothing is held back yet";
  now += 3s;
  for (int i = 0; i < 5; ++i) say(LogLevel::kNotice, "again");
  EXPECT_THAT(due, ElementsAre(began + Log::kPeriod));
}

TEST_F(LogTest, TextFromOutsideCannotForgeALineOrALevel) {
  say(LogLevel::kNotice, "a\n<0>b\r\x1b[2J\x7f\xc3\xa4");
  EXPECT_THAT(lines, ElementsAre("ringbridged: notice: a?<0>b??[2J?\xc3\xa4\n"));
}

TEST_F(LogTest, ALongTextIsCut) {
  say(LogLevel::kNotice, std::string(1 << 20, 'x'));
  EXPECT_EQ(lines.at(0), "ringbridged: notice: " + std::string(Log::kMaxTextSize, 'x') + "\n");
}

TEST(LogFormatOf, TheJournalIsKnownByTheDeviceAndInodeOfItsStream) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd read_end(ends[0]), write_end(ends[1]);
  struct stat status{};
  ASSERT_EQ(::fstat(write_end.get(), &status), 0);
  const std::string stream = fmt::format("{}:{}", status.st_dev, status.st_ino);
  EXPECT_EQ(log_format_of(write_end.get(), stream.c_str()), LogFormat::kJournal);
  EXPECT_EQ(log_format_of(write_end.get(), nullptr), LogFormat::kPlain);
  for (const std::string& other : {std::string(), stream + "0", stream + ":1", "0:" + stream, std::string("garbage")})
    EXPECT_EQ(log_format_of(write_end.get(), other.c_str()), LogFormat::kPlain) << other;
  EXPECT_EQ(log_format_of(-1, stream.c_str()), LogFormat::kPlain);
}

}  // namespace
}  // namespace rb
