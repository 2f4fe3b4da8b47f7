// SPDX-License-Identifier: GPL-2.0-or-later
// Log: the only way by which ringbridged writes messages. Workers never log; the control thread does.
//
// How it works
// - A message is one line on standard error. When standard error is a stream of systemd's journal, a line begins with
//   the level as `<N>` (sd-daemon(3)); else with "ringbridged: " and the name of the level.
// - A peer or guest can cause the same message again and again. Therefore each message has a subject (its own text,
// unless
//   the caller names one), and per subject only kBurst messages are written in kPeriod. The others are counted; when
//   the period ends, the last of them is written once more with their number.
// - The number of subjects is bounded. While kMaxSubjects subjects are remembered, all further ones share one
// allowance.
// - Text may come from outside. Control characters are replaced, so that no text can forge a line or a level.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace rb {

/// The most severe level comes first.
enum class LogLevel : std::uint8_t { kError, kWarning, kNotice, kInfo, kDebug };

inline constexpr std::array<std::string_view, 5> kLogLevelNames{"error", "warning", "notice", "info", "debug"};

[[nodiscard]] std::string_view log_level_name(LogLevel level);
/// The level of that name; nothing if there is none.
[[nodiscard]] std::optional<LogLevel> find_log_level(std::string_view name);

enum class LogFormat : std::uint8_t { kPlain, kJournal };

/// The format for the descriptor `fd`: kJournal if `journal_stream`, the value of the environment variable
/// JOURNAL_STREAM ("DEVICE:INODE", or null), names the file behind `fd`.
[[nodiscard]] LogFormat log_format_of(int fd, const char* journal_stream);

/// Not thread-safe: one thread uses a Log.
class Log {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// Gets one line with its newline.
  using Sink = std::function<void(std::string_view line)>;
  /// Is told when flush() is due next, each time that a message is held back for the first time in its period.
  using Waker = std::function<void(Time due)>;

  static constexpr unsigned kBurst = 5;
  static constexpr std::chrono::seconds kPeriod{10};
  static constexpr std::size_t kMaxSubjects = 256;
  /// Bytes of a message's text; the rest is cut off.
  static constexpr std::size_t kMaxTextSize = 2000;

  Log(LogFormat format, Sink sink) : format_(format), sink_(std::move(sink)) {}

  /// Messages of lesser levels are left out. The default is kInfo.
  void set_level(LogLevel level) { level_ = level; }
  /// An empty `waker` ends the notifications. Without a waker, summaries are written by the next write() or flush().
  void set_waker(Waker waker) { waker_ = std::move(waker); }
  /// Whether messages of this level are written; saves callers from composing what nobody reads.
  [[nodiscard]] bool writes(LogLevel level) const { return level <= level_; }

  /// Writes `text` unless too many messages of its subject came within kPeriod. `subject` is the text itself if empty.
  void write(Time now, LogLevel level, std::string_view text, std::string_view subject = {});
  /// Writes the summaries of periods that have ended, and forgets those subjects. Returns when the next summary is due;
  /// nothing while no message is held back.
  std::optional<Time> flush(Time now);
  /// Writes all summaries, also those of periods that have not ended.
  void flush_all();

 private:
  struct Subject {
    Time began;
    unsigned written = 0;
    unsigned held_back = 0;
    LogLevel level = LogLevel::kNotice;  // of the last message held back
    std::string text = {};               // of the last message held back
  };
  void put(LogLevel level, std::string_view text) const;
  void summarise(const Subject& subject) const;

  LogFormat format_;
  Sink sink_;
  Waker waker_;
  LogLevel level_ = LogLevel::kInfo;
  std::map<std::string, Subject, std::less<>> subjects_;
};

/// The daemon's log, on standard error. Used by the control thread alone.
[[nodiscard]] Log& daemon_log();

/// Writes to daemon_log() now.
void log_message(LogLevel level, std::string_view text, std::string_view subject = {});

}  // namespace rb
