// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/base/log.hpp"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace rb {
namespace {

/// The subject of all messages that come while the table of subjects is full. No other subject is empty.
constexpr std::string_view kOthers;

/// The levels of syslog(3), which journald reads.
constexpr std::array<int, kLogLevelNames.size()> kSyslogLevels{3, 4, 5, 6, 7};

}  // namespace

std::string_view log_level_name(LogLevel level) {
  return kLogLevelNames.at(static_cast<std::size_t>(level));
}

std::optional<LogLevel> find_log_level(std::string_view name) {
  const auto found = std::ranges::find(kLogLevelNames, name);
  if (found == kLogLevelNames.end()) return std::nullopt;
  return static_cast<LogLevel>(found - kLogLevelNames.begin());
}

LogFormat log_format_of(int fd, const char* journal_stream) {
  struct stat status{};
  if (journal_stream == nullptr || fstat(fd, &status) != 0) return LogFormat::kPlain;
  return fmt::format("{}:{}", status.st_dev, status.st_ino) == journal_stream ? LogFormat::kJournal : LogFormat::kPlain;
}

void Log::write(Time now, LogLevel level, std::string_view text, std::string_view subject) {
  if (!writes(level)) return;
  flush(now);
  if (subject.empty()) subject = text;
  auto found = subjects_.find(subject);
  if (found == subjects_.end()) {
    const std::string_view key = subjects_.size() < kMaxSubjects ? subject : kOthers;
    found = subjects_.try_emplace(std::string(key), Subject{.began = now}).first;
  }
  Subject& known = found->second;
  if (known.written < kBurst) {
    ++known.written;
    return put(level, text);
  }
  known.level = level;
  known.text = text;
  if (known.held_back++ == 0 && waker_) waker_(known.began + kPeriod);
}

std::optional<Log::Time> Log::flush(Time now) {
  std::optional<Time> next;
  std::erase_if(subjects_, [&](const auto& named) {
    const Subject& subject = named.second;
    const Time due = subject.began + kPeriod;
    if (now >= due) {
      summarise(subject);
      return true;
    }
    if (subject.held_back != 0) next = std::min(due, next.value_or(due));
    return false;
  });
  return next;
}

void Log::flush_all() {
  for (const auto& [name, subject] : subjects_) summarise(subject);
  subjects_.clear();
}

void Log::summarise(const Subject& subject) const {
  if (subject.held_back == 0) return;
  put(subject.level, fmt::format("{} ... repeated {} times", subject.text, subject.held_back));
}

void Log::put(LogLevel level, std::string_view text) const {
  std::string line = format_ == LogFormat::kJournal
                         ? fmt::format("<{}>", kSyslogLevels.at(static_cast<std::size_t>(level)))
                         : fmt::format("ringbridged: {}: ", log_level_name(level));
  const std::size_t start = line.size();
  line += text.substr(0, kMaxTextSize);
  std::replace_if(
      line.begin() + static_cast<std::ptrdiff_t>(start), line.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
  line += '\n';
  sink_(line);
}

Log& daemon_log() {
  static Log log(log_format_of(STDERR_FILENO, std::getenv("JOURNAL_STREAM")), [](std::string_view line) {
    // There is nobody to tell when standard error itself fails.
    (void)!::write(STDERR_FILENO, line.data(), line.size());
  });
  return log;
}

void log_message(LogLevel level, std::string_view text, std::string_view subject) {
  daemon_log().write(std::chrono::steady_clock::now(), level, text, subject);
}

}  // namespace rb
